import { idSchema, machineGlanceSchema } from '#protocol'
import { z } from 'zod'
import { clientsWith } from '../app/caller.ts'
import { route } from '../app/route.ts'
import { glanceAtMachines } from '../fleet/glance.ts'

export const overviewRoutes = [
  route({
    method: 'GET',
    path: '/api/overview',
    summary: 'Each machine at a glance: its newest recovery point, how much is kept, when it was last proven.',
    command: 'machine overview',
    access: { by: 'person', right: 'see', of: 'each' },
    query: z.object({ client: idSchema.optional().describe('only machines of this client') }),
    answer: z.array(machineGlanceSchema),
    handle: async ({ caller, query: { client } }, { store }) =>
      await glanceAtMachines(store.db, { seen: clientsWith(caller.grants, 'see'), client }),
  }),
]
