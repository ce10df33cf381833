/**
 * What alerts are about, and how people want to hear of them: severities, channels (how a message travels), people (who
 * hears what, when, in which order) and settings. Runs in the browser too.
 */
import { z } from 'zod'

/** From least to most: shown and in the digest; said in waking hours; said at once, at night too. */
export const severities = ['notice', 'warning', 'critical'] as const
export type Severity = (typeof severities)[number]
export const severitySchema = z.enum(severities)

/** Everything that Understudy warns of. Stable: rules of others and histories refer to them. */
export const conditionKinds = [
  'run_failed',
  'run_missed',
  'machine_unseen',
  'machine_used_by_two',
  'backup_empty',
  'backup_small',
  'success_rate',
  'proof_failed',
  'proof_overdue',
  'storage_filling',
  'clock_wrong',
  'certificate_ending',
  'ledger_disagrees',
  'retention_held',
  'server_superseded',
  'channel_broken',
  'alerting_missing',
  'alerting_dependent',
  'outside_watch_missing',
  'kit_not_stored',
  'account_reset',
  'password_kept',
  'not_protected',
  'copy_behind',
  'disks_overdue',
  'tampering_not_refused',
  'approval_waits',
  'client_attacked',
  'own_backup_late',
  'own_backup_unusable',
] as const
export type ConditionKind = (typeof conditionKinds)[number]

export const languages = ['en', 'de'] as const
export type Language = (typeof languages)[number]

const idSchema = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'an id of letters, digits, - and _')
const nameSchema = z.string().trim().min(1).max(100)
const hourAndMinuteSchema = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'a time of day such as 22:00')
const emailSchema = z.email().max(254)

