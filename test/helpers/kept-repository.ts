import { randomBytes, randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { sql } from 'kysely'
import { messageOf } from '#base'
import type { FileType } from '#backend'
import type { Keep } from '#policy'
import { everyClient } from '#protocol'
import type { Outcome } from '#protocol'
import { formatTime } from '#repository'
import { encodeLockFile } from '../../src/repository/format/lock-file.ts'
import { openOwnRepository } from '../../src/server/repositories/open-repository.ts'
import { createPolicy, assignPolicies } from '../../src/server/fleet/policies.ts'
import { grantRepository } from '../../src/server/repositories/own-repositories.ts'
import type { Services } from '../../src/server/app/services.ts'
import { serverJobs } from '../../src/server/work/jobs.ts'
import { password, TestRepository } from './build-repository.ts'
import type { RepositoryState } from './build-repository.ts'
import { cheapenKey } from './cheap-key.ts'
import { storeKinds } from './stores.ts'
import type { StoreKind } from './stores.ts'
import { TestServer } from './test-server.ts'

const day = 86_400_000

/** A repository in memory from which all others come: making one costs a fifth of a second. */
let made: Promise<{ readonly source: TestRepository; readonly empty: RepositoryState }> | undefined

async function emptyRepository() {
  const source = await TestRepository.create()
  return { source, empty: source.backend.keep() }
}

type Headers = Readonly<Record<string, string>>
type Ended = Outcome & { readonly id: string }

export interface Owner {
  readonly id: string
  /** Headers of a signed-in browser, and of an API token. */
  readonly session: Headers
  readonly token: Headers
}

export interface Backup {
  readonly state?: 'done' | 'warnings'
  /** Figures of the report, beside those of a quiet run. */
  readonly report?: Readonly<Record<string, number>>
  /** What the snapshot says of its time, in milliseconds since 1970. Default: now. */
  readonly claims?: number
  /** Bytes of its one file, which no other snapshot has. */
  readonly bytes?: number
  /** Comes without a report, as from stock restic. */
  readonly silent?: boolean
}

/** A control server with one client, one machine and its repository on the server: backups come by a call. */
export class KeptRepository implements AsyncDisposable {
  readonly server: TestServer
  readonly client: string
  readonly machine: string
  readonly id: string
  readonly #source: TestRepository
  #stored = new Set<string>()

  private constructor(
    server: TestServer,
    source: TestRepository,
    ids: { client: string; machine: string; id: string },
  ) {
    this.server = server
    this.client = ids.client
    this.machine = ids.machine
    this.id = ids.id
    this.#source = source
  }

  static async open(kind: StoreKind = storeKinds[0] as StoreKind): Promise<KeptRepository> {
    made ??= emptyRepository()
    const { source, empty } = await made
    source.backend.bringBack(empty)
    const server = await TestServer.open(kind)
    const { services } = server
    const [client, machine] = [randomUUID(), randomUUID()]
    await insertMachine(services, client, machine)
    const about = { id: machine, clientId: client, name: 'till' }
    const { repositoryId: id } = await grantRepository(services, about, password)
    const kept = new KeptRepository(server, source, { client, machine, id })
    await services.storage.create(id)
    await kept.#store()
    cheapenKey(kept.folder, password)
    return kept
  }

  get services(): Services {
    return this.server.services
  }

  /** Where the repository lies, for whoever meddles with it. */
  get folder(): string {
    return join(this.services.folder, 'repositories', this.id)
  }

  /** A backup policy that the machine follows; returns its id. */
  async policy(keep: Keep): Promise<string> {
    const { id } = await createPolicy(this.services, this.client, policyWith(keep))
    await assignPolicies(this.services, this.machine, [id])
    return id
  }

  /** A backup that the server receives now; returns the snapshot's id. */
  async backup({ state = 'done', report = {}, claims, bytes = 2_000, silent = false }: Backup = {}): Promise<string> {
    const { ledger, operations, clock, store } = this.services
    const time = new Date(claims ?? clock.now()).toISOString()
    const snapshotId = await this.#source.snapshot({ 'a.txt': randomBytes(bytes) }, { time, again: true })
    await this.#store()
    await ledger.write({ repositoryId: this.id, what: 'received', snapshotId, machineId: this.machine })
    if (silent) return snapshotId
    const order = { policyId: 'files', name: 'Files' }
    const about = { clientId: this.client, machineId: this.machine, kind: 'backup', order, requestedBy: 'schedule' }
    const { id, claimEpoch } = await operations.begin(about, 'machine')
    const quiet = { files: 1_000, filesNew: 1, filesChanged: 2, bytes: 1_000_000, bytesAdded: 2_000 }
    await operations.finish(id, claimEpoch, { state, result: { snapshotId, ...quiet, ...report } })
    await store.db.deleteFrom('events').execute()
    return snapshotId
  }

  /** One backup a day, for so many days; the time passes. */
  async dailyBackups(days: number, backup: Backup = {}): Promise<string[]> {
    const ids: string[] = []
    for (let at = 0; at < days; at++) {
      ids.push(await this.backup(backup))
      this.server.clock.pass(day)
    }
    return ids
  }

  /** Orders something for the repository, and has the server do it; returns how it ended. */
  async run(kind: string, more: Readonly<Record<string, unknown>> = {}, services = this.services): Promise<Ended> {
    const about = { clientId: this.client, machineId: null, kind, requestedBy: 'server' }
    await services.operations.create({ ...about, order: { repository: this.id, ...more } })
    return await this.runWaiting(kind, services)
  }

  /** Has the server do the next operation of a kind that waits, however late it is planned for. */
  async runWaiting(kind: string, services = this.services): Promise<Ended> {
    await services.store.db
      .updateTable('operations')
      .set({ runAt: 0 })
      .where('kind', '=', kind)
      .where('state', '=', 'waiting')
      .execute()
    return await runNext(services, kind)
  }

  /** A person who owns everything, and has signed in just now. */
  async owner({ knownFor = 30 * day }: { readonly knownFor?: number } = {}): Promise<Owner> {
    const { server, services } = this
    const id = await server.person({ [everyClient]: 'owner' })
    const createdAt = new Date(server.clock.now() - knownFor).toISOString()
    await sql`update people set created_at = ${createdAt} where id = ${id}`.execute(services.store.db)
    const { email } = await services.store.db
      .selectFrom('people')
      .select('email')
      .where('id', '=', id)
      .executeTakeFirstOrThrow()
    return { id, session: await this.#signIn(email), token: await server.tokenOf(id) }
  }

  /** The session of a person, as if the password was shown by the clock of the test. */
  async #signIn(email: string): Promise<Headers> {
    const { server } = this
    const { origin } = server.services
    const body = JSON.stringify({ email, password: 'correct horse battery' })
    const headers = { 'content-type': 'application/json', origin }
    const answer = await server.app.inject({ method: 'POST', url: '/api/auth/sign-in/email', headers, payload: body })
    const given = [answer.headers['set-cookie'] ?? []].flat()
    await this.signInNow()
    return { origin, cookie: given.map((one) => one.split(';')[0]).join('; ') }
  }

  /** Everybody has shown the password just now. */
  async signInNow(): Promise<void> {
    const now = this.server.clock.now()
    const [at, until] = [new Date(now).toISOString(), new Date(Date.now() + 7 * day).toISOString()]
    await sql`update sessions set created_at = ${at}, expires_at = ${until}`.execute(this.services.store.db)
  }

  /** An exclusive lock that somebody else has written; returns its name. */
  async lock(about: { readonly hostname: string; readonly pid: number; readonly time: number }): Promise<string> {
    const repository = await openOwnRepository(this.services, this.id)
    const time = formatTime(BigInt(about.time) * 1_000_000n)
    const lock = { exclusive: true, username: 'root', uid: 0, gid: 0, hostname: about.hostname, pid: about.pid, time }
    return await repository.saveFile('lock', encodeLockFile(lock), {})
  }

  /** Ids of the snapshots that the storage lists. */
  async listed(): Promise<string[]> {
    const files = await Array.fromAsync(this.services.storage.list(this.id, 'snapshot'))
    return files.map(({ name }) => name).toSorted()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]()
  }

  /** What was written in memory since the last time comes to the server. */
  async #store(): Promise<void> {
    const backend = await this.services.storage.backend(this.id)
    for (const [key, bytes] of this.#source.backend.files) {
      if (this.#stored.has(key)) continue
      const [type, name] = key.split('/') as [FileType, string]
      if (type !== 'lock') await backend.write({ type, name }, bytes)
      this.#stored.add(key)
    }
  }
}

