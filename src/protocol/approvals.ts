import { z } from 'zod'
import { doneSchema, idSchema, timeSchema } from './answers.ts'

/** What one person has asked for and another must allow; where there is no other, it waits for a delay. */
export const approvalSchema = z.object({
  id: idSchema,
  clientId: idSchema.nullable(),
  action: z.string(),
  /** What will happen, in a sentence. */
  sentence: z.string(),
  /** A person's id, or 'server'. */
  askedBy: z.string(),
  askedAt: timeSchema,
  needs: z.enum(['person', 'delay']),
  /** With a delay: when it happens by itself, unless somebody withdraws it. */
  happensAt: timeSchema.nullable(),
  expiresAt: timeSchema,
  decidedBy: z.string().nullable(),
  decidedAt: timeSchema.nullable(),
  state: z.enum(['waiting', 'allowed', 'refused', 'withdrawn', 'expired', 'done', 'failed']),
})
export type Approval = z.infer<typeof approvalSchema>

/** The answer of a call that is done at once, or that waits for an approval. */
export const doneOrWaitsSchema = z.union([doneSchema, z.object({ done: z.literal(false), waits: approvalSchema })])

const hours = z.int().min(1).max(720)
const share = z.number().min(0).max(1)

const safety = {
  delayHours: hours.describe('where there is one person: hours that what removes something waits (at first: 72)'),
  approvalDays: z.int().min(1).max(90).describe('days that a second person has time to allow it (at first: 7)'),
  softDeleteDays: z.int().min(1).max(3_650).describe('days that what was removed can be put back (at first: 30)'),
  mostSnapshots: share.describe(
    'share of the snapshots, 0 to 1, that one run may remove without a person (at first: 0.25)',
  ),
  mostBytes: share.describe('the same of the bytes (at first: 0.25)'),
}

/** What keeps a single person, or a stolen account, from removing backups. */
export const safetySettingsSchema = z.strictObject({
  delayHours: safety.delayHours.default(72),
  approvalDays: safety.approvalDays.default(7),
  softDeleteDays: safety.softDeleteDays.default(30),
  mostSnapshots: safety.mostSnapshots.default(0.25),
  mostBytes: safety.mostBytes.default(0.25),
})
export type SafetySettings = z.infer<typeof safetySettingsSchema>

/** What is left out stays as it is. */
export const changedSafetySchema = z.strictObject({
  delayHours: safety.delayHours.exactOptional(),
  approvalDays: safety.approvalDays.exactOptional(),
  softDeleteDays: safety.softDeleteDays.exactOptional(),
  mostSnapshots: safety.mostSnapshots.exactOptional(),
  mostBytes: safety.mostBytes.exactOptional(),
})
