import { z } from 'zod'
import { idSchema, timeSchema } from './answers.ts'
import { latestOrIdSchema, snapshotIdSchema } from './restore.ts'

/** How a client's backups are proven, by schedule. */

const often = z.number().min(1).max(366)

export const proofSettingsSchema = z.strictObject({
  check: z
    .strictObject({
      everyHours: z
        .int()
        .min(1)
        .max(24 * 31)
        .default(24),
      /** Every byte has been read again within this time. */
      coverWithinDays: z.int().min(1).max(366).default(30),
    })
    .prefault({}),
  testRestore: z
    .strictObject({
      everyDays: often.default(7),
      mostFiles: z.int().min(1).max(500).default(200),
      mostBytes: z
        .int()
        .min(1 << 20)
        .max(64 * 2 ** 30)
        .default(256 * 2 ** 20),
      /** `alternating`: on the server, then on the machine, and so on. */
      where: z.enum(['alternating', 'server', 'machine']).default('alternating'),
    })
    .prefault({}),
  /** Whole restores take room and time: only a client who wants them has them by schedule. */
  trial: z
    .strictObject({ everyDays: often, where: z.enum(['server', 'machine']).default('machine') })
    .nullable()
    .default(null),
})
export type ProofSettings = z.output<typeof proofSettingsSchema>

export const askTestRestoreSchema = z.strictObject({
  where: z.enum(['server', 'machine']).default('server').describe('where it is restored (default: server)'),
  /** Left out: one at random. */
  snapshot: snapshotIdSchema.exactOptional().describe('which (default: one at random)'),
  /** The same seed chooses the same files of the same snapshot. */
  seed: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/)
    .exactOptional()
    .describe('the same seed chooses the same files of the same snapshot'),
})

export const askTrialSchema = z.strictObject({
  /** `server`, or the id of the machine onto which it is restored. Left out: the machine itself. */
  where: z
    .union([z.literal('server'), idSchema.meta({ thing: 'machine' })])
    .exactOptional()
    .describe('onto which machine, or on the server (default: the machine itself)'),
  snapshot: latestOrIdSchema.describe('which recovery point (default: latest)').default('latest'),
})

/** A sample of a snapshot, restored into a scratch folder and removed again. Of a machine, by its agent. */
export const testRestoreOrderSchema = z.object({
  snapshotId: snapshotIdSchema,
  seed: z.string().max(64),
  mostFiles: z.int().min(1).max(500),
  mostBytes: z.int().min(1),
})

/** Everything of a snapshot, restored into a scratch folder and removed again. */
export const trialOrderSchema = z.object({
  snapshotId: snapshotIdSchema,
  /** Left out: the machine's own. */
  repositoryId: idSchema.optional(),
})

/** What a restore measured: the part of an outcome that becomes evidence. */
export const restoreFiguresSchema = z.object({
  scope: z.enum(['sample', 'whole', 'part']),
  snapshotId: snapshotIdSchema,
  /** And folders: each takes its time. */
  files: z.number().min(0),
  bytes: z.number().min(0),
  /** From order to end. */
  seconds: z.number().min(0),
})

export const evidenceRecordSchema = z.object({
  id: idSchema,
  clientId: idSchema,
  machineId: idSchema.nullable(),
  repositoryId: idSchema.nullable(),
  /** 'restore', 'check', 'line'. */
  kind: z.string(),
  measuredBy: z.string(),
  measuredAt: timeSchema,
  holdsUntil: timeSchema.nullable(),
  measured: z.record(z.string(), z.unknown()),
})

export const proofStateSchema = z.object({
  /** A sentence: why the server can prove nothing here by itself; null: it can. */
  impossible: z.string().nullable(),
  settings: proofSettingsSchema,
  /** The turn through all the data; null: no check was made yet. */
  reading: z
    .object({
      part: z.int(),
      parts: z.int(),
      turnBegunAt: timeSchema,
      /** All data had been read by then, beginning at `coveredSince`; null: not yet. */
      coveredAt: timeSchema.nullable(),
      coveredSince: timeSchema.nullable(),
    })
    .nullable(),
})

export const forecastSchema = z.object({
  known: z.boolean(),
  /** Seconds; null when not known. */
  low: z.number().nullable(),
  likely: z.number().nullable(),
  high: z.number().nullable(),
  reasons: z.array(z.string()),
  /** Ids of the evidence that it was taken from. */
  basedOn: z.array(idSchema),
  /** What would be restored. */
  bytes: z.number().nullable(),
  files: z.number().nullable(),
  /** Whether it fits into the time that was asked about. */
  fit: z.object({ answer: z.string(), because: z.string() }).nullable(),
})
