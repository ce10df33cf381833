import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { systemClock } from '#base'
import type { Clock } from '#base'
import type { PowerAndLine } from '#policy'
import { everyClient } from '#protocol'
import { exampleDiscovery } from '../../../test/helpers/example-discovery.ts'
import { freePort } from '../../../test/helpers/rest-server.ts'
import { tempFolder } from '../../../test/helpers/temp.ts'
import type { TempFolder } from '../../../test/helpers/temp.ts'
import { TestServer } from '../../../test/helpers/test-server.ts'
import { until } from '../../../test/helpers/until.ts'
import { enrol } from '../enrol.ts'
import { AgentFolder } from '../state.ts'
import { runAgent } from './run-agent.ts'

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour

/** Whose wall clock the test sets; sleeping takes a moment. */
class WallClock implements Clock {
  wall: number

  constructor(wall: number) {
    this.wall = wall
  }

  now(): number {
    return this.wall
  }

  monotonic(): number {
    return systemClock.monotonic()
  }

  async sleep(milliseconds: number, options?: Parameters<Clock['sleep']>[1]): Promise<void> {
    await systemClock.sleep(Math.min(milliseconds, 20), options)
  }
}

/** A line of a program that prints a message and ends. */
function printed(message: object, code: number): string {
  return `console.log(${JSON.stringify(JSON.stringify(message))}); process.exitCode = ${code}`
}

function failureOf(code: string): string {
  return printed({ message_type: 'exit_error', message: 'Fatal: The storage is away.', error: code }, 1)
}

interface Operation {
  readonly state: string
  readonly endedAt: string | null
  readonly code: string | null
  readonly order: { readonly missed?: number; readonly planned?: string }
  readonly result: { readonly snapshotId?: string } | null
}

/** A machine with an agent that follows a policy of "every day at three", and a program that ends as the test says. */
class Scene implements AsyncDisposable {
  readonly server: TestServer
  readonly folder: TempFolder
  readonly clock: WallClock
  readonly port: number
  readonly said: string[] = []
  power: PowerAndLine = {}
  #ending = new AbortController()
  #init = ''
  #backup = ''
  #running: Promise<void> = Promise.resolve()
  #headers: Readonly<Record<string, string>> = {}

  private constructor(server: TestServer, folder: TempFolder, clock: WallClock, port: number) {
    this.server = server
    this.folder = folder
    this.clock = clock
    this.port = port
  }

  static async open(more: object = {}): Promise<Scene> {
    const clock = new WallClock(Date.parse('2026-03-10T12:00:00Z'))
    const server = await TestServer.open()
    const scene = new Scene(server, await tempFolder(), clock, await freePort())
    server.clock.wall = clock.wall
    scene.#headers = await server.tokenOf(await server.person({ [everyClient]: 'owner' }))
    const { id: client } = (await scene.ask('POST', '/api/clients', { name: 'Bakery' })) as { id: string }
    const { line } = (await scene.ask('POST', `/api/clients/${client}/enrolment-lines`, {})) as { line: string }
    const secret = line.split('#')[1] as string
    {
      await using _ = await server.listen(scene.port)
      const { machineId } = await enrol(scene.agent, `http://127.0.0.1:${scene.port}/#${secret}`, {
        version: '0',
        clock,
      })
      await scene.ask('POST', `/api/machines/${machineId}/approve`)
      const { id: policy } = (await scene.ask('POST', `/api/clients/${client}/policies`, {
        name: 'Files',
        what: { include: ['/srv'] },
        when: { kind: 'daily', at: ['03:00'], timeZone: 'UTC', spreadMinutes: 0 },
        keep: { daily: 7 },
        to: { repository: 'own' },
        ...more,
      })) as { id: string }
      await scene.ask('PUT', `/api/machines/${machineId}/policies`, { policies: [policy] })
    }
    scene.backupsEnd('done')
    return scene
  }

  get agent(): AgentFolder {
    return new AgentFolder(this.folder.join('agent'))
  }

