import { clientSchema, doneOrWaitsSchema, idSchema } from '#protocol'
import { z } from 'zod'
import { route } from '../app/route.ts'
import { askApproval } from '../approvals/approvals.ts'
import { ServerError } from '../errors.ts'
import { leaveAttackAction } from '../retention/actions.ts'
import { enterAttack } from '../retention/attack.ts'
import { showClient } from './clients.ts'
import { waits } from './repositories.ts'

const named = z.object({ client: idSchema })

export const attackRoutes = [
  route({
    method: 'POST',
    path: '/api/clients/:client/attacked',
    summary:
      'Says "we may have been attacked": nothing of this client is removed from now on. Backups go on, marked suspect.',
    command: 'client attacked',
    access: { by: 'person', right: 'operate', of: 'client' },
    params: named,
    answer: clientSchema,
    handle: async ({ params: { client }, caller }, services) =>
      showClient(await enterAttack(services, client, caller.actor)),
  }),
  route({
    method: 'POST',
    path: '/api/clients/:client/not-attacked',
    summary: 'Asks for the end of that state; it takes a second person, or a delay.',
    command: 'client not-attacked',
    access: { by: 'person', right: 'administer', of: 'client' },
    params: named,
    answer: doneOrWaitsSchema,
    async handle({ params: { client: clientId }, caller }, services) {
      const { name, state } = await services.store.db
        .selectFrom('clients')
        .select(['name', 'state'])
        .where('id', '=', clientId)
        .executeTakeFirstOrThrow()
      if (state !== 'attacked') throw new ServerError('STATE_WRONG', { what: 'client', state: 'not called attacked' })
      const wanted = { clientId, details: { clientId, name }, by: caller }
      return waits(await askApproval(services, leaveAttackAction, wanted))
    },
  }),
]
