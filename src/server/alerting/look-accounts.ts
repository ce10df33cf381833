import type { Kysely } from 'kysely'
import type { AccountView } from '../alerts/index.ts'
import { resetsIn } from '../people/reset-links.ts'
import type { MadeReset } from '../people/reset-links.ts'
import type { Tables } from '../store/tables.ts'

/** People who may sign in, with the newest link by which the password of each is set anew. */
export async function lookAtAccounts(db: Kysely<Tables>): Promise<AccountView[]> {
  const people = await db.selectFrom('people').select(['id', 'email']).execute()
  const resets = (await resetsIn(db)).toSorted((a, b) => a.createdAt - b.createdAt)
  const newest = new Map(resets.map((reset) => [reset.personId, reset]))
  const names = new Map(people.map(({ id, email }) => [id, email]))
  return people.map(({ id, email }) => {
    const reset = newest.get(id)
    return { id, name: email, ...(reset && { reset: shown(reset, names) }) }
  })
}

function shown({ by, createdAt: madeAt, expiresAt, usedAt }: MadeReset, names: ReadonlyMap<string, string>) {
  const [, maker = ''] = /^person:(\S+)/.exec(by) ?? []
  return { by: names.get(maker) ?? by, madeAt, expiresAt, usedAt }
}
