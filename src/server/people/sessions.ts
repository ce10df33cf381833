import type { Kysely } from 'kysely'
import type { Row, Tables } from '../store/tables.ts'

/** Where people are signed in. What is ended here is not known any more at the next call. */

/** The newest first. */
export async function sessionsOf(
  db: Kysely<Tables>,
  personId: string,
  now: number,
): Promise<readonly Row<'sessions'>[]> {
  const rows = await db.selectFrom('sessions').selectAll().where('userId', '=', personId).execute()
  const at = (time: Date | string) => new Date(time).getTime()
  return rows.filter(({ expiresAt }) => at(expiresAt) > now).toSorted((a, b) => at(b.createdAt) - at(a.createdAt))
}

/** Ends one session of a person, or all; but for the one that is kept. Returns how many there were. */
export async function endSessions(
  db: Kysely<Tables>,
  personId: string,
  { only, keep }: { readonly only?: string; readonly keep?: string | undefined } = {},
): Promise<number> {
  let query = db.deleteFrom('sessions').where('userId', '=', personId)
  if (only !== undefined) query = query.where('id', '=', only)
  if (keep !== undefined) query = query.where('id', '!=', keep)
  return Number((await query.executeTakeFirst()).numDeletedRows)
}
