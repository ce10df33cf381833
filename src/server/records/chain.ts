import { createHash } from 'node:crypto'
import type { Kysely, Transaction } from 'kysely'
import type { Tables } from '../store/tables.ts'

/**
 * Hash chains: each entry's hash covers the one before it, so that an entry that is changed, removed or slipped in later
 * breaks the chain from there on. Whoever keeps a hash elsewhere can prove all that came before it.
 */

/** What stands before the first entry. */
export const chainStart = '0'.repeat(64)

export interface Link {
  readonly seq: number
  readonly hash: string
}

/**
 * Takes the next place in a chain for an entry. Two who append at the same time wait for each other, in whatever server
 * node they are; the place is theirs when the transaction ends well.
 */
export async function appendToChain(
  transaction: Transaction<Tables>,
  name: string,
  content: ChainContent,
): Promise<Link> {
  await transaction
    .insertInto('chains')
    .values({ name, seq: 0, hash: chainStart })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .execute()
  // Locks the row until the end of the transaction.
  const { seq, hash: before } = await transaction
    .updateTable('chains')
    .set((row) => ({ seq: row('seq', '+', 1) }))
    .where('name', '=', name)
    .returning(['seq', 'hash'])
    .executeTakeFirstOrThrow()
  const hash = linkHash(before, seq, content)
  await transaction.updateTable('chains').set({ hash }).where('name', '=', name).execute()
  return { seq, hash }
}

export async function headOfChain(db: Kysely<Tables>, name: string): Promise<Link> {
  const head = await db.selectFrom('chains').select(['seq', 'hash']).where('name', '=', name).executeTakeFirst()
  return head ?? { seq: 0, hash: chainStart }
}

/** What an entry says, as a list of its fields in a fixed order. */
export type ChainContent = readonly (string | number | null)[]

/** SHA-256 over the hash before, the number and the content, as JSON: fields cannot run into each other. */
export function linkHash(before: string, seq: number, content: ChainContent): string {
  return createHash('sha256')
    .update(JSON.stringify([before, seq, ...content]))
    .digest('hex')
}

export type ChainFault =
  | { readonly kind: 'missing'; readonly seq: number }
  | { readonly kind: 'changed'; readonly seq: number }
  | { readonly kind: 'cut'; readonly seq: number }

/** Follows a chain from its start, and names the first entry that does not fit; undefined: it is whole up to `head`. */
export async function verifyChain(
  entries: AsyncIterable<Link & { readonly content: ChainContent }>,
  head: Link,
): Promise<ChainFault | undefined> {
  let before = chainStart
  let expected = 1
  for await (const { seq, hash, content } of entries) {
    if (seq !== expected) return { kind: 'missing', seq: expected }
    if (linkHash(before, seq, content) !== hash) return { kind: 'changed', seq }
    before = hash
    expected++
  }
  if (expected - 1 !== head.seq || before !== head.hash) return { kind: 'cut', seq: expected }
  return undefined
}
