import type { Kysely } from 'kysely'
import { hasCode, messageOf } from '#base'
import type { Outcome } from '#protocol'
import type { DeletionGuard } from '../repositories/guarded-backend.ts'
import { ServerError } from '../errors.ts'
import { readStanding } from '../standing/standing.ts'
import type { Tables } from '../store/tables.ts'
import type { ServerJobWork } from '../work/job.ts'
import { RetentionError } from './errors.ts'

/**
 * Refuses when nothing may be removed from a repository: its client may have been attacked, or it is held. Asked before every
 * step that removes something, down to the single file. Throws `NOT_FOUND`, `DELETION_STOPPED`.
 */
async function refuseDeletion(db: Kysely<Tables>, repositoryId: string): Promise<void> {
  const found = await db
    .selectFrom('repositories')
    .innerJoin('clients', 'clients.id', 'repositories.clientId')
    .select(['repositories.name', 'repositories.held', 'repositories.heldBecause', 'clients.state'])
    .where('repositories.id', '=', repositoryId)
    .executeTakeFirst()
  if (!found) throw new ServerError('NOT_FOUND', { what: 'repository' })
  const { name, held, heldBecause, state } = found
  if (state === 'attacked') {
    throw new RetentionError('DELETION_STOPPED', { name, reason: 'this client may have been attacked' })
  }
  if (held !== 0) {
    const because = heldBecause?.replace(/\.$/, '') ?? 'a person holds it'
    throw new RetentionError('DELETION_STOPPED', { name, reason: `it is held: ${because}` })
  }
}

/** Refuses when another server does by now what this one did. Throws `DELETION_STOPPED`. */
async function refuseIfSuperseded(db: Kysely<Tables>, repositoryId: string): Promise<void> {
  const { superseded } = await readStanding(db)
  if (superseded) throw new RetentionError('DELETION_STOPPED', { name: repositoryId, reason: superseded.because })
}

/** Refuses when the operation is somebody else's by now, or over. Throws `CLAIM_LOST`. */
async function refuseLostClaim(db: Kysely<Tables>, { operation }: Pick<ServerJobWork, 'operation'>): Promise<void> {
  const own = await db
    .selectFrom('operations')
    .select('id')
    .where('id', '=', operation.id)
    .where('claimEpoch', '=', operation.claimEpoch)
    .where('state', '=', 'running')
    .where('cancelAskedAt', 'is', null)
    .executeTakeFirst()
  if (!own) throw new ServerError('CLAIM_LOST')
}

/** How a job ends that was stopped by its guard; undefined: by something else. */
export function stoppedOutcome(thrown: unknown): Outcome | undefined {
  if (hasCode(thrown, 'DELETION_STOPPED')) {
    return { state: 'cancelled', code: 'DELETION_STOPPED', reason: messageOf(thrown) }
  }
  // Who has truly lost the claim ends nothing by saying so.
  if (hasCode(thrown, 'CLAIM_LOST')) return { state: 'cancelled', reason: 'It was ended before it was done.' }
  return undefined
}

/** For a job: everything that must hold at the moment of each deletion. */
export function guardOf(work: ServerJobWork, repositoryId: string, db = work.services.store.db): DeletionGuard {
  return async () => {
    work.signal.throwIfAborted()
    await refuseIfSuperseded(db, repositoryId)
    await refuseDeletion(db, repositoryId)
    await refuseLostClaim(db, work)
  }
}
