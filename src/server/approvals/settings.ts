import type { Kysely } from 'kysely'
import { safetySettingsSchema } from '#protocol'
import type { SafetySettings } from '#protocol'
import type { Tables } from '../store/tables.ts'

const name = 'safety'

/** The server's safety settings; what nobody has set has its default. */
export async function readSafety(db: Kysely<Tables>): Promise<SafetySettings> {
  const row = await db.selectFrom('settings').select('value').where('name', '=', name).executeTakeFirst()
  return safetySettingsSchema.parse(row === undefined ? {} : JSON.parse(row.value))
}

export async function writeSafety(db: Kysely<Tables>, settings: SafetySettings): Promise<void> {
  const value = JSON.stringify(settings)
  await db
    .insertInto('settings')
    .values({ name, value })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
    .execute()
}

/** Whether `after` would let more be removed, or sooner, than `before`. */
export function isLessSafe(before: SafetySettings, after: SafetySettings): boolean {
  return (
    after.delayHours < before.delayHours ||
    after.softDeleteDays < before.softDeleteDays ||
    after.mostSnapshots > before.mostSnapshots ||
    after.mostBytes > before.mostBytes
  )
}
