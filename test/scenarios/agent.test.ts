import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { test } from 'node:test'
import { missing, peer } from '../helpers/peers.ts'
import { freePort } from '../helpers/rest-server.ts'
import { run, runOk, start } from '../helpers/run.ts'
import type { RunningCommand } from '../helpers/run.ts'
import { callApi, mainModule, ownerToken, serve, setUpOwner } from '../helpers/serving.ts'
import type { Serving } from '../helpers/serving.ts'
import { tempFolder } from '../helpers/temp.ts'
import type { TempFolder } from '../helpers/temp.ts'

/** A business with a server, and a machine that is enrolled and approved. */
class Business implements AsyncDisposable {
  readonly folder: TempFolder
  readonly port: number
  serving: Serving
  token = ''
  client = ''
  machine = ''
  #agent: RunningCommand | undefined

  private constructor(folder: TempFolder, port: number, serving: Serving) {
    this.folder = folder
    this.port = port
    this.serving = serving
  }

  static async open(...flags: readonly string[]): Promise<Business> {
    const folder = await tempFolder()
    const port = await freePort()
    const at = flags.map((flag) => flag.replace('PORT', String(port)))
    const business = new Business(folder, port, await serve(folder.join('server'), port, ...at))
    await setUpOwner(business.serving)
    business.token = await ownerToken(business.serving)
    business.client = ((await business.ask('/api/clients', { name: 'Bakery' })) as { id: string }).id
    const { line } = (await business.ask(`/api/clients/${business.client}/enrolment-lines`, {})) as { line: string }
    await runOk(process.execPath, [mainModule, 'agent', 'enroll', '--data', folder.join('agent'), line])
    const [machine] = (await business.ask('/api/machines')) as { id: string }[]
    business.machine = machine?.id ?? ''
    await business.ask(`/api/machines/${business.machine}/approve`, {})
    return business
  }

  async ask(path: string, body?: object, method?: string): Promise<unknown> {
    const { token } = this
    const about = { token, ...(body && { body }), ...(method !== undefined && { method }) }
    const { status, json } = await callApi(this.serving.origin, path, about)
    assert.equal(status, 200, `${path}: ${JSON.stringify(json)}`)
    return json
  }

  /** A policy for a folder that the machine follows. */
  async policy(include: string): Promise<string> {
    const policy = {
      name: 'Files',
      what: { include: [include] },
      when: { kind: 'daily', at: ['03:00'], timeZone: 'UTC' },
      keep: { daily: 7 },
      to: { repository: 'own' },
    }
    const { id } = (await this.ask(`/api/clients/${this.client}/policies`, policy)) as { id: string }
    await this.ask(`/api/machines/${this.machine}/policies`, { policies: [id] }, 'PUT')
    return id
  }

  startAgent(): void {
    const args = [mainModule, 'agent', 'run', '--json', '--data', this.folder.join('agent')]
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

  async operations(): Promise<
    readonly {
      readonly kind: string
      readonly state: string
      readonly result: Record<string, unknown> | null
      readonly reason: string | null
    }[]
  > {
    return (await this.ask('/api/operations')) as never
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

test(
  'a machine is enrolled, follows a policy, and its backup comes back by stock restic',
  { skip: missing('restic') },
  async () => {
    await using business = await Business.open()
    const { folder } = business
    await mkdir(folder.join('files'))
    writeFileSync(folder.join('files', 'bill.txt'), 'forty-two')
    const policy = await business.policy(folder.join('files'))
    business.startAgent()
    await business.until('the machine is ready', () => Promise.resolve(business.agentSaid.includes('its repository')))
    await business.ask(`/api/machines/${business.machine}/backup`, { policy })
    await business.until('a backup is done', async () =>
      (await business.operations()).some(({ state }) => state === 'done'),
    )
    const operation = (await business.operations()).find(({ state }) => state === 'done')
    assert.equal(operation?.kind, 'backup')
    const snapshotId = operation.result?.['snapshotId'] as string
    await business.stopAgent()

    const repository = JSON.parse(readFileSync(folder.join('agent', 'repository.json'), 'utf8')) as Record<
      string,
      string
    >
    const url = new URL(repository['url'] ?? '')
    url.username = repository['user'] ?? ''
    url.password = repository['secret'] ?? ''
    const env = { RESTIC_REPOSITORY: `rest:${url.href}`, RESTIC_PASSWORD: repository['password'] }
    await runOk(peer('restic'), ['restore', snapshotId, '--target', folder.join('back'), '--no-cache'], { env })
    assert.equal(readFileSync(folder.join('back', folder.join('files', 'bill.txt')), 'utf8'), 'forty-two')
    const removal = await run(peer('restic'), ['forget', snapshotId, '--no-cache'], { env })
    assert.notEqual(removal.code, 0, 'a machine removes nothing')
  },
)
