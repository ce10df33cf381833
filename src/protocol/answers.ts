import { z } from 'zod'

/** What every call that fails is answered with: the code is stable, the sentences are for people. */
export const errorAnswerSchema = z.object({ code: z.string(), message: z.string(), hint: z.string() })
export type ErrorAnswer = z.infer<typeof errorAnswerSchema>

/** The answer of a call that has nothing to say but that it is done. */
export const doneSchema = z.object({ done: z.literal(true) })

/** A moment, RFC 3339. */
export const timeSchema = z.iso.datetime({ offset: true })

export const idSchema = z.uuid()
