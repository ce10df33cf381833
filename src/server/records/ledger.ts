import type { Kysely, Transaction } from 'kysely'
import { systemClock } from '#base'
import type { Clock } from '#base'
import type { Row, Tables } from '../store/tables.ts'
import { appendToChain, headOfChain, verifyChain } from './chain.ts'
import type { ChainContent, ChainFault, Link } from './chain.ts'

/**
 * The ledger: every snapshot as the server received it, by the server's clock, and every one that the server itself removed.
 * Each repository is a hash chain of its own. What lies in the storage is held against it: a snapshot that is missing, that
 * came back although it was removed, or that nobody ever sent is noticed and named.
 *
 * The server says what it is about to do before it does it ('removing', then the file goes, then 'removed'), so that a crash
 * between two of these looks like what it is, and like nobody's attack.
 */

/** What is said of whether a snapshot is there. */
export type PresenceEntry = 'received' | 'removing' | 'removed' | 'putting-back' | 'put-back'

export interface LedgerEntry {
  readonly repositoryId: string
  /**
   * 'signed': the machine that made it has signed it. 'suspect': received while something was wrong, until a person calls it
   * 'trusted'.
   */
  readonly what: PresenceEntry | 'signed' | 'suspect' | 'trusted'
  /** The snapshot file's name: 64 hexadecimal digits. */
  readonly snapshotId: string
  readonly machineId: string | null
  readonly details?: Readonly<Record<string, unknown>>
}

/** A snapshot as the ledger knows it. */
export interface LedgerSnapshot {
  readonly id: string
  /** What was said last. */
  readonly state: PresenceEntry
  /** When it was received, by the server's clock; putting it back changes nothing of that. */
  readonly receivedAt: number
  /** When a person had it put back last; undefined: nobody did, or it was removed since. */
  readonly putBackAt: number | undefined
  /** Why it is suspect; undefined: it is not. */
  readonly suspectBecause: string | undefined
  /** Whether the machine that made it has signed it. */
  readonly isSigned: boolean
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
  async write(entry: LedgerEntry, within?: Transaction<Tables>): Promise<void> {
    if (!within) return await this.#db.transaction().execute(async (own) => await this.write(entry, own))
    const { repositoryId, what, snapshotId, machineId, details = {} } = entry
    const last = await within
      .selectFrom('ledger')
      .select('what')
      .where('repositoryId', '=', repositoryId)
      .where('snapshotId', '=', snapshotId)
      .where('what', 'in', subjectOf(what))
      .orderBy('seq', 'desc')
      .limit(1)
      .executeTakeFirst()
    // What was put back is there: an upload of it says nothing new, and makes it no younger.
    if (last?.what === what || (what === 'received' && last?.what === 'put-back')) return
    const row = { what, snapshotId, machineId, at: this.#clock.now(), details: JSON.stringify(details) }
    const link = await appendToChain(within, chainOf(repositoryId), contentOf(row))
    await within
      .insertInto('ledger')
      .values({ repositoryId, ...row, ...link })
      .execute()
  }

  /** All entries of a repository, in their order. */
  async *entries(repositoryId: string, within: Kysely<Tables> = this.#db): AsyncIterable<Row<'ledger'>> {
    let after = 0
    for (;;) {
      const page = await within
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

  /** Every snapshot that was ever received, by its id. */
  async snapshots(repositoryId: string, within: Kysely<Tables> = this.#db): Promise<Map<string, LedgerSnapshot>> {
    const [known, signed] = [new Map<string, LedgerSnapshot>(), new Set<string>()]
    for await (const { what, snapshotId: id, at, details } of this.entries(repositoryId, within)) {
      const same = known.get(id) ?? { ...unheardOf, id, receivedAt: at }
      if (isPresence(what)) known.set(id, withPresence(same, what, at))
      else if (what === 'suspect') known.set(id, { ...same, suspectBecause: becauseOf(details) })
      else if (what === 'trusted') known.set(id, { ...same, suspectBecause: undefined })
      else signed.add(id)
    }
    return new Map([...known].map(([id, about]) => [id, { ...about, isSigned: signed.has(id) }]))
  }

  /** When each snapshot that should be there was received, in milliseconds since 1970 by the server's clock. */
  async received(repositoryId: string): Promise<Map<string, number>> {
    const all = [...(await this.snapshots(repositoryId)).values()]
    return new Map(all.filter(shouldBeThere).map(({ id, receivedAt }) => [id, receivedAt]))
  }

  /** Holds what the storage lists against the ledger. What is just being removed or put back may be there or not. */
  async compare(repositoryId: string, listed: ReadonlySet<string>): Promise<LedgerFindings> {
    const known = await this.snapshots(repositoryId)
    return {
      missing: [...known.values()].filter((each) => shouldBeThere(each) && !listed.has(each.id)).map(({ id }) => id),
      returned: [...listed].filter((id) => known.get(id)?.state === 'removed'),
      unknown: [...listed].filter((id) => !known.has(id)),
    }
  }

  /** The last entry of a repository's chain. */
  async head(repositoryId: string): Promise<Link> {
    return await headOfChain(this.#db, chainOf(repositoryId))
  }

  /** Follows a repository's chain from its start. */
  async verify(repositoryId: string): Promise<{ readonly head: Link; readonly fault: ChainFault | undefined }> {
    const head = await this.head(repositoryId)
    return { head, fault: await verifyChain(withContent(this.entries(repositoryId)), head) }
  }
}

/** Snapshots that the server removed and that did not come again. */
export async function removedIn(entries: AsyncIterable<Pick<Row<'ledger'>, 'what' | 'snapshotId'>>): Promise<string[]> {
  const removed = new Set<string>()
  for await (const { what, snapshotId } of entries) {
    if (what === 'removed') removed.add(snapshotId)
    else if (what === 'received' || what === 'put-back') removed.delete(snapshotId)
  }
  return [...removed]
}

const pageLength = 1_000
const presence = ['received', 'removing', 'removed', 'putting-back', 'put-back'] as const
const trust = ['suspect', 'trusted'] as const

const unheardOf = { state: 'removed', putBackAt: undefined, suspectBecause: undefined, isSigned: false } as const

function withPresence(before: LedgerSnapshot, state: PresenceEntry, at: number): LedgerSnapshot {
  const { putBackAt } = before
  if (state === 'received') return { ...before, state, receivedAt: at }
  if (state === 'removed') return { ...before, state, putBackAt: undefined }
  // Only what was asked for: a removal that was cut off ends with the same word.
  return { ...before, state, putBackAt: state === 'put-back' && before.state === 'putting-back' ? at : putBackAt }
}

/** Entries that say something about the same as this one, so that the last of them counts. */
function subjectOf(what: LedgerEntry['what']): readonly string[] {
  if (what === 'signed') return ['signed']
  return isPresence(what) ? presence : trust
}

function isPresence(what: string): what is PresenceEntry {
  return (presence as readonly string[]).includes(what)
}

/** Whether the storage must have the snapshot. */
export function shouldBeThere({ state }: LedgerSnapshot): boolean {
  return state === 'received' || state === 'put-back'
}

function becauseOf(details: string): string {
  const { because } = JSON.parse(details) as { readonly because?: unknown }
  return typeof because === 'string' ? because : 'It was received while something was wrong.'
}

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
