import { printable } from '#base'
import { backupPolicySchema } from '#protocol'
import { z } from 'zod'
import { approvalAction } from '../approvals/action.ts'
import type { ApprovalWork } from '../approvals/action.ts'
import { assignPoliciesIn, changePolicyIn, deletePolicyIn } from '../fleet/policies.ts'
import { ServerError } from '../errors.ts'

/** Changes of backup policies by which something would be kept less long. */

export const changePolicyAction = approvalAction({
  name: 'policy.change',
  details: z.object({ policyId: z.string(), revision: z.int(), policy: backupPolicySchema }),
  describe: ({ policy }) => `keep what the backup policy "${printable(policy.name)}" backs up less long`,
  async perform({ policyId, revision, policy }, work) {
    const { transaction, services } = work
    const current = await transaction
      .selectFrom('policies')
      .select('revision')
      .where('id', '=', policyId)
      .executeTakeFirst()
    // What was allowed was a change of that policy, not of what somebody has made of it since.
    if (current?.revision !== revision)
      throw new ServerError('STATE_WRONG', { what: 'backup policy', state: 'changed' })
    await changePolicyIn(transaction, { id: policyId, policy, clock: services.clock })
    await forgetKeepsOf(work, policyId)
  },
})

export const deletePolicyAction = approvalAction({
  name: 'policy.delete',
  details: z.object({ policyId: z.string(), name: z.string() }),
  describe: ({ name }) => `delete the backup policy "${printable(name)}", by which backups are kept`,
  async perform({ policyId }, work) {
    await deletePolicyIn(work.transaction, policyId, work.services.clock)
    await forgetKeepsOf(work, policyId)
  },
})

export const assignPoliciesAction = approvalAction({
  name: 'machine.policies',
  details: z.object({ machineId: z.string(), name: z.string(), policyIds: z.array(z.string()) }),
  describe: ({ name }) => `have "${printable(name)}" follow other backup policies, which keep its backups less long`,
  async perform({ machineId, policyIds }, { transaction, services: { clock } }) {
    await assignPoliciesIn(transaction, { machineId, policyIds, clock })
    await transaction
      .updateTable('repositoryCare')
      .set({ keeps: null })
      .where('repositoryId', 'in', (from) =>
        from.selectFrom('repositories').select('repositories.id').where('machineId', '=', machineId),
      )
      .execute()
  },
})

/** From now on the shorter keep is the one that was agreed on. */
async function forgetKeepsOf({ transaction }: ApprovalWork, policyId: string): Promise<void> {
  await transaction.updateTable('repositoryCare').set({ keeps: null }).where('keeps', 'like', `%${policyId}%`).execute()
}
