import { evidenceRecordSchema, idSchema } from '#protocol'
import { z } from 'zod'
import { clientsWith } from '../app/caller.ts'
import { route } from '../app/route.ts'
import { showEvidence } from '../proofs/evidence.ts'

/** Rows that one call gives. */
const pageLength = 200

/** What proves that data comes back: evidence, what makes it, and what follows from it. */
export const proofRoutes = [
  route({
    method: 'GET',
    path: '/api/evidence',
    summary: 'What was measured, newest first.',
    access: { by: 'person', right: 'see', of: 'each' },
    query: z.object({
      client: idSchema.optional(),
      machine: idSchema.optional(),
      repository: idSchema.optional(),
      kind: z.string().max(100).optional(),
      /** Milliseconds since 1970: measured before. */
      before: z.coerce.number().int().optional(),
    }),
    answer: z.array(evidenceRecordSchema),
    async handle({ caller, query: { client, machine, repository, kind, before } }, { store }) {
      const seen = clientsWith(caller.grants, 'see')
      let query = store.db.selectFrom('evidence').selectAll().orderBy('measuredAt', 'desc').limit(pageLength)
      if (seen !== 'every') query = query.where('clientId', 'in', seen.length > 0 ? [...seen] : [''])
      if (client !== undefined) query = query.where('clientId', '=', client)
      if (machine !== undefined) query = query.where('machineId', '=', machine)
      if (repository !== undefined) query = query.where('repositoryId', '=', repository)
      if (kind !== undefined) query = query.where('kind', '=', kind)
      if (before !== undefined) query = query.where('measuredAt', '<', before)
      return (await query.execute()).map(showEvidence)
    },
  }),
]
