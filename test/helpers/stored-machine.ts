import { createHash, randomUUID } from 'node:crypto'
import { LocalBackend } from '#backend'
import type { FileType } from '#backend'
import { encodeNode, encodeTree, loadTree } from '#repository'
import type { TreeNode } from '#repository'
import type { LedgerEntry } from '../../src/server/records/ledger.ts'
import type { Services } from '../../src/server/app/services.ts'
import { grantRepository } from '../../src/server/repositories/own-repositories.ts'
import { TestRepository, password } from './build-repository.ts'
import type { TestFiles } from './build-repository.ts'
import type { TestServer } from './test-server.ts'

export interface BackUpOptions {
  readonly time?: string
  /** False: it comes to the storage past the server. */
  readonly isSent?: boolean
  /** The bytes that the name of the first entry becomes. */
  readonly rename?: Buffer
}

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

  /** The machine backs up; returns the snapshot's name. */
  async backUp(files: TestFiles, { time, isSent = true, rename }: BackUpOptions = {}): Promise<string> {
    const tree = await this.repository.store(files)
    const snapshotId = await this.repository.saveSnapshotOf(rename ? await this.#renamed(tree, rename) : tree, time)
    await this.#put()
    if (isSent) await this.note('received', snapshotId)
    return snapshotId
  }

  async note(what: LedgerEntry['what'], snapshotId: string): Promise<void> {
    const { repositoryId, machine: machineId } = this
    await this.#services.ledger.write({ repositoryId, what, snapshotId, machineId })
  }

  async #renamed(tree: Buffer, name: Buffer): Promise<Buffer> {
    const [node] = await loadTree(await this.repository.load(), tree)
    const renamed = encodeTree([encodeNode({ ...(node as TreeNode).decode(), name })])
    await this.repository.saveBlobs('tree', [renamed])
    return createHash('sha256').update(renamed).digest()
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
