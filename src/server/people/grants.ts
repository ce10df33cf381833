import type { Kysely, Transaction } from 'kysely'
import { roleSchema } from '#protocol'
import type { Role } from '#protocol'
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
