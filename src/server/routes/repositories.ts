import {
  doneOrWaitsSchema,
  idSchema,
  operationSchema,
  repositorySchema,
  snapshotIdSchema,
  storedSnapshotSchema,
} from '#protocol'
import { z } from 'zod'
import { clientsWith } from '../app/caller.ts'
import type { Caller } from '../app/caller.ts'
import { route } from '../app/route.ts'
import type { Services } from '../app/services.ts'
import { askApproval } from '../approvals/approvals.ts'
import { showApproval } from '../approvals/show.ts'
import { deleteMachineAction, emptyQuarantineAction } from '../retention/actions.ts'
import { holdRepository, liftHold } from '../retention/holds.ts'
import { showRepositories } from '../repositories/show.ts'
import type { Row } from '../store/tables.ts'
import { formatMoment } from '../time.ts'
import { showOperation } from './operations.ts'

const named = z.object({ repository: idSchema })

export const repositoryRoutes = [
  route({
    method: 'GET',
    path: '/api/repositories',
    summary: 'The repositories that the server keeps: size, quota, holds, what was removed and can be put back.',
    command: 'repository list',
    access: { by: 'person', right: 'see', of: 'each' },
    query: z.object({
      client: idSchema.optional().describe('only those of this client'),
      machine: idSchema.optional().describe('only those of this machine'),
    }),
    answer: z.array(repositorySchema),
    async handle({ caller, query: { client, machine } }, services) {
      const seen = clientsWith(caller.grants, 'see')
      let query = services.store.db.selectFrom('repositories').selectAll().orderBy('name').orderBy('id')
      if (seen !== 'every') query = query.where('clientId', 'in', seen.length > 0 ? [...seen] : [''])
      if (client !== undefined) query = query.where('clientId', '=', client)
      if (machine !== undefined) query = query.where('machineId', '=', machine)
      return await showRepositories(services, await query.execute())
    },
  }),
  route({
    method: 'GET',
    path: '/api/repositories/:repository',
    summary: 'One repository: size, quota, holds, what was removed and can be put back.',
    command: 'repository show',
    access: { by: 'person', right: 'see', of: 'repository' },
    params: named,
    answer: repositorySchema,
    handle: async ({ params: { repository } }, services) => await showOne(services, repository),
  }),
  route({
    method: 'GET',
    path: '/api/repositories/:repository/snapshots',
    summary: 'Every snapshot that the server received, by its own clock: also those that were removed.',
    command: 'repository snapshots',
    access: { by: 'person', right: 'see', of: 'repository' },
    params: named,
    answer: z.array(storedSnapshotSchema),
    async handle({ params: { repository } }, { ledger }) {
      const known = [...(await ledger.snapshots(repository)).values()]
      return known.map(({ id, state, receivedAt, suspectBecause = null }) => ({
        id,
        state,
        receivedAt: formatMoment(receivedAt),
        suspectBecause,
      }))
    },
  }),
  route({
    method: 'PUT',
    path: '/api/repositories/:repository/quota',
    summary: 'Sets how many bytes a repository may have; null for no limit.',
    command: 'repository quota',
    access: { by: 'person', right: 'administer', of: 'repository' },
    params: named,
    body: z.object({ bytes: z.int().min(0).nullable().describe('how large it may become') }),
    answer: repositorySchema,
    async handle({ params: { repository: id }, body: { bytes }, caller }, services) {
      const { clientId } = await rowOf(services, id)
      await services.store.db.transaction().execute(async (transaction) => {
        await transaction.updateTable('repositories').set({ quotaBytes: bytes }).where('id', '=', id).execute()
        const entry = { actor: caller.actor, what: 'repository.quota', clientId, details: { id, bytes } }
        await services.audit.write(entry, transaction)
      })
      return await showOne(services, id)
    },
  }),
  route({
    method: 'POST',
    path: '/api/repositories/:repository/hold',
    summary: 'Holds a repository: nothing is removed from it until the hold is lifted.',
    command: 'repository hold',
    access: { by: 'person', right: 'operate', of: 'repository' },
    params: named,
    body: z.object({ because: z.string().trim().min(1).max(500).describe('why') }),
    answer: repositorySchema,
    async handle({ params: { repository: id }, body: { because }, caller: { actor } }, services) {
      await services.store.db.transaction().execute(async (transaction) => {
        await holdRepository(services, id, { because, actor, transaction })
      })
      return await showOne(services, id)
    },
  }),
  route({
    method: 'POST',
    path: '/api/repositories/:repository/lift',
    summary: 'Lifts a hold, after a look at what was unusual; `trust` calls its suspect snapshots trusted.',
    command: 'repository lift',
    access: { by: 'person', right: 'administer', of: 'repository' },
    params: named,
    body: z.object({ trust: z.boolean().default(false).describe('call its suspect snapshots trusted') }),
    answer: repositorySchema,
    async handle({ params: { repository: id }, body: { trust }, caller: { actor } }, services) {
      await services.store.db.transaction().execute(async (transaction) => {
        await liftHold(services, id, { actor, trust, transaction })
      })
      return await showOne(services, id)
    },
  }),
  ordered('retention', 'Thins a repository out now, by the policies of its machine.'),
  ordered('ledger-check', 'Holds what the storage has against the ledger, now.'),
  route({
    method: 'POST',
    path: '/api/repositories/:repository/put-back',
    summary: 'Puts back a snapshot that was removed, with all it needs; without one, a repository that was deleted.',
    command: 'repository put-back',
    access: { by: 'person', right: 'operate', of: 'repository' },
    params: named,
    body: z.object({ snapshot: snapshotIdSchema.optional().describe('only this one') }),
    answer: operationSchema,
    handle: async ({ params: { repository: id }, body: { snapshot }, caller }, services) =>
      await order(services, caller, { id, kind: 'put-back', more: snapshot === undefined ? {} : { snapshot } }),
  }),
  route({
    method: 'POST',
    path: '/api/repositories/:repository/empty',
    summary: 'Asks for what was removed until today to be deleted for good, before its days are over.',
    command: 'repository empty',
    access: { by: 'person', right: 'administer', of: 'repository' },
    params: named,
    answer: doneOrWaitsSchema,
    async handle({ params: { repository: repositoryId }, caller }, services) {
      const { clientId, name } = await rowOf(services, repositoryId)
      const upTo = formatMoment(services.clock.now()).slice(0, 10)
      const wanted = { clientId, details: { repositoryId, name, upTo }, by: caller }
      return waits(await askApproval(services, emptyQuarantineAction, wanted))
    },
  }),
  route({
    method: 'DELETE',
    path: '/api/machines/:machine',
    summary: 'Asks for a machine to be deleted with all its backups.',
    command: 'machine delete',
    access: { by: 'person', right: 'administer', of: 'machine' },
    params: z.object({ machine: idSchema }),
    answer: doneOrWaitsSchema,
    async handle({ params: { machine: machineId }, caller }, services) {
      const { clientId, name } = await services.store.db
        .selectFrom('machines')
        .select(['clientId', 'name'])
        .where('id', '=', machineId)
        .executeTakeFirstOrThrow()
      const wanted = { clientId, details: { machineId, name }, by: caller }
      return waits(await askApproval(services, deleteMachineAction, wanted))
    },
  }),
]

