import { randomUUID } from 'node:crypto'
import { LocalBackend } from '#backend'
import type { FileType } from '#backend'
import type { Services } from '../../src/server/app/services.ts'
import { grantRepository } from '../../src/server/repositories/own-repositories.ts'
import { TestRepository, password } from './build-repository.ts'
import type { TestFiles } from './build-repository.ts'
import type { TestServer } from './test-server.ts'

/** A machine of a client of a test server, with a repository whose snapshots a test makes. */
export class StoredMachine {
  readonly client: string
  readonly machine: string
  readonly repositoryId: string
  readonly repository: TestRepository
  readonly #services: Services

  private constructor(services: Services, ids: readonly [string, string, string], repository: TestRepository) {
    this.#services = services
    ;[this.client, this.machine, this.repositoryId] = ids
    this.repository = repository
  }

  static async create(
    { services }: TestServer,
    { name = 'office', keepsPassword = false }: { readonly name?: string; readonly keepsPassword?: boolean } = {},
  ): Promise<StoredMachine> {
    const { store, clock } = services
    const [client, machine] = [randomUUID(), randomUUID()]
    const now = clock.now()
    const nothingYet = { publicKey: null, lastSeenAt: null, awayUntil: null, clockAheadMs: null, discovery: null }
    const made = { state: 'normal', stateSince: now, createdAt: now }
    await store.db
      .insertInto('clients')
      .values({ id: client, name: `${name} ${client}`, ...made })
      .execute()
    const about = {
      id: machine,
      clientId: client,
      name,
      kind: 'server',
      state: 'approved',
      about: '{}',
      createdAt: now,
    }
    await store.db
      .insertInto('machines')
      .values({ ...about, ...nothingYet })
      .execute()
    const { repositoryId } = await grantRepository(services, about, keepsPassword ? undefined : password)
    const ids = [client, machine, repositoryId] as const
    const stored = new StoredMachine(services, ids, await TestRepository.create())
    await stored.#put()
    return stored
  }

  get folder(): string {
    return this.#services.storage.locationOf(this.repositoryId)
  }

  /** The machine backs up; returns the snapshot's name. With `isSent` false nobody hears of it. */
  async backUp(
    files: TestFiles,
    { time, isSent = true }: { readonly time?: string; readonly isSent?: boolean } = {},
  ): Promise<string> {
    const snapshotId = await this.repository.snapshot(files, time === undefined ? {} : { time })
    await this.#put()
    if (isSent) await this.note('received', snapshotId)
    return snapshotId
  }

  async note(what: 'received' | 'removed' | 'signed', snapshotId: string): Promise<void> {
    const { repositoryId, machine: machineId } = this
    await this.#services.ledger.write({ repositoryId, what, snapshotId, machineId })
  }

  async #put(): Promise<void> {
    await using local = new LocalBackend(this.folder)
    await local.create()
    for (const [key, bytes] of this.repository.backend.files) {
      const [type, name] = key.split('/') as [FileType, string]
      if (type !== 'lock' && (await local.size({ type, name })) === undefined) await local.write({ type, name }, bytes)
    }
  }
}
