import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { sql } from 'kysely'
import { everyClient } from '#protocol'
import { keyOf, makeClient } from '../../../test/helpers/made-client.ts'
import type { MadeClient } from '../../../test/helpers/made-client.ts'
import { TestServer } from '../../../test/helpers/test-server.ts'
import { buildApp } from '../app/build-app.ts'
import type { Services } from '../app/services.ts'
import { guardOf } from '../retention/deletion-guard.ts'
import { routes } from '../routes/index.ts'
import { openStore } from '../store/store.ts'
import { beginAnew } from './begin-anew.ts'
import { readStanding } from './standing.ts'
import { takeInJob } from './take-in-job.ts'

interface Welcome {
  readonly epoch: number
  readonly receipt: string
}

/** One state of the server: the first, or one over a copy of its control data; all have the same key and storage. */
interface State extends AsyncDisposable {
  readonly services: Services
  /** What the machine asks. */
  ask<Answer>(path: string, body: object): Promise<Answer>
  hello(receipt?: string): Promise<Welcome>
  job(receipt?: string): Promise<object | null>
}

class Scene implements AsyncDisposable {
  readonly server: TestServer
  readonly made: MadeClient
  readonly first: State
  #copies = 0

  private constructor(server: TestServer, made: MadeClient) {
    this.server = server
    this.made = made
    this.first = this.#state(server.services, server.app)
  }

  static async open(): Promise<Scene> {
    const server = await TestServer.open()
    const made = await makeClient(server, 'till')
    await server.services.storage.create(made.repository)
    return new Scene(server, made)
  }

  #state(services: Services, app: TestServer['app'], close = async () => undefined as unknown): State {
    const ask = async <Answer>(path: string, body: object) => {
      const payload = JSON.stringify(body)
      const { authorization } = keyOf(this.made.machine).header('POST', path, services.clock.now(), payload)
      const headers = { authorization, 'content-type': 'application/json' }
      const answer = await app.inject({ method: 'POST', url: path, headers, payload })
      assert.equal(answer.statusCode, 200, answer.payload)
      return JSON.parse(answer.payload) as Answer
    }
    const about = { hostname: 'till', platform: 'linux', release: '6', agentVersion: '0' }
    return {
      services,
      ask,
      hello: async (receipt) =>
        await ask('/api/machine/hello', { about, clock: services.clock.now(), follows: {}, receipt }),
      job: async (receipt) =>
        (await ask<{ job: object | null }>('/api/machine/operations/next', { kinds: ['backup', 'restore'], receipt }))
          .job,
      [Symbol.asyncDispose]: async () => void (await close()),
    }
  }

  /** The control data as they are now, in a file. */
  async copy(): Promise<string> {
    const { store, folder } = this.server.services
    const file = `${folder}/copy-${++this.#copies}.db`
    await sql`vacuum into ${file}`.execute(store.db)
    return file
  }

  /** A server that starts with control data of that moment. */
  async start(file: string): Promise<State> {
    const store = await openStore(file)
    const services = await TestServer.servicesOver(store, this.server.services)
    const app = await buildApp(routes, services)
    return this.#state(services, app, async () => {
      await app.close()
      await services.reading[Symbol.asyncDispose]()
      await store[Symbol.asyncDispose]()
    })
  }

  /** A snapshot arrives at a state of the server. */
  async backup({ services }: State): Promise<string> {
    const bytes = randomBytes(200)
    const snapshotId = createHash('sha256').update(bytes).digest('hex')
    const { repository: repositoryId, machine: machineId } = this.made
    const backend = await services.storage.backend(repositoryId)
    await backend.write({ type: 'snapshot', name: snapshotId }, bytes)
    await services.ledger.write({ repositoryId, what: 'received', snapshotId, machineId })
    return snapshotId
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]()
  }
}

async function held({ store }: Services): Promise<readonly (string | null)[]> {
  const rows = await store.db.selectFrom('repositories').select('heldBecause').where('held', '=', 1).execute()
  return rows.map(({ heldBecause }) => heldBecause)
}

/** Does the jobs by which the ledgers learn, by the clock of the test. */
async function takeAllIn(services: Services): Promise<void> {
  for (;;) {
    const claim = await services.operations.claim('server:test', { machineId: null, kinds: [takeInJob.kind] })
    if (!claim) return
    const { operation, epoch } = claim
    const work = { services, operation, signal: new AbortController().signal, report: () => undefined }
    const outcome = await takeInJob.run(takeInJob.order.parse(JSON.parse(operation.order)), work)
    await services.operations.finish(operation.id, epoch, outcome)
  }
}

