import type { Kysely } from 'kysely'
import type { Tables } from '../store/tables.ts'

/** What a server cannot do with a repository whose password the client keeps, a sentence each. */
export const notDoneWithoutPassword: readonly string[] = [
  'Retention: the server removes no old backups of it, so the repository grows until somebody removes them by the password.',
  'Search, previews and downloads: the server cannot look into its recovery points.',
  'Checks and test restores on the server: it is proven on the machine itself only, as long as that works.',
  'Copies at destinations: the server cannot read what it would copy.',
  'Recovery kit: the password is not in it, but has to be written into it by hand.',
  'Replacement of the machine: the password has to be typed on the new one, with `understudy agent password`.',
]

/** Whether the client keeps the password of a machine’s repository from the server. */
export async function isPasswordKept(db: Kysely<Tables>, machineId: string): Promise<boolean> {
  const kept = await db
    .selectFrom('repositories')
    .select('id')
    .where('machineId', '=', machineId)
    .where('sealedPassword', 'is', null)
    .executeTakeFirst()
  return kept !== undefined
}