/** The answer of a call that waits for an approval. */
export function waits(approval: Row<'approvals'>) {
  return { done: false as const, waits: showApproval(approval) }
}

function ordered(kind: string, summary: string) {
  return route({
    method: 'POST',
    path: `/api/repositories/:repository/${kind}`,
    summary,
    command: `repository ${kind}`,
    access: { by: 'person', right: 'operate', of: 'repository' },
    params: named,
    answer: operationSchema,
    handle: async ({ params: { repository: id }, caller }, services) => await order(services, caller, { id, kind }),
  })
}

interface Ordered {
  readonly id: string
  readonly kind: string
  readonly more?: Readonly<Record<string, unknown>>
}

async function order(services: Services, { actor }: Caller, { id, kind, more = {} }: Ordered) {
  const { operations, audit } = services
  const { clientId } = await rowOf(services, id)
  const about = { clientId, machineId: null, kind, requestedBy: actor.who }
  const operation = await operations.create({ ...about, order: { repository: id, ...more } })
  await audit.write({ actor, what: `repository.${kind}`, clientId, details: { id, ...more, operation: operation.id } })
  return showOperation(operation)
}

async function showOne(services: Services, id: string) {
  const [shown] = await showRepositories(services, [await rowOf(services, id)])
  return shown as NonNullable<typeof shown>
}

async function rowOf({ store }: Services, id: string): Promise<Row<'repositories'>> {
  return await store.db.selectFrom('repositories').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
}
