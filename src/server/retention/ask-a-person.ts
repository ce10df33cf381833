import type { BrakeReason } from '#policy'
import type { Outcome } from '#protocol'
import type { Services } from '../app/services.ts'
import { askApproval, serverAsks } from '../approvals/approvals.ts'
import { runRetentionAction, runRetentionDetails, shorterKeepAction } from './actions.ts'
import type { RetentionSubject } from './subject.ts'

/** What retention does not do unasked: it ends, says why, and asks for a person's yes. */

export async function askForRetention(
  services: Services,
  { repository: { id, clientId, name } }: RetentionSubject,
  { reasons, snapshots }: { readonly reasons: readonly BrakeReason[]; readonly snapshots: readonly string[] },
): Promise<Outcome> {
  const approval =
    (await waitingFor(services, id)) ??
    (await askApproval(services, runRetentionAction, {
      clientId,
      details: { repositoryId: id, name, snapshots: [...snapshots] },
      by: serverAsks,
    }))
  const sentences = reasons.map(({ sentence }) => sentence).join(' ')
  return {
    state: 'warnings',
    code: 'RETENTION_STOPPED',
    reason: `Nothing was removed, it waits for a person. ${sentences}`.slice(0, 2_000),
    result: { reasons: reasons.map(({ code }) => code), wouldRemove: snapshots.length, approval: approval.id },
  }
}

export async function askForShorterKeep(
  services: Services,
  { repository: { id, clientId, name } }: RetentionSubject,
): Promise<Outcome> {
  const details = { repositoryId: id, name }
  const approval = await askApproval(services, shorterKeepAction, { clientId, details, by: serverAsks })
  return {
    state: 'warnings',
    code: 'RETENTION_SHORTENED',
    reason: 'The policies keep less than those before. Nothing was removed, it waits for a person.',
    result: { approval: approval.id },
  }
}

/** What a person was asked about this repository and has not answered: the question is not put again each night. */
async function waitingFor({ store, clock }: Services, repositoryId: string) {
  return await store.db
    .selectFrom('approvals')
    .selectAll()
    .where('action', '=', runRetentionAction.name)
    .where('state', '=', 'waiting')
    .where('expiresAt', '>', clock.now())
    .where('details', 'like', `%"repositoryId":"${repositoryId}"%`)
    .executeTakeFirst()
}

/** The snapshots that a person has said yes to. */
export async function allowedSnapshots({ store }: Services, approvalId: string): Promise<ReadonlySet<string>> {
  const approval = await store.db
    .selectFrom('approvals')
    .select('details')
    .where('id', '=', approvalId)
    .where('action', '=', runRetentionAction.name)
    .where('state', '=', 'done')
    .executeTakeFirst()
  return new Set(approval ? runRetentionDetails.parse(JSON.parse(approval.details)).snapshots : [])
}
