import { z } from 'zod'
import { idSchema, timeSchema } from './answers.ts'

/** A repository that the server keeps, with figures as they were measured last. */
export const repositorySchema = z.object({
  id: idSchema,
  clientId: idSchema,
  machineId: z.string().nullable(),
  name: z.string(),
  /** Whether the client keeps its password from the server: then retention is not done by the server. */
  passwordKept: z.boolean(),
  quotaBytes: z.number().nullable(),
  held: z.object({ because: z.string(), since: timeSchema.nullable() }).nullable(),
  measuredAt: timeSchema.nullable(),
  usedBytes: z.number().nullable(),
  snapshots: z.int().nullable(),
  /** What was removed and can still be put back, and when the first of it goes for good. */
  softDeleted: z.object({ bytes: z.number(), firstGoesAt: timeSchema.nullable() }).nullable(),
  lastRetentionAt: timeSchema.nullable(),
  /** When all of it was set aside, with its machine. */
  deletedAt: timeSchema.nullable(),
  /** What the ledger and the storage last disagreed on. */
  disagreements: z.array(
    z.object({ kind: z.enum(['missing', 'rolled_back', 'invented']), count: z.int(), foundAt: timeSchema }),
  ),
})

export const storedSnapshotSchema = z.object({
  id: z.string(),
  state: z.enum(['received', 'removing', 'removed', 'putting-back', 'put-back']),
  receivedAt: timeSchema,
  suspectBecause: z.string().nullable(),
})