/** An address of the web. A name or password in it would be seen in logs of others: there are fields for secrets. */
const urlSchema = z
  .url({ protocol: /^https?$/ })
  .max(2000)
  .refine((url) => !/^https?:\/\/[^/?#]*@/i.test(url), 'an address without user name and password')

const hostSchema = z.string().regex(/^(?=.{1,253}$)[A-Za-z0-9._:-]+$/, 'the name or IP address of a server')

/** The id under which the outside watch is a channel, too. */
export const deadManId = 'dead-man'

const about = {
  id: idSchema.refine((id) => id !== deadManId, 'another id: this one is the outside watch'),
  name: nameSchema,
}

const emailChannelSchema = z
  .strictObject({
    ...about,
    kind: z.literal('email'),
    host: hostSchema,
    port: z.int().min(1).max(65_535).default(587),
    /** `starttls` (usual on 587) and `tls` (usual on 465) refuse a server that does not encrypt; `none` is for a relay without a login. */
    security: z.enum(['starttls', 'tls', 'none']).default('starttls'),
    user: z.string().min(1).max(254).optional(),
    password: z.string().min(1).max(1000).optional(),
    from: emailSchema,
  })
  .refine(({ user, password }) => (user === undefined) === (password === undefined), {
    message: 'a user name and a password, or neither',
    path: ['password'],
  })
  .refine(({ security, password }) => security !== 'none' || password === undefined, {
    message: 'a password is sent over an encrypted connection only: choose starttls or tls',
    path: ['security'],
  })

const webhookChannelSchema = z.strictObject({
  ...about,
  kind: z.literal('webhook'),
  url: urlSchema,
  /** Signs each call as https://www.standardwebhooks.com says: `whsec_` and 24 to 64 bytes in base64. */
  secret: z.string().regex(/^whsec_(?=.{32,88}$)[A-Za-z0-9+/]+={0,2}$/, '`whsec_` and 24 to 64 bytes in base64'),
})

/** Slack's incoming webhooks, and what imitates them (Mattermost, Rocket.Chat). The address itself is the secret. */
const slackChannelSchema = z.strictObject({ ...about, kind: z.literal('slack'), url: urlSchema })

/** A Teams workflow "when a Teams webhook request is received". The address itself is the secret. */
const teamsChannelSchema = z.strictObject({ ...about, kind: z.literal('teams'), url: urlSchema })

const ntfyChannelSchema = z.strictObject({
  ...about,
  kind: z.literal('ntfy'),
  /** The server, without the topic: https://ntfy.sh. */
  url: urlSchema,
  topic: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'a topic of letters, digits, - and _'),
  token: z.string().min(1).max(200).optional(),
})

export const channelSchema = z.discriminatedUnion('kind', [
  emailChannelSchema,
  webhookChannelSchema,
  slackChannelSchema,
  teamsChannelSchema,
  ntfyChannelSchema,
])
export type Channel = z.infer<typeof channelSchema>
export type ChannelKind = Channel['kind']

/** One way to reach a person: a channel, and for email their address there. */
const waySchema = z.strictObject({
  channel: idSchema,
  address: emailSchema.optional(),
  /** What is said on this way as soon as it is known. Lesser things wait for the digest. */
  atLeast: severitySchema.default('warning'),
})
export type Way = z.infer<typeof waySchema>

export const timeZoneSchema = z.string().max(64).refine(isTimeZone, 'a time zone such as Europe/Berlin')

/** Somebody who hears of alerts; need not be able to sign in. */
export const alertPersonSchema = z.strictObject({
  id: idSchema,
  name: nameSchema.describe('name of the person'),
  language: z.enum(languages).default('en').describe('in which messages are written'),
  timeZone: timeZoneSchema.default('UTC').describe('of the person, as Europe/Berlin'),
  /** The clients whose alerts this person hears. Those of the server itself go to whoever hears all. */
  clients: z.union([z.literal('all'), z.array(idSchema).min(1).max(10_000)]).default('all'),
  /** 1 hears first; 2 when nobody of step 1 has acknowledged in time; and so on. */
  step: z
    .int()
    .min(1)
    .max(9)
    .default(1)
    .describe('who hears first has 1; the next step hears when nobody takes it on (default: 1)'),
  ways: z.array(waySchema).max(10),
  /** No message but critical ones, in the person's own time. `from` after `to` goes over midnight. */
  quietHours: z
    .strictObject({ from: hourAndMinuteSchema, to: hourAndMinuteSchema })
    .refine(({ from, to }) => from !== to, { message: 'two different times', path: ['to'] })
    .optional(),
  /** A summary on the first way that works, in the person's own time. `weekday`: 1 is Monday, 7 Sunday. */
  digest: z
    .discriminatedUnion('every', [
      z.strictObject({ every: z.literal('day'), hour: z.int().min(0).max(23) }),
      z.strictObject({ every: z.literal('week'), weekday: z.int().min(1).max(7), hour: z.int().min(0).max(23) }),
    ])
    .optional(),
})
export type Person = z.infer<typeof alertPersonSchema>
export type QuietHours = NonNullable<Person['quietHours']>
export type Digest = NonNullable<Person['digest']>

/** An outside address that is called while all is well. When the calls stay away, somebody there raises the alarm. */
export const deadManSchema = z.strictObject({
  url: urlSchema.meta({ typed: 'secret', description: 'address that is called' }),
  method: z.enum(['GET', 'POST']).default('GET').describe('how it is called (default: GET)'),
  everyMinutes: z.int().min(1).max(1440).default(5).describe('minutes between calls (default: 5)'),
})
export type DeadMan = z.infer<typeof deadManSchema>

const silence = z.int().min(1).max(525_600)

export const alertSettingsSchema = z
  .strictObject({
    channels: z.array(channelSchema).max(100).default([]),
    people: z.array(alertPersonSchema).max(1000).default([]),
    /** How long a machine of a kind may be silent. Default: server 15, appliance 1440, pc 5760, laptop 11520. */
    unseenMinutes: z
      .strictObject({ server: silence, appliance: silence, pc: silence, laptop: silence })
      .partial()
      .default({}),
    /** What is still so is said again after this time. */
    remindAfterHours: z
      .int()
      .min(1)
      .max(720)
      .default(24)
      .describe('hours after which what is still so is said again (default: 24)'),
    /** What is over is said to be over when it has stayed over for this time. */
    settleMinutes: z
      .int()
      .min(0)
      .max(1440)
      .default(10)
      .describe('minutes that something has to stay over before it is said to be over (default: 10)'),
    /** After a message on a way, what comes up is gathered for this time. */
    gatherMinutes: z
      .int()
      .min(0)
      .max(120)
      .default(5)
      .describe('minutes for which news is gathered after a message (default: 5)'),
    /** More of what has been said within the hour waits for the next; a new kind of critical alert does not. */
    mostPerHour: z
      .int()
      .min(1)
      .max(60)
      .default(6)
      .describe('messages in an hour; then only a new kind of critical alert comes through (default: 6)'),
    escalateFrom: severitySchema
      .default('critical')
      .describe('from which severity on the next people hear of it (default: critical)'),
    escalateAfterMinutes: z
      .int()
      .min(1)
      .max(10_080)
      .default(30)
      .describe('minutes after which they do, when nobody takes it on (default: 30)'),
    /** An acknowledgement that mends nothing is forgotten after this time. */
    acknowledgedForHours: z
      .int()
      .min(1)
      .max(720)
      .default(72)
      .describe('hours after which an acknowledgement that mended nothing is forgotten (default: 72)'),
    deadMan: deadManSchema.optional(),
  })
  .superRefine(({ channels, people }, context) => {
    const report = (message: string, path: (string | number)[]) => context.addIssue({ code: 'custom', message, path })
    for (const [at, { id }] of channels.entries()) {
      if (channels.findIndex((other) => other.id === id) < at)
        report('a second channel of this id', ['channels', at, 'id'])
    }
    for (const [at, { id, ways }] of people.entries()) {
      if (people.findIndex((other) => other.id === id) < at) report('a second person of this id', ['people', at, 'id'])
      for (const [index, way] of ways.entries()) {
        const problem = problemOfWay(way, ways, channels)
        if (problem) report(problem, ['people', at, 'ways', index])
      }
    }
  })
export type AlertSettings = z.infer<typeof alertSettingsSchema>

function problemOfWay(way: Way, ways: readonly Way[], channels: readonly Channel[]): string | undefined {
  const channel = channels.find(({ id }) => id === way.channel)
  if (!channel) return 'there is no such channel'
  if (ways.find((other) => other.channel === way.channel) !== way) return 'this person has this channel already'
  if (channel.kind === 'email' && way.address === undefined) return 'email needs the address of the person'
  return undefined
}

function isTimeZone(name: string): boolean {
  try {
    return Intl.DateTimeFormat('en', { timeZone: name }) !== undefined
  } catch {
    return false
  }
}
