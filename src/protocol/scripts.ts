import { z } from 'zod'
import { idSchema, timeSchema } from './answers.ts'
import { machineKindSchema } from './machines.ts'
import { nameSchema } from './people.ts'

/** Machines without our agent, and the ready scripts by which stock restic backs them up. */

export const newMachineSchema = z.strictObject({
  name: nameSchema.describe('its name'),
  kind: machineKindSchema.default('pc').describe('what it is (default: pc)'),
})

const weekdays = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'] as const

/** What a script backs up, and when. */
export const scriptOrderSchema = z.strictObject({
  system: z.enum(['linux', 'macos', 'windows']).describe('for which the script is'),
  /** Absolute. */
  paths: z.array(z.string().min(1).max(4_096)).min(1).max(100).describe('what is backed up, absolute'),
  /** Patterns as of restic. */
  excludes: z
    .array(z.string().min(1).max(4_096))
    .max(1_000)
    .default([])
    .describe('patterns of what is left out, as of restic'),
  /** By the machine's own clock. */
  schedule: z
    .strictObject({
      hour: z.int().min(0).max(23).describe('hour of the day at which it runs, by the machine’s own clock: 0 to 23'),
      minute: z.int().min(0).max(59).default(0).describe('and the minute (default: 0)'),
      /** Default: every day. */
      days: z.array(z.enum(weekdays)).min(1).max(7).optional().describe('on which days (default: every day)'),
    })
    .meta({ typed: 'parts' }),
  /** Whether it runs on battery, too. */
  onBattery: z.boolean().default(true).describe('whether it runs on battery, too (default: yes)'),
  /** KiB a second. */
  uploadLimit: z.int().min(1).max(1_000_000_000).optional().describe('KiB a second'),
})
export type ScriptOrder = z.output<typeof scriptOrderSchema>

/** Shown once: it holds the machine's secrets. */
export const madeScriptSchema = z.object({ fileName: z.string(), script: z.string() })

export const scriptSchema = z.object({ settings: scriptOrderSchema, madeAt: timeSchema, madeBy: z.string() })

/** What stock restic needs for a machine's repository. Shown once. */
export const resticAccessSchema = z.object({
  repositoryId: idSchema,
  url: z.string(),
  user: z.string(),
  secret: z.string(),
  /** Of the repository itself. */
  password: z.string(),
})
