import {
  askRestoreSchema,
  doneSchema,
  handoverSchema,
  idSchema,
  operationSchema,
  readAccessSchema,
  setAsideSchema,
  timeSchema,
} from '#protocol'
import { z } from 'zod'
import { route } from '../app/route.ts'
import { lendReadAccess } from '../restores/read-access.ts'
import { orderRestore } from '../restores/order-restore.ts'
import { handOver, replaceMachine } from '../restores/replace-machine.ts'
import { formatMoment } from '../time.ts'
import { requireOwn } from './machine-side.ts'
import { showOperation } from './operations.ts'

const machine = z.object({ machine: idSchema })
const operation = z.object({ operation: idSchema })
const day = 86_400_000

/** Getting data back: what people ask for, and what machines need for it. */
export const restoreRoutes = [
  route({
    method: 'POST',
    path: '/api/machines/:machine/restore',
    command: 'machine restore',
    summary: 'Has the machine bring back what is in a snapshot, its own or that of another machine of the client.',
    access: { by: 'person', right: 'restore', of: 'machine' },
    rate: 'restore',
    params: machine,
    body: askRestoreSchema,
    answer: operationSchema,
    async handle({ params, body: asked, caller }, services) {
      return showOperation(await orderRestore(services, params.machine, { asked, caller }))
    },
  }),
  route({
    method: 'POST',
    path: '/api/machines/:machine/replace',
    command: 'machine replace',
    summary: 'Says that the machine is lost: its key opens nothing from now on, and who uses the line takes its place.',
    access: { by: 'person', right: 'administer', of: 'machine' },
    rate: 'restore',
    params: machine,
    answer: z.object({ line: z.string(), expiresAt: timeSchema }),
    async handle({ params, caller }, services) {
      const { line, expiresAt } = await replaceMachine(services, params.machine, caller)
      return { line, expiresAt: formatMoment(expiresAt) }
    },
  }),
  route({
    method: 'POST',
    path: '/api/machine/handover',
    summary:
      'What a machine needs that takes the place of a lost one: the password of the repository, where the server has it.',
    access: { by: 'machine' },
    rate: 'handing',
    body: z.object({}),
    answer: handoverSchema,
    async handle({ caller: { machineId, clientId, actor } }, services) {
      const handed = await handOver(services, machineId)
      const details = { passwordGiven: handed.password !== null }
      await services.audit.write({ actor, what: 'machine.handover', clientId, details })
      return handed
    },
  }),
  route({
    method: 'POST',
    path: '/api/machine/operations/:operation/read-access',
    summary: 'Lends the machine the way into the repository that the operation reads, for as long as it runs.',
    access: { by: 'machine' },
    rate: 'handing',
    params: operation,
    body: z.object({ epoch: z.int() }),
    answer: readAccessSchema,
    async handle({ caller, params, body: { epoch } }, services) {
      await requireOwn(services, caller, params.operation)
      const { machineId, clientId, actor } = caller
      const lent = await lendReadAccess(services, { operation: params.operation, epoch, machineId })
      const details = { operation: params.operation, machineId, repositoryId: lent.repositoryId }
      await services.audit.write({ actor, what: 'repository.lend', clientId, details })
      return lent
    },
  }),
  route({
    method: 'POST',
    path: '/api/machine/operations/:operation/set-aside',
    summary: 'The machine does it when somebody there has said yes; it waits until then.',
    access: { by: 'machine' },
    params: operation,
    body: setAsideSchema,
    answer: doneSchema,
    async handle({ caller, params, body: { epoch, step, days } }, services) {
      await requireOwn(services, caller, params.operation)
      const until = services.clock.now() + days * day
      await services.operations.setAside(params.operation, epoch, { step, until })
      return { done: true as const }
    },
  }),
  route({
    method: 'POST',
    path: '/api/machine/operations/:operation/take-up',
    summary: 'Somebody on the machine has said yes: what was set aside is due now.',
    access: { by: 'machine' },
    params: operation,
    body: z.object({}),
    answer: doneSchema,
    async handle({ caller, params }, services) {
      await requireOwn(services, caller, params.operation)
      await services.operations.takeUp(params.operation)
      return { done: true as const }
    },
  }),
]
