import assert from 'node:assert/strict'
import { freePort } from './rest-server.ts'
import { run, runOk, start } from './run.ts'
import type { RunningCommand } from './run.ts'
import { callApi, mainModule, ownerToken, serveIn, setUpOwner } from './serving.ts'
import type { Answered, Serving } from './serving.ts'
import { tempFolder } from './temp.ts'
import type { TempFolder } from './temp.ts'

export interface SeenOperation {
  readonly id: string
  readonly kind: string
  readonly state: string
  readonly result: Readonly<Record<string, unknown>> | null
  readonly progress: { readonly step?: string } | null
  readonly reason: string | null
  readonly code: string | null
}

interface ServerDiffers {
  readonly env?: Readonly<Record<string, string>>
  readonly flags?: readonly string[]
}

/** A business with a server, an owner, and machines with agents: all of them processes of their own. */
export class BusinessOfMachines implements AsyncDisposable {
  readonly folder: TempFolder
  readonly serving: Serving
  readonly token: string
  readonly client: string
  readonly #machines: Machine[] = []

  private constructor(
    folder: TempFolder,
    serving: Serving,
    owner: { readonly token: string; readonly client: string },
  ) {
    this.folder = folder
    this.serving = serving
    this.token = owner.token
    this.client = owner.client
  }

  /** `env` and `flags` of the server, where it is to differ from its defaults. */
  static async open({ env = {}, flags = [] }: ServerDiffers = {}): Promise<BusinessOfMachines> {
    const folder = await tempFolder()
    const serving = await serveIn(env, folder.join('server'), await freePort(), ...flags)
    await setUpOwner(serving)
    const token = await ownerToken(serving)
    const { json } = await callApi(serving.origin, '/api/clients', { token, body: { name: 'Bakery' } })
    return new BusinessOfMachines(folder, serving, { token, client: (json as { readonly id: string }).id })
  }

  async call(path: string, body?: object, method?: string): Promise<Answered> {
    const { token } = this
    return await callApi(this.serving.origin, path, {
      token,
      ...(body && { body }),
      ...(method !== undefined && { method }),
    })
  }

  async ask<Answer = unknown>(path: string, body?: object, method?: string): Promise<Answer> {
    const { status, json } = await this.call(path, body, method)
    assert.equal(status, 200, `${path}: ${JSON.stringify(json)}`)
    return json as Answer
  }

  /**
   * A machine that is enrolled and approved, follows a policy for a folder where one is given, and whose agent runs. `line`:
   * by this line instead of one of its own.
   */
  async machine(
    name: string,
    { include, line }: { readonly include?: string; readonly line?: string } = {},
  ): Promise<Machine> {
    const before = new Set((await this.ask<{ id: string }[]>('/api/machines')).map(({ id }) => id))
    const made = await this.ask<{ line: string }>(`/api/clients/${this.client}/enrolment-lines`, {})
    const data = this.folder.join(name)
    await runOk(process.execPath, [mainModule, 'agent', 'enroll', '--data', data, line ?? made.line])
    const machines = await this.ask<{ id: string; state: string }[]>('/api/machines')
    const id = machines.find((one) => (line === undefined ? !before.has(one.id) : one.state === 'waiting'))?.id ?? ''
    await this.ask(`/api/machines/${id}/approve`, {})
    const policy = include === undefined ? undefined : await this.#policy(id, include)
    const machine = new Machine(id, data, policy)
    this.#machines.push(machine)
    await this.until(`${name} has its repository`, () => Promise.resolve(machine.said.includes('has its repository')))
    return machine
  }

  async #policy(machine: string, include: string): Promise<string> {
    const policy = {
      name: `Files of ${machine}`,
      what: { include: [include] },
      when: { kind: 'daily', at: ['03:00'], timeZone: 'UTC' },
      keep: { daily: 7 },
      to: { repository: 'own' },
    }
    const { id } = await this.ask<{ id: string }>(`/api/clients/${this.client}/policies`, policy)
    await this.ask(`/api/machines/${machine}/policies`, { policies: [id] }, 'PUT')
    return id
  }

  /** Backs up now, by the machine's policy; returns the snapshot's id. */
  async backUp({ id: machine, policy }: Machine): Promise<string> {
    const { id } = await this.ask<SeenOperation>(`/api/machines/${machine}/backup`, { policy })
    const { result, reason } = await this.over(id)
    const snapshotId = result?.['snapshotId']
    assert.ok(typeof snapshotId === 'string', reason ?? 'no snapshot')
    return snapshotId
  }

  async restore(machine: Machine, body: object): Promise<string> {
    return (await this.ask<SeenOperation>(`/api/machines/${machine.id}/restore`, body)).id
  }

  async operation(id: string): Promise<SeenOperation> {
    return await this.ask<SeenOperation>(`/api/operations/${id}`)
  }

  /** The operation, once it has ended. */
  async over(id: string): Promise<SeenOperation> {
    const isOver = async () => !['waiting', 'running'].includes((await this.operation(id)).state)
    await this.until(`operation ${id} ends`, isOver)
    return await this.operation(id)
  }

  /** The operation, once it waits for somebody. */
  async setAside(id: string): Promise<SeenOperation> {
    await this.until(`operation ${id} is set aside`, async () => {
      const { state, progress } = await this.operation(id)
      return state === 'waiting' && progress?.step !== undefined
    })
    return await this.operation(id)
  }

  async until(what: string, condition: () => Promise<boolean>): Promise<void> {
    for (let tries = 0; tries < 600; tries++) {
      if (await condition()) return
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    assert.fail(`it never came to that: ${what}\n${this.#machines.map(({ said }) => said).join('\n')}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const machine of this.#machines) await machine[Symbol.asyncDispose]()
    await this.serving[Symbol.asyncDispose]()
    await this.folder[Symbol.asyncDispose]()
  }
}

/** A machine whose agent runs. */
export class Machine implements AsyncDisposable {
  readonly id: string
  readonly data: string
  readonly policy: string | undefined
  readonly #agent: RunningCommand

  constructor(id: string, data: string, policy: string | undefined) {
    this.id = id
    this.data = data
    this.policy = policy
    this.#agent = start(process.execPath, [mainModule, 'agent', 'run', '--json', '--data', data], { timeout: 600_000 })
  }

  get said(): string {
    const { stdout, stderr } = this.#agent.output()
    return stdout + stderr
  }

  /** Somebody on the machine says yes. */
  async approve(...args: readonly string[]): Promise<{ readonly code: number | null; readonly words: string }> {
    const command = [mainModule, 'agent', 'approve', '--data', this.data, ...args]
    const { code, stdout, stderr } = await run(process.execPath, command)
    return { code, words: stdout + stderr }
  }

  async stop(): Promise<void> {
    this.#agent.kill('SIGTERM')
    await this.#agent.result
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent[Symbol.asyncDispose]()
  }
}