  /** How backups end from now on. */
  backupsEnd(how: 'done' | 'failed' | 'never'): void {
    const summary = { message_type: 'summary', snapshot_id: 'a'.repeat(64), total_files_processed: 3 }
    this.#backup =
      how === 'failed' ? failureOf('STORAGE_AWAY') : how === 'done' ? printed(summary, 0) : 'setInterval(() => 0, 1000)'
    this.#writeProgram()
  }

  /** With which code making a repository fails from now on; undefined: it does not. */
  initEnds(code: string | undefined): void {
    this.#init = code === undefined ? '' : failureOf(code)
    this.#writeProgram()
  }

  #writeProgram(): void {
    const log = `require('fs').appendFileSync(${JSON.stringify(this.folder.join('ran'))}, 'x\\n')`
    const end = `if (process.argv.includes('init')) { ${this.#init} } else { ${this.#backup} }`
    writeFileSync(this.folder.join('program.cjs'), `${log}\n${end}\n`)
  }

  start(): void {
    const { clock, agent: folder } = this
    const program = { command: [process.execPath, this.folder.join('program.cjs')] as const }
    const onEvent = (sentence: string) => void this.said.push(sentence)
    const { signal } = this.#ending
    const look = async () => exampleDiscovery({ lookedAt: clock.now() })
    const askPowerAndLine = async () => ({ unknown: [], ...this.power })
    const options = { folder, program, version: '0', clock, signal, onEvent, rhythm: 20, look, askPowerAndLine }
    this.#running = runAgent(options)
    this.#running.catch(() => undefined)
  }

  /** Tells the agent to end, and waits until it has. */
  async stop(): Promise<void> {
    this.#ending.abort()
    await this.#running.catch(() => undefined)
    this.#ending = new AbortController()
    this.said.length = 0
  }

  /** The clocks of machine and server go on together. */
  pass(milliseconds: number): void {
    this.clock.wall += milliseconds
    this.server.clock.pass(milliseconds)
  }

  async ask(method: string, path: string, body?: object): Promise<unknown> {
    const about = { headers: this.#headers, ...(body && { body }) }
    const { status, json } = await this.server.call(method, path, about)
    assert.equal(status, 200, `${path}: ${JSON.stringify(json)}`)
    return json
  }

  /** Oldest first. */
  async operations(): Promise<readonly Operation[]> {
    return ((await this.ask('GET', '/api/operations')) as Operation[]).toReversed()
  }

  /** Waits until the server knows of so many operations that are over. */
  async over(count: number): Promise<readonly Operation[]> {
    let seen: readonly Operation[] = []
    for (let tries = 0; tries < 500; tries++) {
      seen = await this.operations()
      if (seen.filter(({ endedAt }) => endedAt !== null).length >= count) return seen
      await systemClock.sleep(20)
    }
    assert.fail(`${JSON.stringify(seen)}\n${this.said.join('\n')}`)
  }

  /** How often the program was run, the making of the repository included. */
  get runs(): number {
    return readFileSync(this.folder.join('ran'), 'utf8').trim().split('\n').length
  }

  /** Runs that the machine keeps to tell the server of. */
  get untold(): number {
    const file = this.folder.join('agent', 'pending.json')
    return existsSync(file) ? readFileSync(file, 'utf8').split('onceKey').length - 1 : 0
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort()
    await this.#running.catch(() => undefined)
    await this.server[Symbol.asyncDispose]()
    await this.folder[Symbol.asyncDispose]()
  }
}

test('a planned backup runs once, and its snapshot is signed in the ledger', async () => {
  await using scene = await Scene.open()
  await using _ = await scene.server.listen(scene.port)
  scene.start()
  await until(() => scene.said.includes('has its repository'))
  scene.pass(15 * hour + minute)
  const [operation] = await scene.over(1)
  assert.deepEqual([operation?.state, operation?.order.planned], ['done', '2026-03-11T03:00:00.000Z'])
  await scene.over(1)
  assert.equal((await scene.operations()).length, 1)
  const rows = await scene.server.services.store.db.selectFrom('ledger').selectAll().execute()
  assert.deepEqual(
    rows.map(({ what, snapshotId }) => [what, snapshotId]),
    [['signed', 'a'.repeat(64)]],
  )
})

