import type { Kysely } from 'kysely'
import type { NewRow, Tables } from '../store/tables.ts'

/** Sizes over time: they tell when something will be full. */

/** How the subject of a storage begins; its name follows. */
export const storagePrefix = 'storage:'

export function repositorySubject(repositoryId: string): string {
  return `repository:${repositoryId}`
}

/** Of two that note the same at the same moment one is enough. */
export async function noteSize(db: Kysely<Tables>, size: NewRow<'sizes'>): Promise<void> {
  await db
    .insertInto('sizes')
    .values(size)
    .onConflict((conflict) => conflict.columns(['subject', 'at']).doNothing())
    .execute()
}

/** How long they are kept, in milliseconds. */
const kept = 90 * 86_400_000

export async function forgetOldSizes(db: Kysely<Tables>, now: number): Promise<void> {
  await db
    .deleteFrom('sizes')
    .where('at', '<', now - kept)
    .execute()
}
