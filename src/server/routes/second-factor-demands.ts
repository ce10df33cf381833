import { doneSchema, everyClient, idSchema, secondFactorDemandSchema } from '#protocol'
import { z } from 'zod'
import type { Caller } from '../app/caller.ts'
import { route } from '../app/route.ts'
import type { Services } from '../app/services.ts'
import { demandSecondFactor, isSecondFactorDemanded } from '../people/second-factor-demand.ts'

const ofClient = z.object({ client: idSchema })

export const secondFactorDemandRoutes = [
  route({
    method: 'GET',
    path: '/api/settings/second-factor',
    summary: 'Whether everybody who signs in at the server must have a second factor.',
    command: 'safety second-factor',
    access: { by: 'person', right: 'see', of: 'server' },
    answer: secondFactorDemandSchema,
    handle: async (_, { store }) => ({ isDemanded: await isSecondFactorDemanded(store.db, everyClient) }),
  }),
  route({
    method: 'PUT',
    path: '/api/settings/second-factor',
    summary: 'Demands a second factor of everybody, or does so no longer. Who has none may then only set one up.',
    command: 'safety demand-second-factor',
    access: { by: 'person', right: 'administer', of: 'server' },
    fresh: true,
    body: secondFactorDemandSchema,
    answer: doneSchema,
    handle: async ({ body: { isDemanded }, caller }, services) =>
      await setDemand(services, { clientId: null, isDemanded, caller }),
  }),
  route({
    method: 'GET',
    path: '/api/clients/:client/second-factor',
    summary: 'Whether everybody with a role at this client must have a second factor.',
    command: 'client second-factor',
    access: { by: 'person', right: 'see', of: 'client' },
    params: ofClient,
    answer: secondFactorDemandSchema,
    handle: async ({ params: { client } }, { store }) => ({
      isDemanded: await isSecondFactorDemanded(store.db, client),
    }),
  }),
  route({
    method: 'PUT',
    path: '/api/clients/:client/second-factor',
    summary:
      'Demands a second factor of everybody with a role at this client or at all, or does so no longer. Who has none may then only set one up.',
    command: 'client demand-second-factor',
    access: { by: 'person', right: 'administer', of: 'client' },
    fresh: true,
    params: ofClient,
    body: secondFactorDemandSchema,
    answer: doneSchema,
    handle: async ({ params: { client: clientId }, body: { isDemanded }, caller }, services) =>
      await setDemand(services, { clientId, isDemanded, caller }),
  }),
]

interface Demand {
  /** Null: of everybody. */
  readonly clientId: string | null
  readonly isDemanded: boolean
  readonly caller: Caller
}

async function setDemand({ store, audit }: Services, { clientId, isDemanded, caller: { actor } }: Demand) {
  await store.db.transaction().execute(async (transaction) => {
    await audit.write({ actor, what: 'second-factor.demand', clientId, details: { isDemanded } }, transaction)
    await demandSecondFactor(transaction, clientId ?? everyClient, isDemanded)
  })
  return { done: true as const }
}
