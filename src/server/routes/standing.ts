import { timeSchema } from '#protocol'
import { z } from 'zod'
import { route } from '../app/route.ts'
import type { Services } from '../app/services.ts'
import { ServerError } from '../errors.ts'
import { beginAnew } from '../standing/begin-anew.ts'
import { readStanding } from '../standing/standing.ts'
import { formatMoment } from '../time.ts'

const standingSchema = z.object({
  /** Grows whenever the server is brought back; its machines follow no lower one than they have seen. */
  epoch: z.int(),
  /** Machines follow a later state of this server: this one plans nothing and removes nothing. */
  superseded: z.object({ epoch: z.int(), since: timeSchema, because: z.string() }).nullable(),
})

export const standingRoutes = [
  route({
    method: 'GET',
    path: '/api/server/standing',
    command: 'server standing',
    summary: 'Whether this server is the one that its machines follow, or an old state of it.',
    access: { by: 'person', right: 'administer', of: 'server' },
    answer: standingSchema,
    handle: async (_, services) => await show(services),
  }),
  route({
    method: 'POST',
    path: '/api/server/take-over',
    command: 'server take-over',
    summary:
      'Has this server go on although machines follow a later state of it, which must run no more. Retention is held until a person lifts that.',
    access: { by: 'person', right: 'administer', of: 'server' },
    answer: standingSchema,
    async handle({ caller }, services) {
      const standing = await readStanding(services.store.db)
      if (!standing.superseded) {
        throw new ServerError('STATE_WRONG', { what: 'server', state: 'the one that its machines follow' })
      }
      const because = 'a person had this server take over from a later state of it'
      await beginAnew(services, { standing, because, actor: caller.actor })
      return await show(services)
    },
  }),
]

async function show({ store }: Services): Promise<z.input<typeof standingSchema>> {
  const { epoch, superseded } = await readStanding(store.db)
  return { epoch, superseded: superseded && { ...superseded, since: formatMoment(superseded.since) } }
}
