import { backupPolicySchema, doneOrWaitsSchema, idSchema, storedPolicySchema } from '#protocol'
import { keepsLess } from '#policy'
import { z } from 'zod'
import type { Caller } from '../app/caller.ts'
import { route } from '../app/route.ts'
import type { Services } from '../app/services.ts'
import { askApproval } from '../approvals/approvals.ts'
import { ApprovalError } from '../approvals/errors.ts'
import { showApproval } from '../approvals/show.ts'
import {
  assignPolicies,
  changePolicy,
  createPolicy,
  deletePolicyIn,
  listPolicies,
  loadPolicy,
  policiesOf,
  refuseFollowed,
} from '../fleet/policies.ts'
import { refuseMistaken } from '../fleet/refuse-policy.ts'
import { isInForce, shortensForMachine } from '../retention/keeps-in-force.ts'
import { assignPoliciesAction, changePolicyAction, deletePolicyAction } from '../retention/policy-actions.ts'
import { waits } from './repositories.ts'

const ofClient = z.object({ client: idSchema })
const named = z.object({ policy: idSchema })
const ofMachine = z.object({ machine: idSchema })

export const policyRoutes = [
  route({
    method: 'GET',
    path: '/api/clients/:client/policies',
    summary: 'The backup policies of a client, and which machines follow them.',
    command: 'policy list',
    access: { by: 'person', right: 'see', of: 'client' },
    params: ofClient,
    answer: z.array(storedPolicySchema),
    handle: async ({ params: { client } }, services) => shown(await listPolicies(services, client)),
  }),
  route({
    method: 'POST',
    path: '/api/clients/:client/policies',
    summary: 'Makes a backup policy.',
    command: 'policy create',
    access: { by: 'person', right: 'operate', of: 'client' },
    params: ofClient,
    body: backupPolicySchema,
    answer: storedPolicySchema,
    async handle({ params: { client: clientId }, body, caller }, services) {
      const made = await createPolicy(services, clientId, body)
      const details = { id: made.id, policy: body }
      await services.audit.write({ actor: caller.actor, what: 'policy.create', clientId, details })
      return show(made)
    },
  }),
  route({
    method: 'GET',
    path: '/api/policies/:policy',
    summary: 'One backup policy, as it may be changed and given back.',
    command: 'policy show',
    access: { by: 'person', right: 'see', of: 'policy' },
    params: named,
    answer: storedPolicySchema,
    handle: async ({ params: { policy } }, services) => show(await loadPolicy(services, policy)),
  }),
  route({
    method: 'PUT',
    path: '/api/policies/:policy',
    summary: 'Changes a backup policy. If something would be kept less long, it waits for a second person or a delay.',
    command: 'policy change',
    access: { by: 'person', right: 'operate', of: 'policy' },
    params: named,
    body: backupPolicySchema,
    answer: storedPolicySchema,
    async handle({ params: { policy: id }, body, caller }, services) {
      const before = await loadPolicy(services, id)
      const { clientId } = before
      await refuseMistaken(services.store.db, { clientId, policy: body, now: services.clock.now() })
      if (keepsLess(before.policy.keep, body.keep) && (await isInForce(services.store.db, id))) {
        const details = { policyId: id, revision: before.revision, policy: body }
        const wanted = { clientId, details, by: caller }
        return { ...show(before), waits: showApproval(await askApproval(services, changePolicyAction, wanted)) }
      }
      const changed = await changePolicy(services, id, body)
      const { revision } = changed
      const details = { id, revision, policy: body }
      await services.audit.write({ actor: caller.actor, what: 'policy.change', clientId, details })
      return show(changed)
    },
  }),
  route({
    method: 'DELETE',
    path: '/api/policies/:policy',
    summary:
      'Removes a backup policy that no machine follows. One by which backups are kept waits for a second person.',
    command: 'policy remove',
    access: { by: 'person', right: 'operate', of: 'policy' },
    params: named,
    answer: doneOrWaitsSchema,
    async handle({ params: { policy: id }, caller }, services) {
      const { store, audit } = services
      const { clientId, policy } = await loadPolicy(services, id)
      await refuseFollowed(store.db, id)
      if (await isInForce(store.db, id)) {
        const wanted = { clientId, details: { policyId: id, name: policy.name }, by: caller }
        return waits(await askApproval(services, deletePolicyAction, wanted))
      }
      await store.db.transaction().execute(async (transaction) => {
        const { name } = await deletePolicyIn(transaction, id, services.clock)
        const entry = { actor: caller.actor, what: 'policy.delete', clientId, details: { id, name } }
        await audit.write(entry, transaction)
      })
      return { done: true as const }
    },
  }),
  route({
    method: 'GET',
    path: '/api/machines/:machine/policies',
    summary: 'The backup policies that a machine follows.',
    command: 'machine policies',
    access: { by: 'person', right: 'see', of: 'machine' },
    params: ofMachine,
    answer: z.array(storedPolicySchema),
    handle: async ({ params: { machine } }, services) => shown(await policiesOf(services, machine)),
  }),
  route({
    method: 'PUT',
    path: '/api/machines/:machine/policies',
    summary: 'Sets which backup policies of its client a machine follows; what is kept less long by them waits.',
    command: 'machine follow',
    access: { by: 'person', right: 'operate', of: 'machine' },
    params: ofMachine,
    body: z.object({ policies: z.array(idSchema).max(100).describe('the backup policies') }),
    answer: z.array(storedPolicySchema),
    async handle({ params: { machine: id }, body: { policies }, caller }, services) {
      const waiting = await askIfShorter(services, { machineId: id, policyIds: policies, caller })
      if (waiting) {
        const followed = shown(await policiesOf(services, id)).map((each) => ({ ...each, waits: waiting }))
        if (followed.length === 0) throw new ApprovalError('APPROVAL_WAITS', { sentence: waiting.sentence })
        return followed
      }
      await assignPolicies(services, id, policies)
      const { clientId } = await services.store.db
        .selectFrom('machines')
        .select('clientId')
        .where('id', '=', id)
        .executeTakeFirstOrThrow()
      const details = { id, policies }
      await services.audit.write({ actor: caller.actor, what: 'machine.policies', clientId, details })
      return shown(await policiesOf(services, id))
    },
  }),
]

interface Assignment {
  readonly machineId: string
  readonly policyIds: readonly string[]
  readonly caller: Caller
}

/** The approval that it waits for when the machine's backups would be kept less long. */
async function askIfShorter(services: Services, { machineId, policyIds, caller }: Assignment) {
  const { store } = services
  const machine = await store.db
    .selectFrom('machines')
    .select(['clientId', 'name'])
    .where('id', '=', machineId)
    .executeTakeFirstOrThrow()
  const { clientId, name } = machine
  const wanted = (await listPolicies(services, clientId)).filter(({ id }) => policyIds.includes(id))
  const after = wanted.map(({ policy }) => policy.keep)
  const before = (await policiesOf(services, machineId)).map(({ policy }) => policy.keep)
  if (!(await shortensForMachine(store.db, machineId, { before, after }))) return undefined
  const details = { machineId, name, policyIds: [...policyIds] }
  return showApproval(await askApproval(services, assignPoliciesAction, { clientId, details, by: caller }))
}

type Stored = Awaited<ReturnType<typeof createPolicy>>

export function show({ id, clientId, revision, policy, machines }: Stored): z.input<typeof storedPolicySchema> {
  return { id, clientId, revision, policy: policy as z.input<typeof backupPolicySchema>, machines: [...machines] }
}

function shown(all: readonly Stored[]): z.input<typeof storedPolicySchema>[] {
  return all.map(show)
}
