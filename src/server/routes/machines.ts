import {
  operationSchema,
  enrolSchema,
  idSchema,
  machineDetailsSchema,
  machineSchema,
  machineStateSchema,
  newEnrolmentLineSchema,
  renameSchema,
  timeSchema,
} from '#protocol'
import { z } from 'zod'
import { clientsWith } from '../app/caller.ts'
import { route } from '../app/route.ts'
import {
  changeMachine,
  changeMachineState,
  createEnrolmentLine,
  enrolMachine,
  enrolmentLineOf,
  showMachine,
} from '../fleet/machines.ts'
import { ServerError } from '../errors.ts'
import { readerOf } from '../fleet/devices.ts'
import { notFollowed, policiesOf } from '../fleet/policies.ts'
import { workingMachine } from '../restores/order-restore.ts'
import { isPasswordKept, notDoneWithoutPassword } from '../repositories/kept-password.ts'
import { formatMoment } from '../time.ts'

import { showOperation } from './operations.ts'

const named = z.object({ machine: idSchema })

/** How long an enrolment line holds that is for one machine and says nothing of it, in milliseconds. */
const usualLife = 3_600_000
/** A line that holds for longer lies about somewhere until somebody finds it. In milliseconds. */
const longestLife = 366 * 86_400_000
/** A machine that is away for longer is none that anybody expects back: it is revoked. In milliseconds. */
const longestAway = 366 * 86_400_000