async function runNext(services: Services, kind: string): Promise<Ended> {
  const job = serverJobs.find((known) => known.kind === kind)
  const claim = await services.operations.claim('server:test', { machineId: null, kinds: [kind] })
  if (!job || !claim) throw new Error(`no ${kind} waits`)
  const { operation, epoch } = claim
  const work = { services, operation, signal: new AbortController().signal, report: () => undefined }
  try {
    const outcome = await job.run(job.order.parse(JSON.parse(operation.order)), work)
    await services.operations.finish(operation.id, epoch, outcome)
    return { ...outcome, id: operation.id }
  } catch (thrown) {
    await services.operations.finish(operation.id, epoch, { state: 'failed', reason: messageOf(thrown) })
    throw thrown
  }
}

export function policyWith(keep: Keep) {
  return {
    name: `Files ${randomUUID().slice(0, 8)}`,
    what: { include: ['/test'] },
    when: { kind: 'daily', at: ['03:00'], timeZone: 'UTC' },
    keep,
    to: { repository: 'own' },
  } as const
}

async function insertMachine({ store, clock }: Services, client: string, machine: string): Promise<void> {
  const now = clock.now()
  await store.db
    .insertInto('clients')
    .values({ id: client, name: `Bakery ${client}`, state: 'normal', stateSince: now, createdAt: now })
    .execute()
  const nothingYet = { publicKey: null, lastSeenAt: null, awayUntil: null, clockAheadMs: null, discovery: null }
  await store.db
    .insertInto('machines')
    .values({
      id: machine,
      clientId: client,
      name: 'till',
      kind: 'server',
      state: 'approved',
      about: '{}',
      createdAt: now,
      ...nothingYet,
    })
    .execute()
}