test('a backup that fails is made again after ten minutes, three times at most, and then when it is next planned', async () => {
  await using scene = await Scene.open()
  await using _ = await scene.server.listen(scene.port)
  scene.start()
  await until(() => scene.said.includes('has its repository'))
  scene.backupsEnd('failed')
  scene.pass(15 * hour + minute)
  assert.deepEqual(
    (await scene.over(1)).map(({ state, code }) => [state, code]),
    [['failed', 'STORAGE_AWAY']],
  )
  for (let tries = 2; tries <= 4; tries++) {
    scene.pass(11 * minute)
    await scene.over(tries)
  }
  scene.pass(hour)
  await systemClock.sleep(300)
  assert.equal((await scene.operations()).length, 4, 'no fifth try')
  scene.backupsEnd('done')
  scene.pass(day)
  assert.equal((await scene.over(5)).at(-1)?.state, 'done')
})

test('with the server away the machine keeps its schedule, and what happened is told when the server is back', async () => {
  await using scene = await Scene.open()
  {
    await using _ = await scene.server.listen(scene.port)
    scene.start()
    await until(() => scene.said.includes('has its repository'))
  }
  const before = scene.runs
  for (let runs = 1; runs <= 3; runs++) {
    scene.pass(day)
    await until(() => scene.runs === before + runs)
    await until(() => scene.untold === runs)
  }
  assert.equal((await scene.operations()).length, 0)
  await using _ = await scene.server.listen(scene.port)
  const told = await scene.over(3)
  assert.deepEqual(
    told.map(({ state, order }) => [state, order.planned]),
    [
      ['done', '2026-03-11T03:00:00.000Z'],
      ['done', '2026-03-12T03:00:00.000Z'],
      ['done', '2026-03-13T03:00:00.000Z'],
    ],
  )
})

test('an agent that its server refuses for its version says so once, keeps its schedule, and tells all of it after an update', async () => {
  await using scene = await Scene.open()
  await using _ = await scene.server.listen(scene.port)
  scene.start()
  await until(() => scene.said.includes('has its repository'))
  const { services } = scene.server
  for (const [oldest, update] of [
    [3, 'needed'],
    [0, 'server'],
  ] as const) {
    scene.said.length = 0
    Object.assign(services, { protocols: { oldest, newest: oldest } })
    scene.pass(day)
    await until(() => scene.untold === 1)
    await until(() => scene.said.length > 0)
    const [machine] = (await scene.ask('GET', '/api/machines')) as { update: string }[]
    assert.equal(machine?.update, update)
    await systemClock.sleep(200)
    const sentences = scene.said.filter((sentence) => /versions that do not understand each other/.test(sentence))
    assert.equal(sentences.length, 1, scene.said.join('\n'))
    Object.assign(services, { protocols: { oldest: 1, newest: 3 } })
    await until(() => scene.untold === 0)
  }
  assert.deepEqual(
    (await scene.over(2)).map(({ state }) => state),
    ['done', 'done'],
  )
  await until(async () => ((await scene.ask('GET', '/api/machines')) as { update: null }[])[0]?.update === null)
})

test('a machine that slept for days catches up with one run, and says how many it missed', async () => {
  await using scene = await Scene.open()
  await using _ = await scene.server.listen(scene.port)
  scene.start()
  await until(() => scene.said.includes('has its repository'))
  scene.pass(4 * day)
  const [operation, ...others] = await scene.over(1)
  assert.deepEqual([operation?.state, operation?.order.missed, others], ['done', 3, []])
})

