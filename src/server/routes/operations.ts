import { idSchema, operationSchema, operationStateSchema } from '#protocol'
import { z } from 'zod'
import { clientsWith } from '../app/caller.ts'
import { route } from '../app/route.ts'
import type { Row } from '../store/tables.ts'
import { formatMoment, formatMomentOrNull } from '../time.ts'

/** Operations that one call gives. */
const pageLength = 200

const jsonObject = z.record(z.string(), z.unknown())

export const operationRoutes = [
  route({
    method: 'GET',
    path: '/api/operations',
    summary: 'What runs, has run and is to run, newest first.',
    command: 'operation list',
    access: { by: 'person', right: 'see', of: 'each' },
    query: z.object({
      client: idSchema.optional().describe('only of this client'),
      machine: idSchema.optional().describe('only of this machine'),
      state: operationStateSchema.optional().describe('only those that are in this state'),
      kind: z.string().max(100).optional().describe('only of this kind: backup'),
      before: z.coerce.number().int().optional().describe('entered before, in milliseconds since 1970'),
    }),
    answer: z.array(operationSchema),
    async handle({ caller, query: { client, machine, state, kind, before } }, { store }) {
      const seen = clientsWith(caller.grants, 'see')
      let query = store.db.selectFrom('operations').selectAll()
      // What a machine tells all at once, after a time without the server, stands in the order in which it ran.
      query = query.orderBy('createdAt', 'desc').orderBy('runAt', 'desc').limit(pageLength)
      if (seen !== 'every') query = query.where('clientId', 'in', seen.length > 0 ? [...seen] : [''])
      if (client !== undefined) query = query.where('clientId', '=', client)
      if (machine !== undefined) query = query.where('machineId', '=', machine)
      if (state !== undefined) query = query.where('state', '=', state)
      if (kind !== undefined) query = query.where('kind', '=', kind)
      if (before !== undefined) query = query.where('createdAt', '<', before)
      return (await query.execute()).map(showOperation)
    },
  }),
  route({
    method: 'GET',
    path: '/api/operations/:operation',
    summary: 'One operation.',
    command: 'operation show',
    access: { by: 'person', right: 'see', of: 'operation' },
    params: z.object({ operation: idSchema }),
    answer: operationSchema,
    async handle({ params: { operation } }, { store }) {
      const query = store.db.selectFrom('operations').selectAll().where('id', '=', operation)
      return showOperation(await query.executeTakeFirstOrThrow())
    },
  }),
  route({
    method: 'POST',
    path: '/api/operations/:operation/cancel',
    summary: 'Asks for the end of an operation: what waits is cancelled at once, what runs ends soon.',
    command: 'operation cancel',
    access: { by: 'person', right: 'operate', of: 'operation' },
    params: z.object({ operation: idSchema }),
    answer: operationSchema,
    async handle({ params: { operation: id }, caller }, { operations, audit }) {
      const operation = await operations.cancel(id)
      const { clientId, kind } = operation
      await audit.write({ actor: caller.actor, what: 'operation.cancel', clientId, details: { id, kind } })
      return showOperation(operation)
    },
  }),
]

export function showOperation(operation: Row<'operations'>): z.input<typeof operationSchema> {
  const { order, progress, result, state, createdAt, runAt, startedAt, endedAt, cancelAskedAt, ...same } = operation
  return {
    ...same,
    state: operationStateSchema.parse(state),
    order: jsonObject.parse(JSON.parse(order)),
    progress: progress === null ? null : operationSchema.shape.progress.parse(JSON.parse(progress)),
    result: result === null ? null : jsonObject.parse(JSON.parse(result)),
    createdAt: formatMoment(createdAt),
    runAt: formatMoment(runAt),
    startedAt: formatMomentOrNull(startedAt),
    endedAt: formatMomentOrNull(endedAt),
    cancelAsked: cancelAskedAt !== null,
  }
}
