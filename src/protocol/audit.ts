import { z } from 'zod'
import { timeSchema } from './answers.ts'

/** An entry of the audit log. */
export const auditEntrySchema = z.object({
  seq: z.int(),
  at: timeSchema,
  who: z.string(),
  what: z.string(),
  clientId: z.string().nullable(),
  fromWhere: z.string(),
  details: z.record(z.string(), z.unknown()),
  hash: z.string(),
})
