import { databaseEvidenceSchema, doneSchema, idSchema, operationSchema, ownEvidencesSchema } from '#protocol'
import { z } from 'zod'
import { route } from '../app/route.ts'
import { databaseEvidenceOf, takeEvidence } from '../fleet/machine-evidence.ts'
import { workingMachine } from '../restores/order-restore.ts'
import { notFollowed, policiesOf } from '../fleet/policies.ts'
import { formatMoment } from '../time.ts'
import { showOperation } from './operations.ts'

const named = z.object({ machine: idSchema })

export const machineEvidenceRoutes = [
  route({
    method: 'POST',
    path: '/api/machine/evidence',
    summary: 'What the machine has measured about itself: dumps of its databases, and that they could be loaded.',
    access: { by: 'machine' },
    body: ownEvidencesSchema,
    answer: doneSchema,
    async handle({ caller, body: { evidence } }, services) {
      await takeEvidence(services, caller, evidence)
      return { done: true as const }
    },
  }),
  route({
    method: 'GET',
    path: '/api/machines/:machine/databases',
    command: 'machine databases',
    summary: 'The databases of a machine: the last dump of each, the last good one, and when one was loaded to try it.',
    access: { by: 'person', right: 'see', of: 'machine' },
    params: named,
    answer: z.array(databaseEvidenceSchema),
    async handle({ params: { machine } }, services) {
      const shown = (one: { readonly measuredAt: number; readonly measured: Record<string, unknown> } | null) =>
        one && { measuredAt: formatMoment(one.measuredAt), measured: one.measured }
      return (await databaseEvidenceOf(services, machine)).map(({ subject, dump, lastGood, load }) => ({
        subject,
        dump: shown(dump),
        lastGood: shown(lastGood),
        load: shown(load),
      }))
    },
  }),
  route({
    method: 'POST',
    path: '/api/machines/:machine/try-dumps',
    command: 'machine try-dumps',
    summary: 'Has the machine load its last dumps by a policy into servers made for it, to try them.',
    access: { by: 'person', right: 'operate', of: 'machine' },
    params: named,
    body: z.object({ policy: idSchema.describe('the backup policy') }),
    answer: operationSchema,
    async handle({ params: { machine: machineId }, body: { policy: policyId }, caller }, services) {
      const followed = (await policiesOf(services, machineId)).find(({ id }) => id === policyId)
      if (!followed) throw notFollowed()
      const { clientId, policy } = followed
      await workingMachine(services, machineId)
      const order = { policyId, name: policy.name }
      const { who: requestedBy } = caller.actor
      const operation = await services.operations.create({ clientId, machineId, kind: 'try-dumps', order, requestedBy })
      const details = { machineId, policyId, operation: operation.id }
      await services.audit.write({ actor: caller.actor, what: 'machine.try-dumps', clientId, details })
      return showOperation(operation)
    },
  }),
]
