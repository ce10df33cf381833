/** What is said about alerts at the API. */
import { z } from 'zod'
import {
  alertPersonSchema,
  alertSettingsSchema,
  conditionKinds,
  languages,
  severitySchema,
  timeZoneSchema,
} from './alerts.ts'
import { timeSchema } from './answers.ts'

/** Something that is not as it should be. */
export const alertSchema = z.object({
  /** The same as long as it is the same trouble of the same thing. */
  key: z.string(),
  kind: z.enum(conditionKinds),
  severity: severitySchema,
  subject: z.object({
    type: z.enum([
      'machine',
      'repository',
      'storage',
      'destination',
      'certificate',
      'channel',
      'client',
      'server',
      'person',
    ]),
    id: z.string(),
    name: z.string(),
    /** Null: it belongs to the server itself. */
    clientId: z.string().nullable(),
  }),
  since: timeSchema,
  title: z.string(),
  sentence: z.string(),
  /** What to do. */
  hint: z.string(),
  /** What the sentence is made of, by kind. Times in milliseconds since 1970, spans in milliseconds, sizes in bytes. */
  facts: z.record(z.string(), z.unknown()),
  acknowledged: z.object({ by: z.string(), at: timeSchema }).nullable(),
  muted: z.object({ by: z.string(), until: timeSchema }).nullable(),
})

/** In which words alerts are told. */
export const wordsSchema = z.object({
  language: z.enum(languages).default('en').describe('of the sentences'),
  timeZone: timeZoneSchema.default('UTC').describe('of the times in them, as Europe/Berlin'),
})

export const alertKeysSchema = z.object({
  keys: z
    .array(z.string().min(1).max(1_000))
    .min(1)
    .max(1_000)
    .describe('keys of the alerts, as `alert list` shows them'),
})

const channelWords = z.string().max(2_000)

/** What of a channel is to be another. Null takes away what need not be there. */
export const channelChangesSchema = z.strictObject({
  name: channelWords.optional().describe('another name'),
  host: channelWords.optional().describe('mail server'),
  port: z.int().optional().describe('its port'),
  security: channelWords.optional().describe('starttls, tls, or none for a relay without a login'),
  user: channelWords.nullable().optional().describe('login at the mail server'),
  password: channelWords.nullable().optional(),
  from: channelWords.optional().describe('address that mails come from'),
  url: channelWords.optional().meta({ typed: 'secret', description: 'address that is called' }),
  secret: channelWords.optional(),
  topic: channelWords.optional().describe('topic of ntfy'),
  token: channelWords.meta({ typed: 'secret' }).nullable().optional().describe('token of ntfy'),
})
export type ChannelChanges = z.infer<typeof channelChangesSchema>

/** A channel without its secrets: `true` where there is one, and of an address only the server. */
export const shownChannelSchema = z.looseObject({ id: z.string(), name: z.string(), kind: z.string() })

/** Whom a test message goes to: by email an address has to be named, unless it is one's own. */
export const channelTestSchema = z
  .object({
    address: z.email().max(254).optional().describe('whom a test mail goes to (default: your own address)'),
  })
  .default({})

export const deliverySchema = z.object({
  delivered: z.boolean(),
  /** What the other side said, or why it did not arrive. */
  words: z.string(),
  code: z.string().nullable(),
  hint: z.string().nullable(),
})

/** One try to deliver a message. */
export const attemptSchema = z.object({
  at: timeSchema,
  message: z.string(),
  person: z.string(),
  channel: z.string(),
  ...deliverySchema.shape,
  /** When it is tried again; null: it has arrived, or was given up. */
  nextAt: timeSchema.nullable(),
})

export const newAlertPersonSchema = alertPersonSchema.omit({ id: true })

const { channels: _, people: __, deadMan: ___, ...times } = alertSettingsSchema.shape

/** The times by which everybody is told; what is not named is as usual. */
export const alertTimesSchema = z.strictObject(times)

/** The outside watch; of its address only the server, for what comes after that may be a secret. */
export const shownWatchSchema = z.object({ server: z.string(), method: z.string(), everyMinutes: z.int() }).nullable()
