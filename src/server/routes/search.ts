import { machineKinds, searchAnswerSchema, searchQuerySchema } from '#protocol'
import type { Reach } from '#protocol'
import { z } from 'zod'
import { route } from '../app/route.ts'
import { searchAll } from '../reading/search-all.ts'

const reachSchema = z.object({ reach: z.enum(['yes', 'partly', 'no'] satisfies Reach[]), how: z.string() })

export const searchRoutes = [
  route({
    method: 'POST',
    path: '/api/search',
    command: 'server search',
    summary: 'Finds files in all recovery points of the machines whose files one may bring back.',
    access: { by: 'person', right: 'restore', of: 'each' },
    body: searchQuerySchema,
    answer: searchAnswerSchema,
    handle: async ({ body, caller: { grants }, signal }, services) =>
      await searchAll(services, body, { grants, signal }),
  }),
  route({
    method: 'GET',
    path: '/api/machine-kinds',
    command: 'machine kinds',
    summary: 'What each kind of machine gets today: files, applications, the whole machine.',
    access: { by: 'anybody', because: 'it stands in the README, too' },
    answer: z.array(
      z.object({
        id: z.string(),
        name: z.string(),
        by: z.enum(['agent', 'script', 'neighbour']),
        files: reachSchema,
        applications: reachSchema,
        wholeMachine: reachSchema,
      }),
    ),
    handle: () => Promise.resolve([...machineKinds]),
  }),
]
