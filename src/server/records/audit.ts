import type { Kysely, Transaction } from 'kysely'
import { systemClock } from '#base'
import type { Clock } from '#base'
import type { Row, Tables } from '../store/tables.ts'
import { formatMoment } from '../time.ts'
import { appendToChain, chainStart, headOfChain, verifyChain } from './chain.ts'
import type { ChainContent, ChainFault, Link } from './chain.ts'

/** Who did something, and from where. */
export interface Actor {
  /** 'person:…', 'machine:…', 'token:…', 'server', 'terminal'. */
  readonly who: string
  /** A network address, or 'terminal'. */
  readonly fromWhere: string
}

export interface AuditEntry {
  readonly actor: Actor
  /** What was done: `machine.approve`, `restore.download`. */
  readonly what: string
  readonly clientId?: string | null
  /** Plain JSON; never a secret. */
  readonly details?: Readonly<Record<string, unknown>>
}

const chain = 'audit'

/** The audit log: what people, machines and the server itself did, in one hash chain. Nothing in it is ever changed. */
export class AuditLog {
  readonly #db: Kysely<Tables>
  readonly #clock: Clock

  constructor(db: Kysely<Tables>, clock: Clock = systemClock) {
    this.#db = db
    this.#clock = clock
  }

  /** Writes an entry; within the transaction of what it tells about, where there is one: both are kept or neither. */
  async write(entry: AuditEntry, within?: Transaction<Tables>): Promise<Link> {
    if (!within) return await this.#db.transaction().execute(async (own) => await this.write(entry, own))
    const { actor, what, clientId = null, details = {} } = entry
    const at = this.#clock.now()
    const row = { at, who: actor.who, what, clientId, fromWhere: actor.fromWhere, details: JSON.stringify(details) }
    const link = await appendToChain(within, chain, auditContentOf(row))
    await within
      .insertInto('audit')
      .values({ ...row, ...link })
      .execute()
    return link
  }

  /** Entries after a number, of some clients or all and the server itself, in their order. */
  async *entries(
    options: { readonly after?: number; readonly clientIds?: readonly string[] } = {},
  ): AsyncIterable<Row<'audit'>> {
    let { after = 0 } = options
    const { clientIds } = options
    if (clientIds?.length === 0) return
    for (;;) {
      let query = this.#db.selectFrom('audit').selectAll().where('seq', '>', after).orderBy('seq').limit(pageLength)
      if (clientIds) query = query.where('clientId', 'in', clientIds)
      const page = await query.execute()
      yield* page
      const last = page.at(-1)
      if (!last || page.length < pageLength) return
      after = last.seq
    }
  }

  /** The newest entry. */
  async head(): Promise<Link> {
    return await headOfChain(this.#db, chain)
  }

  /** The place of an entry in the chain; 0 stands for what is before the first. Undefined: there is none. */
  async linkAt(seq: number): Promise<Link | undefined> {
    if (seq === 0) return { seq: 0, hash: chainStart }
    return await this.#db.selectFrom('audit').select(['seq', 'hash']).where('seq', '=', seq).executeTakeFirst()
  }

  /** Follows the chain from its start. */
  async verify(): Promise<{ readonly head: Link; readonly fault: ChainFault | undefined }> {
    const head = await headOfChain(this.#db, chain)
    return { head, fault: await verifyChain(withContent(this.entries()), head) }
  }
}

const pageLength = 1_000

type AuditContent = Omit<Row<'audit'>, 'seq' | 'hash'>

/** What of an entry its hash covers, in this order. */
export function auditContentOf({ at, who, what, clientId, fromWhere, details }: AuditContent): ChainContent {
  return [at, who, what, clientId, fromWhere, details]
}

async function* withContent(entries: AsyncIterable<Row<'audit'>>) {
  for await (const entry of entries) yield { seq: entry.seq, hash: entry.hash, content: auditContentOf(entry) }
}

/** An entry as exported files and the places that it is sent to have it: its hash can be computed again from it. */
export function showAuditEntry({ seq, at, who, what, clientId, fromWhere, details, hash }: Row<'audit'>) {
  return { seq, at: formatMoment(at), who, what, clientId, fromWhere, details: JSON.parse(details) as unknown, hash }
}
