import type { ApprovalView, AttackView, ClientRef } from '../alerts/index.ts'
import type { Services } from '../app/services.ts'
import { happensByItself, serverAsks } from '../approvals/approvals.ts'
import { describeApproval } from '../approvals/show.ts'

type Clients = ReadonlyMap<string, ClientRef>

/** So long after its end it is said that something is over, in milliseconds. */
const lookedBack = 7 * 86_400_000

/** What waits, and what has waited until a short while ago: the delay before it happens is there for everybody to hear of it. */
export async function lookAtApprovals({ store, clock }: Services, clients: Clients): Promise<ApprovalView[]> {
  const now = clock.now()
  const rows = await store.db
    .selectFrom('approvals')
    .leftJoin('people', 'people.id', 'approvals.askedBy')
    .selectAll('approvals')
    .select('people.name as asker')
    .where('approvals.expiresAt', '>', now - lookedBack)
    .execute()
  return rows.map(({ asker, ...approval }) => ({
    id: approval.id,
    client: (approval.clientId !== null && clients.get(approval.clientId)) || null,
    what: describeApproval(approval),
    by: approval.askedBy === serverAsks ? null : (asker ?? 'somebody who is not here any more'),
    askedAt: approval.askedAt,
    happensAt: happensByItself(approval) ? approval.notBefore : null,
    isOver: approval.state !== 'waiting' || approval.expiresAt <= now,
  }))
}

/** Of which clients somebody has said that they may have been attacked. */
export async function lookAtAttacks({ store }: Services): Promise<AttackView[]> {
  const rows = await store.db.selectFrom('clients').select(['id', 'name', 'state', 'stateSince']).execute()
  return rows.map(({ id, name, state, stateSince }) => ({
    client: { id, name },
    since: state === 'attacked' ? stateSince : null,
  }))
}
