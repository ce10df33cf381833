import type { Kysely } from 'kysely'
import type { Tables } from '../store/tables.ts'
import { z } from 'zod'
import { backupPolicySchema } from '#protocol'
import type { Keep } from '#policy'
import type { CopyKey } from './copies.ts'

/** What is remembered of the thinning of a copy. */
export interface CopyCare {
  /** By which it went last; empty: it never went. */
  readonly keeps: readonly Keep[]
  /** Snapshots of the copy that no policy keeps, and since when nobody keeps them, in milliseconds since 1970. */
  readonly leaving: ReadonlyMap<string, number>
  /** Packs that the last prune has marked: the next one deletes them. */
  readonly waitingPacks: number
}

const keepsSchema = z.array(backupPolicySchema.shape.keep)
const leavingSchema = z.record(z.string(), z.number())
const nothing: CopyCare = { keeps: [], leaving: new Map(), waitingPacks: 0 }

export async function careOfCopy(db: Kysely<Tables>, key: CopyKey): Promise<CopyCare> {
  const row = await db
    .selectFrom('copyCare')
    .selectAll()
    .where('destinationId', '=', key.destinationId)
    .where('repositoryId', '=', key.repositoryId)
    .where('diskId', '=', key.diskId)
    .executeTakeFirst()
  if (!row) return nothing
  return {
    keeps: row.keeps === null ? [] : keepsSchema.parse(JSON.parse(row.keeps)),
    leaving: new Map(Object.entries(leavingSchema.parse(JSON.parse(row.leaving)))),
    waitingPacks: row.waitingPacks,
  }
}

export async function noteCopyCare(
  db: Kysely<Tables>,
  { destinationId, repositoryId, diskId }: CopyKey,
  change: Partial<CopyCare>,
): Promise<void> {
  const { keeps, leaving, waitingPacks } = change
  const columns = {
    ...(keeps && { keeps: JSON.stringify(keeps) }),
    ...(leaving && { leaving: JSON.stringify(Object.fromEntries(leaving)) }),
    ...(waitingPacks !== undefined && { waitingPacks }),
  }
  await db
    .insertInto('copyCare')
    .values({ destinationId, repositoryId, diskId, keeps: null, leaving: '{}', waitingPacks: 0, ...columns })
    .onConflict((conflict) => conflict.columns(['destinationId', 'repositoryId', 'diskId']).doUpdateSet(columns))
    .execute()
}