test('a machine whose clock is wrong by hours is heard all the same', async () => {
  await using scene = await Scene.open()
  scene.clock.wall += 7 * hour
  await using _ = await scene.server.listen(scene.port)
  scene.start()
  await until(() => scene.said.includes('has its repository'))
  const [machine] = (await scene.ask('GET', '/api/machines')) as { clockAhead: number }[]
  assert.ok(Math.abs((machine?.clockAhead ?? 0) - 7 * 3600) < 60)
})

test('a repository whose making was cut off is made with the same password, and one that is there is taken', async () => {
  await using scene = await Scene.open()
  const first = await scene.agent.repositoryPassword()
  await using _ = await scene.server.listen(scene.port)
  scene.initEnds('REPOSITORY_EXISTS')
  scene.start()
  await until(() => scene.said.includes('has its repository'))
  assert.equal((await scene.agent.readRepository())?.password, first)
})

test('a repository that could not be made is not taken for one, and is made at the next try', async () => {
  await using scene = await Scene.open()
  await using _ = await scene.server.listen(scene.port)
  scene.initEnds('STORAGE_AWAY')
  scene.start()
  await until(() => scene.said.some((sentence) => sentence.includes('could not make its repository')))
  assert.equal(await scene.agent.readRepository(), undefined)
  const { sealedPassword } = await scene.server.services.store.db
    .selectFrom('repositories')
    .select('sealedPassword')
    .executeTakeFirstOrThrow()
  scene.initEnds(undefined)
  await until(() => scene.said.includes('has its repository'))
  const after = scene.server.services.store.db.selectFrom('repositories').select('sealedPassword')
  assert.deepEqual(await after.execute(), [{ sealedPassword }])
})

test('an agent that is told to end in the middle of a backup leaves it to be made again, under the same name at the server', async () => {
  await using scene = await Scene.open()
  await using _ = await scene.server.listen(scene.port)
  scene.start()
  await until(() => scene.said.includes('has its repository'))
  scene.backupsEnd('never')
  scene.pass(15 * hour + minute)
  await until(() => scene.runs === 2)
  await scene.stop()
  assert.deepEqual(
    (await scene.operations()).map(({ state }) => state),
    ['running'],
  )
  scene.backupsEnd('done')
  scene.pass(11 * minute)
  scene.start()
  assert.deepEqual(
    (await scene.over(1)).map(({ state }) => state),
    ['done'],
  )
})

test('no planned backup begins in hours of rest, or while uploads pause', async () => {
  for (const more of [
    { rest: { hours: [{ from: '00:00', to: '06:00' }] } },
    { limits: { hours: [{ from: '00:00', to: '06:00', upload: 0 }] } },
  ]) {
    await using scene = await Scene.open(more)
    await using _ = await scene.server.listen(scene.port)
    scene.start()
    await until(() => scene.said.includes('has its repository'))
    const before = scene.runs
    scene.pass(15 * hour + minute)
    await systemClock.sleep(300)
    assert.equal(scene.runs, before)
    scene.pass(4 * hour)
    assert.equal((await scene.over(1))[0]?.state, 'done', 'when the hours are over')
  }
})

test('a machine on its battery, or on a line that is paid for by use, waits, says why once, and goes on when it may', async () => {
  const cases = [
    [{ rest: { batteryBelow: 50 } }, { batteryPercent: 30 }, /runs on its battery, at 30 %/],
    [{ rest: { onMeteredLine: true } }, { meteredLine: true }, /paid for by use/],
  ] as const
  for (const [more, power, why] of cases) {
    await using scene = await Scene.open(more)
    await using _ = await scene.server.listen(scene.port)
    scene.power = power
    scene.start()
    await until(() => scene.said.includes('has its repository'))
    const before = scene.runs
    scene.pass(15 * hour + minute)
    await until(() => scene.said.some((sentence) => why.test(sentence)))
    await systemClock.sleep(100)
    assert.deepEqual([scene.runs, scene.said.filter((sentence) => why.test(sentence)).length], [before, 1])
    scene.power = {}
    assert.equal((await scene.over(1))[0]?.state, 'done')
  }
})
