import type { Kysely } from 'kysely'
import { z } from 'zod'
import type { Tables } from '../store/tables.ts'

/**
 * Which of several states of one server this is. A server that is brought back from a backup goes on with a higher epoch; its
 * machines remember the highest that they have seen, and follow no lower one. A server that learns from a machine of a higher one
 * than its own is the old one: it plans nothing and removes nothing any more, until a person says that it is to go on.
 */

const name = 'server.standing'

const standingSchema = z.object({
  /** Grows only. All nodes over one database have the same. */
  epoch: z.int().default(1),
  /** Another server has a higher epoch. Milliseconds since 1970. */
  superseded: z.object({ epoch: z.int(), since: z.number(), because: z.string() }).nullable().default(null),
})
export type Standing = z.output<typeof standingSchema>

interface Stored extends Standing {
  /** As it is written; undefined: it is not yet. */
  readonly text: string | undefined
}

export async function readStanding(db: Kysely<Tables>): Promise<Stored> {
  const row = await db.selectFrom('settings').select('value').where('name', '=', name).executeTakeFirst()
  return { ...standingSchema.parse(row ? JSON.parse(row.value) : {}), text: row?.value }
}

export async function isSuperseded(db: Kysely<Tables>): Promise<boolean> {
  return (await readStanding(db)).superseded !== null
}

/** Replaces what was read; of many who do so at once one hears true. */
export async function writeStanding(db: Kysely<Tables>, { text }: Stored, standing: Standing): Promise<boolean> {
  const value = JSON.stringify(standing)
  if (text === undefined) {
    const first = db.insertInto('settings').values({ name, value })
    const made = await first
      .onConflict((conflict) => conflict.column('name').doNothing())
      .returning('name')
      .execute()
    return made.length > 0
  }
  const change = db.updateTable('settings').set({ value }).where('name', '=', name).where('value', '=', text)
  return (await change.returning('name').execute()).length > 0
}

/** What a server that begins anew is: above its own epoch, and above that of the one that had taken its place. */
export function raised({ epoch, superseded }: Standing): Standing {
  return { epoch: Math.max(epoch, superseded?.epoch ?? 0) + 1, superseded: null }
}
