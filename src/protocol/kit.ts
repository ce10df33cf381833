import { z } from 'zod'
import { timeSchema } from './answers.ts'
import { codeSchema } from './people.ts'

/** The recovery kit of a client. */

export const newKitSchema = z.strictObject({
  language: z.enum(['en', 'de']).default('en').describe('of the page (default: en)'),
  /** Of whoever asks, with the code of the second factor where there is one: in place of a fresh sign-in. */
  password: z.string().min(1).max(256).optional(),
  code: codeSchema.optional(),
  withServer: z
    .boolean()
    .default(false)
    .describe(
      'with the server’s own backup, which opens the data of all its clients; for whoever administers the server',
    ),
  /** Whom to call, in plain words. */
  contact: z.string().trim().min(1).max(500).optional().describe('whom to call, in plain words'),
})

/** Shown once: neither the page nor the file is kept. */
export const madeKitSchema = z.object({
  /** HTML, to be printed. */
  page: z.string(),
  /** The same as plain text. */
  text: z.string(),
  madeAt: timeSchema,
})

export const kitStateSchema = z.object({
  state: z.enum(['none', 'outdated', 'unconfirmed', 'confirm-again', 'stored']),
  /** Whether it counts as stored. */
  stored: z.boolean(),
  madeAt: timeSchema.nullable(),
  confirmedAt: timeSchema.nullable(),
  /** When its code has to be typed back again. */
  due: timeSchema.nullable(),
  /** A sentence: what is lost with it. */
  lost: z.string(),
  /** Repositories whose password the server does not have: it is written into the kit by hand. */
  byHand: z.array(z.string()),
})

export const kitCodeSchema = z.strictObject({ code: z.string().max(200).describe('the code on the printed kit') })

export const kitConfirmationSchema = z.object({
  /** `old`: the code of an older kit; the newest is to be printed. */
  result: z.enum(['right', 'old', 'wrong']),
  /** `mistyped`: no kit has such a code. `unknown`: no kit of this client has. */
  reason: z.enum(['mistyped', 'unknown']).nullable(),
})
