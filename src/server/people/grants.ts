import type { Kysely, Transaction } from 'kysely'
import { everyClient, roleSchema } from '#protocol'
import type { Role } from '#protocol'
import { ServerError } from '../errors.ts'
import type { Tables } from '../store/tables.ts'

/** A person's roles, by client; "*" stands for all clients and the server itself. */
export async function rolesOf(db: Kysely<Tables>, personId: string): Promise<Map<string, Role>> {
  const rows = await db.selectFrom('roleGrants').select(['clientId', 'role']).where('personId', '=', personId).execute()
  return new Map(rows.map(({ clientId, role }) => [clientId, roleSchema.parse(role)]))
}

export async function grantRole(
  db: Kysely<Tables> | Transaction<Tables>,
  grant: { readonly personId: string; readonly clientId: string; readonly role: Role },
): Promise<void> {
  await db
    .insertInto('roleGrants')
    .values(grant)
    .onConflict((conflict) => conflict.columns(['personId', 'clientId']).doUpdateSet({ role: grant.role }))
    .execute()
}

/**
 * Nobody could let anybody in again: throws `STATE_WRONG` when no owner of the server is left. An entry in the audit log must have
 * been written in the transaction: of two who take an owner away at the same time, the second waits there for the first.
 */
export async function requireOwnerLeft(transaction: Transaction<Tables>): Promise<void> {
  const owner = await transaction
    .selectFrom('roleGrants')
    .select('personId')
    .where('clientId', '=', everyClient)
    .where('role', '=', 'owner')
    .executeTakeFirst()
  if (!owner) throw new ServerError('STATE_WRONG', { what: 'person', state: 'the last owner of the server' })
}
