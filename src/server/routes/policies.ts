import { backupPolicySchema, doneSchema, idSchema } from '#protocol'
import { z } from 'zod'
import { route } from '../app/route.ts'
import { ServerError } from '../errors.ts'
import { assignPolicies, changePolicy, createPolicy, listPolicies, policiesOf } from '../fleet/policies.ts'

export const storedSchema = z.object({
  id: idSchema,
  clientId: idSchema,
  revision: z.int(),
  policy: backupPolicySchema,
  machines: z.array(idSchema),
})

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
    answer: z.array(storedSchema),
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
    answer: storedSchema,
    async handle({ params: { client: clientId }, body, caller }, services) {
      const made = await createPolicy(services, clientId, body)
      const details = { id: made.id, policy: body }
      await services.audit.write({ actor: caller.actor, what: 'policy.create', clientId, details })
      return show(made)
    },
  }),
  route({
    method: 'PUT',
    path: '/api/policies/:policy',
    summary: 'Changes a backup policy; machines follow the new one as soon as they have heard of it.',
    command: 'policy change',
    access: { by: 'person', right: 'operate', of: 'policy' },
    params: named,
    body: backupPolicySchema,
    answer: storedSchema,
    async handle({ params: { policy: id }, body, caller }, services) {
      const changed = await changePolicy(services, id, body)
      const { clientId, revision } = changed
      const details = { id, revision, policy: body }
      await services.audit.write({ actor: caller.actor, what: 'policy.change', clientId, details })
      return show(changed)
    },
  }),
  route({
    method: 'DELETE',
    path: '/api/policies/:policy',
    summary: 'Removes a backup policy that no machine follows. What was backed up by it stays.',
    command: 'policy remove',
    access: { by: 'person', right: 'operate', of: 'policy' },
    params: named,
    answer: doneSchema,
    async handle({ params: { policy: id }, caller }, { store, audit }) {
      await store.db.transaction().execute(async (transaction) => {
        const follower = await transaction
          .selectFrom('machinePolicies')
          .select('machineId')
          .where('policyId', '=', id)
          .executeTakeFirst()
        if (follower) throw new ServerError('STATE_WRONG', { what: 'backup policy', state: 'followed by machines' })
        const gone = await transaction.deleteFrom('policies').where('id', '=', id).returningAll().executeTakeFirst()
        const clientId = gone?.clientId ?? null
        const details = { id, name: gone?.name }
        await audit.write({ actor: caller.actor, what: 'policy.delete', clientId, details }, transaction)
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
    answer: z.array(storedSchema),
    handle: async ({ params: { machine } }, services) => shown(await policiesOf(services, machine)),
  }),
  route({
    method: 'PUT',
    path: '/api/machines/:machine/policies',
    summary: 'Sets which backup policies of its client a machine follows.',
    command: 'machine follow',
    access: { by: 'person', right: 'operate', of: 'machine' },
    params: ofMachine,
    body: z.object({ policies: z.array(idSchema).max(100).describe('the backup policies') }),
    answer: z.array(storedSchema),
    async handle({ params: { machine: id }, body: { policies }, caller }, services) {
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

type Stored = Awaited<ReturnType<typeof createPolicy>>

export function show({ id, clientId, revision, policy, machines }: Stored): z.input<typeof storedSchema> {
  return { id, clientId, revision, policy: policy as z.input<typeof backupPolicySchema>, machines: [...machines] }
}

function shown(all: readonly Stored[]): z.input<typeof storedSchema>[] {
  return all.map(show)
}
