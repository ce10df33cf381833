import type { Kysely } from 'kysely'
import { printable } from '#base'
import { mistakesOf, refuseMistakes } from '#policy'
import type { BackupPolicy, Mistake } from '#policy'
import { isMeant } from '../copies/destinations.ts'
import type { Tables } from '../store/tables.ts'

/** What a backup policy must not say here: it would be shown as followed, and a part of it be left out without a word. */

/** Stands for the machine's own repository on this server, in `to.repository`. */
export const ownRepository = 'own'

export interface Judged {
  readonly clientId: string
  readonly policy: BackupPolicy
  /** Milliseconds since 1970. */
  readonly now: number
}

/** Throws `BACKUP_POLICY_INVALID`. */
export async function refuseMistaken(db: Kysely<Tables>, { clientId, policy, now }: Judged): Promise<void> {
  const copyMistakes = await mistakesOfCopies(db, clientId, policy)
  refuseMistakes(policy.name, [...mistakesOf(policy, now), ...notFollowedYet(policy), ...copyMistakes])
}

function notFollowedYet({ to }: BackupPolicy): Mistake[] {
  const sentence = 'Agents cannot do this yet; leave it out.'
  return to.repository === ownRepository ? [] : [{ at: 'to.repository', sentence }]
}

/** Copies go to destinations of the same client. */
async function mistakesOfCopies(db: Kysely<Tables>, clientId: string, { to }: BackupPolicy): Promise<Mistake[]> {
  const { copies = [] } = to
  if (copies.length === 0) return []
  const known = await db.selectFrom('destinations').select(['id', 'name']).where('clientId', '=', clientId).execute()
  return copies.flatMap(({ repository }, index) => {
    const at = `to.copies.${index}`
    const unknown = `"${printable(repository)}" is no destination of this client, by name or id.`
    return known.some((destination) => isMeant(destination, repository)) ? [] : [{ at, sentence: unknown }]
  })
}
