import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from './rest-server.ts'
import { runOk, start } from './run.ts'
import type { RunningCommand } from './run.ts'
import { callApi, mainModule, ownerToken, serve, setUpOwner } from './serving.ts'
import type { Serving } from './serving.ts'
import { tempFolder } from './temp.ts'
import type { TempFolder } from './temp.ts'

export interface Operation {
  readonly id: string
  readonly kind: string
  readonly state: string
  readonly result: Record<string, unknown> | null
  readonly reason: string | null
  readonly code: string | null
}

function policyWith(more: string | object): object {
  return {
    name: 'Files',
    ...(typeof more === 'string' && { what: { include: [more] } }),
    when: { kind: 'daily', at: ['03:00'], timeZone: 'UTC' },
    keep: { daily: 7 },
    to: { repository: 'own' },
    ...(typeof more === 'object' && more),
  }
}

/** Flags by which the program opens the repository of the machine whose agent has this folder. */
export function repositoryFlags(agent: string, folder: TempFolder): string[] {
  const known = JSON.parse(readFileSync(join(agent, 'repository.json'), 'utf8')) as Record<string, string>
  const location = new URL(known['url'] ?? '')
  location.username = known['user'] ?? ''
  location.password = known['secret'] ?? ''
  writeFileSync(folder.join('location'), `rest:${location.href}`)
  writeFileSync(folder.join('password'), known['password'] ?? '')
  return ['--repository-file', folder.join('location'), '--password-file', folder.join('password')]
}

/** The snapshot of a backup that ended well. */
export function snapshotOf(backup: Operation): string {
  assert.equal(backup.state, 'done', JSON.stringify(backup))
  return backup.result?.['snapshotId'] as string
}

/** A business with a server, and a machine that is enrolled and approved. */
export class Business implements AsyncDisposable {
  readonly folder: TempFolder
  readonly port: number
  serving: Serving
  token = ''
  client = ''
  machine = ''
  /** What the program said when the machine was enrolled. */
  enrolment = ''
  #agent: RunningCommand | undefined

  private constructor(folder: TempFolder, port: number, serving: Serving) {
    this.folder = folder
    this.port = port
    this.serving = serving
  }

  static async open(...flags: readonly string[]): Promise<Business> {
    return await Business.#open(flags, [])
  }

  /** The machine keeps the password of its repository from the server; `enrolment` has it. */
  static async openKeepingPassword(): Promise<Business> {
    return await Business.#open([], ['--keep-password'])
  }

  static async #open(flags: readonly string[], ofEnrolment: readonly string[]): Promise<Business> {
    const folder = await tempFolder()
    const port = await freePort()
    const at = flags.map((flag) => flag.replace('PORT', String(port)))
    const business = new Business(folder, port, await serve(folder.join('server'), port, ...at))
    await setUpOwner(business.serving)
    business.token = await ownerToken(business.serving)
    business.client = (await business.ask<{ id: string }>('/api/clients', { name: 'Bakery' })).id
    const { line } = await business.ask<{ line: string }>(`/api/clients/${business.client}/enrolment-lines`, {})
    const enrol = ['agent', 'enroll', '--data', folder.join('agent'), line, ...ofEnrolment]
    business.enrolment = await runOk(process.execPath, [mainModule, ...enrol])
    const [machine] = await business.ask<{ id: string }[]>('/api/machines')
    business.machine = machine?.id ?? ''
    await business.ask(`/api/machines/${business.machine}/approve`, {})
    return business
  }

  async ask<Answer>(path: string, body?: object, method?: string): Promise<Answer> {
    const { token } = this
    const about = { token, ...(body && { body }), ...(method !== undefined && { method }) }
    const { status, json } = await callApi(this.serving.origin, path, about)
    assert.equal(status, 200, `${path}: ${JSON.stringify(json)}`)
    return json as Answer
  }

  /** A policy that a machine follows: a folder, or whatever else it says. */
  async policy(more: string | object, machine = this.machine): Promise<string> {
    const { id } = await this.ask<{ id: string }>(`/api/clients/${this.client}/policies`, policyWith(more))
    await this.ask(`/api/machines/${machine}/policies`, { policies: [id] }, 'PUT')
    return id
  }

  async change(policy: string, more: object): Promise<void> {
    await this.ask(`/api/policies/${policy}`, policyWith(more), 'PUT')
  }

  /** Backs a machine up now, and waits for the end of it. */
  async backUp(policy: string, machine = this.machine): Promise<Operation> {
    const { id } = await this.ask<Operation>(`/api/machines/${machine}/backup`, { policy })
    return await this.ended(id)
  }

  /** An operation, as it has ended. */
  async ended(id: string): Promise<Operation> {
    let operation: Operation | undefined
    await this.until('an operation ends', async () => {
      operation = await this.ask<Operation>(`/api/operations/${id}`)
      return operation.state !== 'waiting' && operation.state !== 'running'
    })
    return operation as Operation
  }

  /** Flags by which the program opens the machine's repository. */
  repositoryFlags(agent = this.folder.join('agent')): string[] {
    return repositoryFlags(agent, this.folder)
  }

  startAgent(...flags: readonly string[]): void {
    const args = [mainModule, 'agent', 'run', '--json', '--data', this.folder.join('agent'), ...flags]
    this.#agent = start(process.execPath, args, { timeout: 600_000 })
  }

  get agentSaid(): string {
    const { stdout = '', stderr = '' } = this.#agent?.output() ?? {}
    return stdout + stderr
  }

  async stopAgent(): Promise<void> {
    this.#agent?.kill('SIGTERM')
    assert.equal((await this.#agent?.result)?.code, 0, this.agentSaid)
  }

  async killServer(): Promise<void> {
    this.serving.command.kill('SIGKILL')
    await this.serving.command.result
  }

  /** Has the server back itself up into a folder of its own; returns the flags that bring it back from there. */
  async backUpServer(): Promise<string[]> {
    const { folder } = this
    mkdirSync(folder.join('elsewhere'))
    await this.ask('/api/server/backup', { location: folder.join('elsewhere') }, 'PUT')
    const { password } = await this.ask<{ password: string }>('/api/server/backup/password', {})
    writeFileSync(folder.join('password'), `${password}\n`)
    const { id } = await this.ask<Operation>('/api/server/backup', {})
    assert.equal((await this.ended(id)).state, 'done')
    return ['--rebuild-from', folder.join('elsewhere'), '--rebuild-password-file', folder.join('password')]
  }

  /** The disk with the server's own folder is gone; the repositories were on another. */
  loseServerFolder(): void {
    const { folder } = this
    renameSync(folder.join('server', 'repositories'), folder.join('repositories'))
    rmSync(folder.join('server'), { recursive: true })
    mkdirSync(folder.join('server'))
    renameSync(folder.join('repositories'), folder.join('server', 'repositories'))
  }

  async operations(): Promise<readonly Operation[]> {
    return await this.ask('/api/operations')
  }

  async until(what: string, condition: () => Promise<boolean>): Promise<void> {
    for (let tries = 0; tries < 240; tries++) {
      if (await condition()) return
      await new Promise((resolve) => setTimeout(resolve, 500))
    }
    assert.fail(`it never came to that: ${what}\n${this.agentSaid}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent?.[Symbol.asyncDispose]()
    await this.serving[Symbol.asyncDispose]()
    await this.folder[Symbol.asyncDispose]()
  }
}
