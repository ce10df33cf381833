import type { Kysely } from 'kysely'
import type { Tables } from '../store/tables.ts'
import type { ScopeName } from './route.ts'

const tables = {
  machine: 'machines',
  policy: 'policies',
  repository: 'repositories',
  operation: 'operations',
  approval: 'approvals',
  evidence: 'evidence',
  destination: 'destinations',
} as const

/**
 * The client to which the thing of this id belongs; null: to the server itself; undefined: there is no such thing. Every
 * route that names a thing asks this before its handler runs, so that no handler can forget to.
 */
export async function clientOf(db: Kysely<Tables>, scope: ScopeName, id: string): Promise<string | null | undefined> {
  if (scope === 'client') {
    const client = await db.selectFrom('clients').select('id').where('id', '=', id).executeTakeFirst()
    return client?.id
  }
  const row = await db.selectFrom(tables[scope]).select('clientId').where('id', '=', id).executeTakeFirst()
  return row === undefined ? undefined : row.clientId
}
