import { z } from 'zod'
import { idSchema, timeSchema } from './answers.ts'

/** What a list of machines shows of one at a glance: figures that would else be asked of each machine by itself. */
export const machineGlanceSchema = z.object({
  machineId: idSchema,
  /** When the newest recovery point was received, by the server's clock; null: there is none. */
  newestAt: timeSchema.nullable(),
  /** Recovery points and bytes in the storage, as they were measured last; null: not measured yet. */
  recoveryPoints: z.int().nullable(),
  usedBytes: z.number().nullable(),
  /** Backup policies that it follows. */
  policies: z.int(),
  /** When something of it was last restored, for trial or in earnest, and was right; null: never. */
  provenAt: timeSchema.nullable(),
})
export type MachineGlance = z.infer<typeof machineGlanceSchema>