export const machineRoutes = [
  route({
    method: 'POST',
    path: '/api/clients/:client/enrolment-lines',
    summary: 'Makes an enrolment line: what is typed on a machine so that it becomes known. It is shown once.',
    command: 'machine enrol-line',
    access: { by: 'person', right: 'operate', of: 'client' },
    params: z.object({ client: idSchema }),
    body: newEnrolmentLineSchema,
    answer: z.object({ line: z.string(), expiresAt: timeSchema }),
    async handle({ params: { client: clientId }, body, caller }, services) {
      const { machineKind, machines, expiresAt: given } = body
      const now = services.clock.now()
      const expiresAt = given === undefined ? now + usualLife : Date.parse(given)
      if (expiresAt <= now || expiresAt - now > longestLife) {
        throw new ServerError('INPUT_INVALID', { part: 'body', reason: '"expiresAt": it is not within the next year' })
      }
      const about = { clientId, machineKind, machines, expiresAt, approves: false }
      const secret = await createEnrolmentLine(services, about)
      const details = { machineKind, machines, expiresAt: formatMoment(expiresAt) }
      await services.audit.write({ actor: caller.actor, what: 'enrolment-line.create', clientId, details })
      return { line: enrolmentLineOf(services, secret), expiresAt: formatMoment(expiresAt) }
    },
  }),
  route({
    method: 'POST',
    path: '/api/enrol',
    summary: 'Makes a machine known by an enrolment line. It may work once it has been approved.',
    command: 'agent enroll',
    access: { by: 'anybody', because: 'the line is the proof' },
    body: enrolSchema,
    answer: z.object({ machineId: idSchema, state: machineStateSchema, isReplacement: z.boolean() }),
    async handle({ body, address }, services) {
      const machine = await enrolMachine(services, body)
      const actor = { who: `machine:${machine.id}`, fromWhere: address }
      const details = { name: machine.name, state: machine.state }
      await services.audit.write({ actor, what: 'machine.enrol', clientId: machine.clientId, details })
      const isReplacement = machine.handover === 1
      return { machineId: machine.id, state: machineStateSchema.parse(machine.state), isReplacement }
    },
  }),
  route({
    method: 'GET',
    path: '/api/machines',
    summary: 'The machines of the clients that one may see.',
    command: 'machine list',
    access: { by: 'person', right: 'see', of: 'each' },
    query: z.object({ client: idSchema.optional().describe('only machines of this client') }),
    answer: z.array(machineSchema),
    async handle({ caller, query: { client } }, { store }) {
      const seen = clientsWith(caller.grants, 'see')
      let query = store.db.selectFrom('machines').selectAll().orderBy('name').orderBy('id')
      if (seen !== 'every') query = query.where('clientId', 'in', seen.length > 0 ? [...seen] : [''])
      if (client !== undefined) query = query.where('clientId', '=', client)
      return (await query.execute()).map(showMachine)
    },
  }),
  route({
    method: 'GET',
    path: '/api/machines/:machine',
    summary: 'One machine.',
    command: 'machine show',
    access: { by: 'person', right: 'see', of: 'machine' },
    params: named,
    answer: machineDetailsSchema,
    async handle({ params: { machine } }, { store }) {
      const query = store.db.selectFrom('machines').selectAll().where('id', '=', machine)
      const shown = showMachine(await query.executeTakeFirstOrThrow())
      const keepsPassword = await isPasswordKept(store.db, machine)
      return { ...shown, keepsPassword, notDone: keepsPassword ? [...notDoneWithoutPassword] : [] }
    },
  }),
  route({
    method: 'PATCH',
    path: '/api/machines/:machine',
    summary: 'Gives a machine another name.',
    command: 'machine rename',
    access: { by: 'person', right: 'operate', of: 'machine' },
    params: named,
    body: renameSchema,
    answer: machineSchema,
    async handle({ params: { machine: id }, body: { name }, caller }, services) {
      const machine = await changeMachine(services, id, { name })
      const { clientId } = machine
      await services.audit.write({ actor: caller.actor, what: 'machine.rename', clientId, details: { id, name } })
      return showMachine(machine)
    },
  }),
  route({
    method: 'PUT',
    path: '/api/machines/:machine/away',
    summary: 'Says until when nobody expects to hear from a machine; null: it is expected as usual.',
    command: 'machine away',
    access: { by: 'person', right: 'operate', of: 'machine' },
    params: named,
    body: z.object({ until: timeSchema.nullable().describe('when it is expected again') }),
    answer: machineSchema,
    async handle({ params: { machine: id }, body: { until }, caller }, services) {
      const awayUntil = until === null ? null : Date.parse(until)
      if (awayUntil !== null && awayUntil - services.clock.now() > longestAway) {
        throw new ServerError('INPUT_INVALID', { part: 'body', reason: '"until": it is more than a year ahead' })
      }
      const machine = await changeMachine(services, id, { awayUntil })
      const { clientId } = machine
      await services.audit.write({ actor: caller.actor, what: 'machine.away', clientId, details: { id, until } })
      return showMachine(machine)
    },
  }),
  route({
    method: 'POST',
    path: '/api/machines/:machine/backup',
    summary: 'Has the machine back up now, by a policy that it follows.',
    command: 'machine backup',
    access: { by: 'person', right: 'operate', of: 'machine' },
    params: named,
    body: z.object({ policy: idSchema.describe('the backup policy') }),
    answer: operationSchema,
    async handle({ params: { machine: machineId }, body: { policy: policyId }, caller }, services) {
      const followed = (await policiesOf(services, machineId)).find(({ id }) => id === policyId)
      if (!followed) throw notFollowed()
      const { clientId, policy } = followed
      const { who: requestedBy } = caller.actor
      const readerId = await readerOf(services, machineId)
      await workingMachine(services, readerId ?? machineId)
      const order = { policyId, name: policy.name, ...(readerId !== undefined && { deviceId: machineId }) }
      const doer =
        readerId === undefined ? { machineId, kind: 'backup' } : { machineId: readerId, kind: 'backup-device' }
      const operation = await services.operations.create({ clientId, ...doer, order, requestedBy })
      const details = { machineId, policyId, operation: operation.id }
      await services.audit.write({ actor: caller.actor, what: 'machine.backup', clientId, details })
      return showOperation(operation)
    },
  }),
  changesState('approve', 'Lets a machine that waits work from now on.', ['waiting'], 'approved'),
  changesState('revoke', 'Lets a machine in no more. Its backups stay.', ['waiting', 'approved'], 'revoked'),
]

function changesState(verb: string, summary: string, from: readonly string[], to: 'approved' | 'revoked') {
  return route({
    method: 'POST',
    path: `/api/machines/:machine/${verb}`,
    summary,
    command: `machine ${verb}`,
    access: { by: 'person', right: 'operate', of: 'machine' },
    params: named,
    answer: machineSchema,
    async handle({ params: { machine: id }, caller }, services) {
      const machine = await changeMachineState(services, id, from, to)
      const { clientId } = machine
      await services.audit.write({ actor: caller.actor, what: `machine.${verb}`, clientId, details: { id } })
      return showMachine(machine)
    },
  })
}
