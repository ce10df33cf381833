import type { Kysely } from 'kysely'
import { systemClock } from '#base'
import type { Clock } from '#base'
import type { Row, Tables } from '../store/tables.ts'
import { appendToChain, headOfChain, verifyChain } from './chain.ts'
import type { ChainContent, ChainFault, Link } from './chain.ts'

/**
 * The ledger: every snapshot as the server received it, by the server's clock, and every one that the server itself removed.
 * Each repository is a hash chain of its own. What lies in the storage is held against it: a snapshot that is missing, that
 * came back although it was removed, or that nobody ever sent is noticed and named.
 */

export interface LedgerEntry {
  readonly repositoryId: string
  /** 'signed': the machine that made it has signed it. */
  readonly what: 'received' | 'removed' | 'signed'
  /** The snapshot file's name: 64 hexadecimal digits. */
  readonly snapshotId: string
  readonly machineId: string | null
  readonly details?: Readonly<Record<string, unknown>>
}

export interface LedgerFindings {
  /** Received, never removed by the server, and not in the storage. */
  readonly missing: readonly string[]
  /** Removed by the server, and in the storage all the same: a storage that was rolled back shows it. */
  readonly returned: readonly string[]
  /** In the storage, and never received. */
  readonly unknown: readonly string[]
}

export class Ledger {
  readonly #db: Kysely<Tables>
  readonly #clock: Clock

  constructor(db: Kysely<Tables>, clock: Clock = systemClock) {
    this.#db = db
    this.#clock = clock
  }

  /** Writes an entry. What the ledger says already is not written again: an upload whose answer was lost comes twice. */
  async write(entry: LedgerEntry): Promise<void> {
    const { repositoryId, what, snapshotId, machineId, details = {} } = entry
    await this.#db.transaction().execute(async (transaction) => {
      const last = await transaction
        .selectFrom('ledger')
        .select('what')
        .where('repositoryId', '=', repositoryId)
        .where('snapshotId', '=', snapshotId)
        .where('what', 'in', what === 'signed' ? ['signed'] : presence)
        .orderBy('seq', 'desc')
        .limit(1)
        .executeTakeFirst()
      if (last?.what === what) return
      const row = { what, snapshotId, machineId, at: this.#clock.now(), details: JSON.stringify(details) }
      const link = await appendToChain(transaction, chainOf(repositoryId), contentOf(row))
      await transaction
        .insertInto('ledger')
        .values({ repositoryId, ...row, ...link })
        .execute()
    })
  }

  /** All entries of a repository, in their order. */
  async *entries(repositoryId: string): AsyncIterable<Row<'ledger'>> {
    let after = 0
    for (;;) {
      const page = await this.#db
        .selectFrom('ledger')
        .selectAll()
        .where('repositoryId', '=', repositoryId)
        .where('seq', '>', after)
        .orderBy('seq')
        .limit(pageLength)
        .execute()
      yield* page
      const last = page.at(-1)
      if (!last || page.length < pageLength) return
      after = last.seq
    }
  }

  /** When each snapshot that should be there was received, in milliseconds since 1970 by the server's clock. */
  async received(repositoryId: string): Promise<Map<string, number>> {
    const present = new Map<string, number>()
    for await (const { what, snapshotId, at } of this.entries(repositoryId)) {
      if (what === 'received') present.set(snapshotId, at)
      else if (what === 'removed') present.delete(snapshotId)
    }
    return present
  }

  /** Holds what the storage lists against the ledger. */
  async compare(repositoryId: string, listed: ReadonlySet<string>): Promise<LedgerFindings> {
    const [present, removed] = [new Set<string>(), new Set<string>()]
    for await (const { what, snapshotId } of this.entries(repositoryId)) {
      if (!presence.includes(what)) continue
      const [to, from] = what === 'received' ? [present, removed] : [removed, present]
      to.add(snapshotId)
      from.delete(snapshotId)
    }
    return {
      missing: [...present].filter((id) => !listed.has(id)),
      returned: [...listed].filter((id) => removed.has(id)),
      unknown: [...listed].filter((id) => !present.has(id) && !removed.has(id)),
    }
  }

  /** Follows a repository's chain from its start. */
  async verify(repositoryId: string): Promise<{ readonly head: Link; readonly fault: ChainFault | undefined }> {
    const head = await headOfChain(this.#db, chainOf(repositoryId))
    return { head, fault: await verifyChain(withContent(this.entries(repositoryId)), head) }
  }
}

/** Snapshots that the server removed and that did not come again. */
export async function removedIn(entries: AsyncIterable<Pick<Row<'ledger'>, 'what' | 'snapshotId'>>): Promise<string[]> {
  const removed = new Set<string>()
  for await (const { what, snapshotId } of entries) {
    if (what === 'removed') removed.add(snapshotId)
    else if (what === 'received') removed.delete(snapshotId)
  }
  return [...removed]
}

const pageLength = 1_000
/** What says whether a snapshot should be there. */
const presence = ['received', 'removed']

function chainOf(repositoryId: string): string {
  return chainPrefix + repositoryId
}

const chainPrefix = 'ledger '

/** The number of the last entry of each ledger, by the id of its repository. */
export async function ledgerHeads(db: Kysely<Tables>): Promise<ReadonlyMap<string, number>> {
  const rows = await db.selectFrom('chains').select(['name', 'seq']).where('name', 'like', `${chainPrefix}%`).execute()
  return new Map(rows.map(({ name, seq }) => [name.slice(chainPrefix.length), seq]))
}

type LedgerContent = Pick<Row<'ledger'>, 'what' | 'snapshotId' | 'machineId' | 'at' | 'details'>

function contentOf({ what, snapshotId, machineId, at, details }: LedgerContent): ChainContent {
  return [what, snapshotId, machineId, at, details]
}

async function* withContent(entries: AsyncIterable<Row<'ledger'>>) {
  for await (const entry of entries) yield { seq: entry.seq, hash: entry.hash, content: contentOf(entry) }
}
