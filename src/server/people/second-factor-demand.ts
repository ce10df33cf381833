import type { Kysely } from 'kysely'
import { everyClient } from '#protocol'
import type { Caller } from '../app/caller.ts'
import type { Services } from '../app/services.ts'
import type { Tables } from '../store/tables.ts'
import { PeopleError } from './errors.ts'

/** An owner may demand a second factor of everybody who has a role with a client, or of everybody who signs in at the server. */

const prefix = 'second-factor:'

export async function isSecondFactorDemanded(db: Kysely<Tables>, clientId: string): Promise<boolean> {
  const row = await db
    .selectFrom('settings')
    .select('name')
    .where('name', '=', prefix + clientId)
    .executeTakeFirst()
  return row !== undefined
}

export async function demandSecondFactor(db: Kysely<Tables>, clientId: string, isDemanded: boolean): Promise<void> {
  const name = prefix + clientId
  if (!isDemanded) {
    await db.deleteFrom('settings').where('name', '=', name).execute()
    return
  }
  await db
    .insertInto('settings')
    .values({ name, value: 'true' })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .execute()
}

/** Whether it is demanded of somebody with these roles: who may see every client is asked for it by each. */
export async function isDemandedOf(db: Kysely<Tables>, { roles }: Caller['grants']): Promise<boolean> {
  const rows = await db.selectFrom('settings').select('name').where('name', 'like', `${prefix}%`).execute()
  const demanding = rows.map(({ name }) => name.slice(prefix.length))
  if (demanding.length === 0) return false
  return roles.has(everyClient) || demanding.some((clientId) => clientId === everyClient || roles.has(clientId))
}

/** Throws `SECOND_FACTOR_NEEDED` for who has none where it is demanded. The server's own user is nobody who could have one. */
export async function requireSecondFactor({ store: { db } }: Services, caller: Caller): Promise<void> {
  if (caller.isLocal === true || !(await isDemandedOf(db, caller.grants))) return
  const person = await db
    .selectFrom('people')
    .select('twoFactorEnabled')
    .where('id', '=', caller.personId)
    .executeTakeFirst()
  if (!person?.twoFactorEnabled) throw new PeopleError('SECOND_FACTOR_NEEDED')
}
