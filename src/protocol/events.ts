import { z } from 'zod'
import { timeSchema } from './answers.ts'

/** What one can watch: something of this kind has changed, and is to be asked for anew. */
export const eventKinds = [
  'operation',
  'machine',
  'policy',
  'alert',
  'approval',
  'client',
  'repository',
  'person',
] as const
export type EventKind = (typeof eventKinds)[number]

/** One event of the stream at /api/events. */
export const eventSchema = z.object({
  /**
   * A kind, or 'missed': what has changed since the one who watches was here last is not known any more, so that
   * everything is to be asked for anew.
   */
  kind: z.enum([...eventKinds, 'missed']),
  /** The id of what has changed, of an alert its key; null for 'missed'. */
  subject: z.string().nullable(),
  /** Null: it belongs to the server itself. */
  clientId: z.string().nullable(),
  at: timeSchema,
})
export type WatchedEvent = z.infer<typeof eventSchema>
