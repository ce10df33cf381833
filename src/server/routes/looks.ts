import {
  idSchema,
  lookHeardSchema,
  lookReportSchema,
  machineDiscoverySchema,
  operationSchema,
  sizeSchema,
  storedPolicySchema,
  timeSchema,
} from '#protocol'
import { z } from 'zod'
import { route } from '../app/route.ts'
import type { Services } from '../app/services.ts'
import { ServerError } from '../errors.ts'
import { firstCopyOf } from '../fleet/first-copy.ts'
import { policyFromProposal } from '../fleet/first-policy.ts'
import { findLook, takeLook } from '../fleet/looks.ts'
import type { StoredLook } from '../fleet/looks.ts'
import { assignPolicies, createPolicy, notFollowed, policiesOf } from '../fleet/policies.ts'
import { describeProtection } from '../fleet/protection.ts'
import { workingMachine } from '../restores/order-restore.ts'
import { formatMoment } from '../time.ts'
import { showOperation } from './operations.ts'
import { show } from './policies.ts'

/** What is on machines: as their agents find it, what of it is covered, and what they propose. */

const rateSchema = z.coerce.number().positive().max(1e12)

const named = z.object({ machine: idSchema })

/** A machine with thousands of things is told in so many bytes. */
const mostReport = 16 << 20

export const lookRoutes = [
  route({
    method: 'POST',
    path: '/api/machine/look',
    summary: 'The machine tells what is on it, and how far its policies reach; the answer is for whoever sits there.',
    access: { by: 'machine' },
    mostBody: mostReport,
    body: lookReportSchema,
    answer: lookHeardSchema,
    async handle({ caller: { machineId }, body }, services) {
      const look = await takeLook(services, machineId, body)
      return { said: [...((await describeProtection(services, machineId, look)) ?? [])] }
    },
  }),
  route({
    method: 'GET',
    path: '/api/machines/:machine/discovery',
    command: 'machine discovery',
    summary: 'What is on a machine, which policies cover it, what none covers, and what the agent proposes.',
    access: { by: 'person', right: 'see', of: 'machine' },
    params: named,
    answer: machineDiscoverySchema,
    async handle({ params: { machine } }, services) {
      const look = await requireLook(services, machine)
      const { report, reportedAt, leftOut } = look
      const protection = (await describeProtection(services, machine, look)) ?? null
      return {
        ...report,
        leftOut: [...(leftOut?.items ?? [])],
        reportedAt: formatMoment(reportedAt),
        protection: protection && [...protection],
      }
    },
  }),
  route({
    method: 'POST',
    path: '/api/machines/:machine/look',
    command: 'machine look',
    summary: 'Has the machine’s agent look anew what is on it.',
    access: { by: 'person', right: 'operate', of: 'machine' },
    params: named,
    answer: operationSchema,
    async handle({ params: { machine: machineId }, caller }, services) {
      const { clientId } = await workingMachine(services, machineId)
      const { who: requestedBy } = caller.actor
      const operation = await services.operations.create({ clientId, machineId, kind: 'look', order: {}, requestedBy })
      const details = { machineId, operation: operation.id }
      await services.audit.write({ actor: caller.actor, what: 'machine.look', clientId, details })
      return showOperation(operation)
    },
  }),
  route({
    method: 'POST',
    path: '/api/machines/:machine/proposal',
    command: 'machine accept-proposal',
    summary:
      'Makes a backup policy of what the agent proposes; the machine follows it, in place of those before or besides.',
    access: { by: 'person', right: 'operate', of: 'machine' },
    params: named,
    body: z.object({ besides: z.boolean().default(false).describe('also when the machine follows policies already') }),
    answer: storedPolicySchema,
    async handle({ params: { machine: machineId }, body: { besides }, caller }, services) {
      const { report } = await requireLook(services, machineId)
      const policy = policyFromProposal(report.proposal)
      const { clientId } = await services.store.db
        .selectFrom('machines')
        .select('clientId')
        .where('id', '=', machineId)
        .executeTakeFirstOrThrow()
      const before = besides ? await policiesOf(services, machineId) : []
      const made = await createPolicy(services, clientId, policy)
      await assignPolicies(services, machineId, [...before.map(({ id }) => id), made.id])
      const details = { id: made.id, machineId, policy, besides }
      await services.audit.write({ actor: caller.actor, what: 'policy.from-proposal', clientId, details })
      return show({ ...made, machines: [machineId] })
    },
  }),
  route({
    method: 'GET',
    path: '/api/machines/:machine/first-copy',
    command: 'machine first-copy',
    summary: 'How long the first copy of a machine by a policy will take over its line, and by a disk that is carried.',
    access: { by: 'person', right: 'see', of: 'machine' },
    params: named,
    query: z.object({
      policy: idSchema.describe('the backup policy'),
      lineRate: rateSchema.optional().describe('bytes a second towards the repository, where somebody measured them'),
      diskWriteRate: rateSchema.optional().describe('bytes a second onto the disk'),
      diskReadRate: rateSchema.optional().describe('bytes a second off the disk, at the server'),
      travelHours: z.coerce
        .number()
        .min(0)
        .max(10_000)
        .default(24)
        .describe('hours that the disk is on its way (default: 24)'),
    }),
    answer: z.object({
      size: sizeSchema,
      lineRate: z.number().nullable(),
      line: z.object({ begin: timeSchema, done: timeSchema }).nullable(),
      disk: z.object({ done: timeSchema }).nullable(),
      faster: z.enum(['line', 'disk']).nullable(),
      because: z.array(z.string()),
    }),
    async handle({ params: { machine: machineId }, query }, services) {
      const { report } = await requireLook(services, machineId)
      const policy = (await policiesOf(services, machineId)).find(({ id }) => id === query.policy)
      if (!policy) throw notFollowed()
      const { diskWriteRate: writeRate, diskReadRate: readRate, travelHours, lineRate } = query
      const isByDisk = writeRate !== undefined && readRate !== undefined
      const disk = isByDisk ? { writeRate, readRate, travel: travelHours * 3_600_000 } : undefined
      const question = { machineId, policy, discovery: report.discovery, lineRate, disk }
      const { size, lineRate: rate, estimate } = await firstCopyOf(services, question)
      const { line, disk: byDisk, faster = null, because } = estimate
      return {
        size,
        lineRate: rate,
        line: line ? { begin: formatMoment(line.begin), done: formatMoment(line.done) } : null,
        disk: byDisk ? { done: formatMoment(byDisk.done) } : null,
        faster,
        because: [...because],
      }
    },
  }),
]

async function requireLook(services: Services, machineId: string): Promise<StoredLook> {
  const look = await findLook(services, machineId)
  if (!look) throw new ServerError('NOTHING_YET', { what: 'report of what is on it' })
  return look
}