test('control data of yesterday that are put back are noticed by what a machine keeps: nothing is done twice, nothing removed, all learned', async () => {
  await using scene = await Scene.open()
  const { first, made } = scene
  const old = await scene.backup(first)
  const yesterday = await scene.copy()
  assert.notEqual(await first.job(), null, 'what waited was done since')
  const young = await scene.backup(first)
  const { receipt, epoch } = await first.hello()

  await using back = await scene.start(yesterday)
  assert.equal(await back.job(receipt), null, 'the job of yesterday is not given again')
  const welcome = await back.hello(receipt)
  assert.equal(welcome.epoch, epoch + 1)
  assert.match((await held(back.services))[0] ?? '', /put back from an earlier day/)
  await takeAllIn(back.services)
  const known = await back.services.ledger.snapshots(made.repository)
  assert.deepEqual([...known.keys()].toSorted(), [old, young].toSorted(), 'no snapshot is forgotten')

  // What other machines keep of before is no news.
  await back.hello(receipt)
  assert.equal((await readStanding(back.services.store.db)).epoch, epoch + 1)
  const { db } = back.services.store
  const noted = await db.selectFrom('audit').select('what').where('what', '=', 'server.begin-anew').execute()
  assert.equal(noted.length, 1)
})

test('a server that still runs beside the one that took its place plans nothing, gives no jobs and removes nothing', async () => {
  await using scene = await Scene.open()
  const { first, made } = scene
  await scene.backup(first)
  await using rebuilt = await scene.start(await scene.copy())
  const standing = await readStanding(rebuilt.services.store.db)
  await beginAnew(rebuilt.services, { standing, because: 'a test', actor: { who: 'test', fromWhere: 'here' } })
  const { receipt, epoch } = await rebuilt.hello()

  const { operations, store } = first.services
  const order = { clientId: made.client, machineId: null, kind: 'purge', order: {}, requestedBy: 'schedule' }
  const operation = await operations.create(order)
  const mayDelete = guardOf(
    { services: first.services, operation, signal: new AbortController().signal, report: () => undefined },
    made.repository,
  )
  const { epoch: own } = await first.hello(receipt)
  assert.ok(own < epoch, 'by which the machine knows that it is the old one')
  assert.equal(await first.job(receipt), null)
  await assert.rejects(mayDelete(), { code: 'DELETION_STOPPED' })
  const headers = await scene.server.tokenOf(await scene.server.person({ [everyClient]: 'owner' }))
  const shown = (await scene.server.call('GET', '/api/server/standing', { headers })).json as {
    superseded: { because: string }
  }
  assert.match(shown.superseded.because, /"till" follows a later state/)

  // A person decides that the old one goes on after all.
  const taken = await scene.server.call('POST', '/api/server/take-over', { headers })
  assert.deepEqual([taken.status, taken.json], [200, { epoch: epoch + 1, superseded: null }])
  assert.equal((await first.hello(receipt)).epoch, epoch + 1)
  assert.equal((await held(first.services)).length, 1)
  assert.equal((await scene.server.call('POST', '/api/server/take-over', { headers })).status, 400)
  const cancelled = store.db.selectFrom('operations').select('state').where('id', '=', operation.id)
  assert.equal((await cancelled.executeTakeFirst())?.state, 'cancelled')
  // And the other notices in its turn.
  const { receipt: newest } = await first.hello(receipt)
  await rebuilt.hello(newest)
  assert.equal((await readStanding(rebuilt.services.store.db)).superseded?.epoch, epoch + 1)
})

test('what a machine makes up, or has from another, moves the server to nothing', async () => {
  await using scene = await Scene.open()
  const { first } = scene
  await scene.backup(first)
  const { receipt } = await first.hello()
  const [epoch = '', repository, seq, hash, mark = ''] = receipt.split('.')
  const made = [
    'x',
    `99.${mark}`,
    ['99', repository, seq, hash, mark].join('.'),
    [epoch, repository, '99', hash, mark].join('.'),
    [epoch, repository, seq, hash, 'é'.repeat(32)].join('.'),
    `${receipt}${'0'.repeat(64)}`,
  ]
  for (const forged of made) assert.equal((await first.hello(forged)).epoch, 1, forged)
  const { superseded, text } = await readStanding(first.services.store.db)
  assert.deepEqual([superseded, text, await held(first.services)], [null, undefined, []])
})

test('what was put back, or withdrawn, since the control data were copied is not purged and not carried out after all', async () => {
  await using scene = await Scene.open()
  const { first, made } = scene
  const { db } = first.services.store
  const aside = (type: string) => ({
    repositoryId: made.repository,
    type,
    name: 'a'.repeat(64),
    size: 1,
    day: '2020-01-01',
  })
  await db.insertInto('tombstones').values(['pack', 'index', 'snapshot'].map(aside)).execute()
  const yesterday = await scene.copy()
  // Meanwhile a person has had all of it put back, and has withdrawn what would delete the machine.
  const { receipt } = await first.hello()
  await scene.backup(first)
  const { receipt: newest } = await first.hello(receipt)

  await using back = await scene.start(yesterday)
  await back.hello(newest)
  const restored = back.services.store.db
  const left = await restored.selectFrom('tombstones').select(['type', 'day']).execute()
  const today = new Date(back.services.clock.now()).toISOString().slice(0, 10)
  assert.deepEqual(left, [{ type: 'snapshot', day: today }], 'snapshots that are kept need the others')
  const approval = restored.selectFrom('approvals').select('state').where('id', '=', made.approval)
  assert.equal((await approval.executeTakeFirstOrThrow()).state, 'withdrawn')
})
