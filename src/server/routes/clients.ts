import { randomUUID } from 'node:crypto'
import { clientSchema, idSchema, nameSchema, renameSchema } from '#protocol'
import { z } from 'zod'
import { clientsWith } from '../app/caller.ts'
import { route } from '../app/route.ts'
import { ServerError } from '../errors.ts'
import { noteEvents } from '../events/note-events.ts'
import type { Row } from '../store/tables.ts'
import { formatMoment } from '../time.ts'

export const clientRoutes = [
  route({
    method: 'GET',
    path: '/api/clients',
    summary: 'The clients (businesses) that one may see.',
    command: 'client list',
    access: { by: 'person', right: 'see', of: 'each' },
    answer: z.array(clientSchema),
    async handle({ caller }, { store }) {
      const seen = clientsWith(caller.grants, 'see')
      let query = store.db.selectFrom('clients').selectAll().orderBy('name')
      if (seen !== 'every') query = query.where('id', 'in', seen.length > 0 ? [...seen] : [''])
      return (await query.execute()).map(showClient)
    },
  }),
  route({
    method: 'POST',
    path: '/api/clients',
    summary: 'Makes a client.',
    command: 'client create',
    access: { by: 'person', right: 'administer', of: 'server' },
    body: z.object({ name: nameSchema.describe('its name') }),
    answer: clientSchema,
    async handle({ body: { name }, caller }, { store, clock, audit }) {
      const now = clock.now()
      return await store.db.transaction().execute(async (transaction) => {
        const client = await transaction
          .insertInto('clients')
          .values({ id: randomUUID(), name, state: 'normal', stateSince: now, createdAt: now })
          .onConflict((conflict) => conflict.column('name').doNothing())
          .returningAll()
          .executeTakeFirst()
        if (!client) throw new ServerError('NAME_TAKEN', { what: 'client' })
        const entry = { actor: caller.actor, what: 'client.create', clientId: client.id, details: { name } }
        await audit.write(entry, transaction)
        await noteEvents(transaction, [{ kind: 'client', subject: client.id, clientId: client.id }], clock)
        return showClient(client)
      })
    },
  }),
  route({
    method: 'PATCH',
    path: '/api/clients/:client',
    summary: 'Gives a client another name.',
    command: 'client rename',
    access: { by: 'person', right: 'administer', of: 'client' },
    params: z.object({ client: idSchema }),
    body: renameSchema,
    answer: clientSchema,
    async handle({ params: { client: id }, body: { name }, caller }, { store, clock, audit }) {
      return await store.db.transaction().execute(async (transaction) => {
        const other = await transaction
          .selectFrom('clients')
          .select('id')
          .where('name', '=', name)
          .where('id', '!=', id)
          .executeTakeFirst()
        if (other) throw new ServerError('NAME_TAKEN', { what: 'client' })
        const client = await transaction
          .updateTable('clients')
          .set({ name })
          .where('id', '=', id)
          .returningAll()
          .executeTakeFirstOrThrow()
        const entry = { actor: caller.actor, what: 'client.rename', clientId: id, details: { name } }
        await audit.write(entry, transaction)
        await noteEvents(transaction, [{ kind: 'client', subject: id, clientId: id }], clock)
        return showClient(client)
      })
    },
  }),
]

export function showClient({ id, name, state, stateSince, createdAt }: Row<'clients'>): z.input<typeof clientSchema> {
  return {
    id,
    name,
    state: clientSchema.shape.state.parse(state),
    stateSince: formatMoment(stateSince),
    createdAt: formatMoment(createdAt),
  }
}
