import { auditEntrySchema } from '#protocol'
import { z } from 'zod'
import { clientsWith } from '../app/caller.ts'
import { FileAnswer, fileAnswerSchema } from '../app/file-answer.ts'
import { route } from '../app/route.ts'
import { ServerError } from '../errors.ts'
import { writeAuditFile } from '../records/audit-file.ts'
import { formatMoment } from '../time.ts'

const faultSchema = z.object({ kind: z.enum(['missing', 'changed', 'cut']), seq: z.int() })

/** Entries that one call gives. */
const pageLength = 500

export const serverRoutes = [
  route({
    method: 'GET',
    path: '/api/health/live',
    summary: 'Whether the server answers at all.',
    command: 'server live',
    access: { by: 'anybody', because: 'it tells nothing' },
    answer: z.object({ live: z.literal(true) }),
    handle: () => Promise.resolve({ live: true as const }),
  }),
  route({
    method: 'GET',
    path: '/api/health/ready',
    summary: 'Whether the server can work: its database answers, its folders can be written. Fails with 503 when not.',
    command: 'server ready',
    access: { by: 'anybody', because: 'it tells nothing' },
    answer: z.object({ ready: z.literal(true) }),
    async handle(_, services) {
      await services.checkReady()
      return { ready: true as const }
    },
  }),
  route({
    method: 'GET',
    path: '/metrics',
    command: 'server metrics',
    summary: 'Figures for monitoring, as Prometheus reads them: give it an API token as its bearer token.',
    access: { by: 'person', right: 'see', of: 'server' },
    sends: 'text',
    answer: z.string(),
    handle: async (_, services) => await services.metrics.text(services),
  }),
  route({
    method: 'GET',
    path: '/api/audit',
    summary: 'What was done, by whom and from where, in order.',
    command: 'audit list',
    access: { by: 'person', right: 'audit', of: 'each' },
    query: z.object({
      after: z.coerce.number().int().min(0).default(0).describe('entries after the one of this number'),
    }),
    answer: z.array(auditEntrySchema),
    async handle({ caller, query: { after } }, { audit }) {
      const seen = clientsWith(caller.grants, 'audit')
      const page = []
      for await (const entry of audit.entries({ after, ...(seen !== 'every' && { clientIds: seen }) })) {
        const details = z.record(z.string(), z.unknown()).parse(JSON.parse(entry.details))
        page.push({ ...entry, at: formatMoment(entry.at), details })
        if (page.length === pageLength) break
      }
      return page
    },
  }),
  route({
    method: 'GET',
    path: '/api/audit/export',
    summary:
      'The whole audit log as a file, lines of JSON, or what came after an entry. It is verified without the server.',
    command: 'audit export',
    access: { by: 'person', right: 'audit', of: 'server' },
    query: z.object({
      after: z.coerce.number().int().min(0).default(0).describe('entries after the one of this number'),
    }),
    answer: fileAnswerSchema,
    async handle({ caller, query: { after } }, { audit }) {
      const from = await audit.linkAt(after)
      if (!from) throw new ServerError('NOT_FOUND', { what: 'entry' })
      // Before it is read: it stands in what it tells of.
      await audit.write({ actor: caller.actor, what: 'audit.export', details: { after } })
      return new FileAnswer(`audit-after-${after}.jsonl`, writeAuditFile(audit, from))
    },
  }),
  route({
    method: 'GET',
    path: '/api/audit/verification',
    summary: 'Follows the hash chain of the audit log from its start, and names the first entry that does not fit.',
    command: 'audit verify',
    access: { by: 'person', right: 'audit', of: 'server' },
    answer: z.object({ entries: z.int(), hash: z.string(), fault: faultSchema.nullable() }),
    async handle(_, { audit }) {
      const { head, fault } = await audit.verify()
      return { entries: head.seq, hash: head.hash, fault: fault ?? null }
    },
  }),
]
