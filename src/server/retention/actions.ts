import type { Transaction } from 'kysely'
import { formatCount, printable } from '#base'
import { z } from 'zod'
import { approvalAction } from '../approvals/action.ts'
import type { ApprovalWork } from '../approvals/action.ts'
import { noteEvents } from '../events/note-events.ts'
import type { Row, Tables } from '../store/tables.ts'
import { noteCare } from './care.ts'

/** What removes backups, or lets them be removed, and so needs a second person, or a delay. */

const ofRepository = z.object({ repositoryId: z.string(), name: z.string() })

export const runRetentionDetails = ofRepository.extend({ snapshots: z.array(z.string()) })

export const runRetentionAction = approvalAction({
  name: 'retention.run',
  details: runRetentionDetails,
  describe: ({ name, snapshots }) =>
    `remove ${formatCount(snapshots.length, 'snapshot')} of "${printable(name)}", more than goes unasked`,
  async perform({ repositoryId }, work) {
    const { transaction, approval } = work
    await noteCare(transaction, repositoryId, { lookedAtUntil: approval.askedAt })
    await order(work, { kind: 'retention', repositoryId })
  },
})

export const shorterKeepAction = approvalAction({
  name: 'retention.shorten',
  details: ofRepository,
  describe: ({ name }) => `keep backups in "${printable(name)}" less long than until now`,
  async perform({ repositoryId }, { transaction }) {
    await noteCare(transaction, repositoryId, { keeps: null })
  },
})

export const emptyQuarantineAction = approvalAction({
  name: 'quarantine.empty',
  details: ofRepository.extend({ upTo: z.iso.date() }),
  describe: ({ name, upTo }) => `delete for good what was removed from "${printable(name)}" up to ${upTo}`,
  async perform({ repositoryId, upTo }, work) {
    await order(work, { kind: 'purge', repositoryId, more: { upTo } })
  },
})

export const deleteMachineAction = approvalAction({
  name: 'machine.delete',
  details: z.object({ machineId: z.string(), name: z.string() }),
  describe: ({ name }) => `delete the machine "${printable(name)}" with all its backups`,
  async perform({ machineId }, work) {
    const { transaction, services } = work
    await transaction.updateTable('machines').set({ state: 'revoked' }).where('id', '=', machineId).execute()
    await cancelWaiting(transaction, machineId, services.clock.now())
    const repositories = await transaction
      .selectFrom('repositories')
      .select('id')
      .where('machineId', '=', machineId)
      .execute()
    for (const { id } of repositories) await order(work, { kind: 'delete-repository', repositoryId: id })
    if (repositories.length === 0) await transaction.deleteFrom('machines').where('id', '=', machineId).execute()
  },
})

export const leaveAttackAction = approvalAction({
  name: 'client.leave-attack',
  details: z.object({ clientId: z.string(), name: z.string() }),
  inAttack: true,
  describe: ({ name }) => `end the state "we may have been attacked" of ${printable(name)}`,
  async perform({ clientId }, { transaction, services: { clock } }) {
    await transaction
      .updateTable('clients')
      .set({ state: 'normal', stateSince: clock.now() })
      .where('id', '=', clientId)
      .where('state', '=', 'attacked')
      .execute()
    await noteEvents(transaction, [{ kind: 'client', subject: clientId, clientId }], clock)
  },
})

interface Ordered {
  readonly kind: string
  readonly repositoryId: string
  readonly more?: Readonly<Record<string, unknown>>
}

/** Enters the operation that does it; there is one for each approval, ever. */
async function order(work: ApprovalWork, { kind, repositoryId, more = {} }: Ordered): Promise<Row<'operations'>> {
  const { services, transaction, approval, actor } = work
  const about = { clientId: approval.clientId, machineId: null, kind, requestedBy: actor.who }
  const wanted = { ...about, order: { repository: repositoryId, approval: approval.id, ...more } }
  return await services.operations.create(
    { ...wanted, onceKey: `approval ${approval.id} ${repositoryId}` },
    transaction,
  )
}

async function cancelWaiting(db: Transaction<Tables>, machineId: string, now: number): Promise<void> {
  await db
    .updateTable('operations')
    .set({ state: 'cancelled', endedAt: now, cancelAskedAt: now })
    .where('machineId', '=', machineId)
    .where('state', '=', 'waiting')
    .execute()
}
