import { z } from 'zod'
import { idSchema, timeSchema } from './answers.ts'
import { nameSchema } from './people.ts'

/** Destinations: places beside the server's own storage where copies of repositories lie. */

export const destinationKinds = ['folder', 'rest', 'sftp', 's3', 'disks'] as const
export const destinationKindSchema = z.enum(destinationKinds)

const words = z.string().trim().min(1).max(200)

/** Where a copy lies. Two copies that share one of these may be lost by one event. */
export const copyPlaceSchema = z.strictObject({
  disk: words.optional(),
  machine: words.optional(),
  site: words.optional(),
  /** Of a provider: whoever has it can empty it. */
  account: words.optional(),
})

/** Who can delete a copy, as far as a person knows; the tamper test holds it against what is so. */
export const deletableBySchema = z.strictObject({
  /** Whoever has what this server writes with. */
  writer: z.boolean().default(true),
  /** Whoever has the credential of a machine whose repository is copied. */
  machine: z.boolean().default(false),
  /** People who administer the place, by name. */
  people: z.array(words).max(50).default([]),
})

const secret = z.string().min(1).max(10_000)

/** What the server shows at the place. */
export const placeCredentialsSchema = z.union([
  z.strictObject({ user: secret, password: secret }),
  z.strictObject({
    accessKeyId: secret,
    secretAccessKey: secret,
    sessionToken: secret.optional(),
    region: words.optional(),
  }),
  /** A private key as OpenSSH keeps it, and the lines by which the host is known. */
  z.strictObject({ privateKey: secret, knownHosts: secret }),
])

const name = nameSchema.describe('its name, by which policies name it')
const lockDays = z
  .int()
  .min(1)
  .max(3650)
  .nullable()
  .describe('S3 with object lock: for so many days nobody can delete what was written')
const remindAfterDays = z
  .int()
  .min(1)
  .max(365)
  .nullable()
  .describe('rotated disks: a reminder after so many days without any')

/** What is left out stays as it is: who gives a place another name must not take its object lock away. */
export const changedDestinationSchema = z.strictObject({
  name: name.exactOptional(),
  credentials: placeCredentialsSchema.optional(),
  place: copyPlaceSchema.exactOptional(),
  deletableBy: deletableBySchema.exactOptional(),
  lockDays: lockDays.exactOptional(),
  remindAfterDays: remindAfterDays.exactOptional(),
})

export const newDestinationSchema = z.strictObject({
  name,
  credentials: placeCredentialsSchema.optional(),
  place: copyPlaceSchema.default({}),
  deletableBy: deletableBySchema.default({ writer: true, machine: false, people: [] }),
  lockDays: lockDays.default(null),
  remindAfterDays: remindAfterDays.default(null),
  kind: destinationKindSchema.describe('what it is'),
  /**
   * As `--repo` takes it: the repositories' copies lie below it. Of disks: the folder on each, absolute, with `*` for the part
   * of the path that differs.
   */
  location: z
    .string()
    .trim()
    .min(1)
    .max(2000)
    .describe('as --repo takes it; of disks the folder on each, with * for what differs: /media/*/copies'),
  /** The copies' password. Left out: each has the password of the repository that it is a copy of. */
  password: z.string().min(12).max(256).optional(),
})

export const diskStateSchema = z.enum(['away', 'updating', 'may be taken away', 'pulled out'])

export const diskSchema = z.object({
  id: idSchema,
  label: z.string(),
  state: diskStateSchema,
  folder: z.string().nullable(),
  lastSeenAt: timeSchema.nullable(),
  /** When everything had been copied to it and proven last. */
  completeAt: timeSchema.nullable(),
  createdAt: timeSchema,
})

export const copySchema = z.object({
  repositoryId: idSchema,
  machineId: idSchema.nullable(),
  diskId: idSchema.nullable(),
  snapshots: z.int(),
  /** When the server had received the newest snapshot that is in the copy. */
  newestReceivedAt: timeSchema.nullable(),
  /** When the copy was complete and proven last. */
  completeAt: timeSchema.nullable(),
  /** Snapshots have been received since. */
  isBehind: z.boolean(),
  failures: z.int(),
  reason: z.string().nullable(),
  nextTryAt: timeSchema.nullable(),
  lockedUntil: timeSchema.nullable(),
})

/** What an attempt to destroy something with a credential has come to. */
export const tamperAttemptSchema = z.object({
  credential: z.enum(['writer', 'machine']),
  what: z.enum(['delete', 'overwrite', 'delete all versions']),
  /** True when what had been written is still there, whole. */
  refused: z.boolean(),
  /** What the storage said, if it said anything. */
  said: z.string().nullable(),
})
export type TamperAttempt = z.infer<typeof tamperAttemptSchema>

export const tamperTestSchema = z.object({ at: timeSchema, attempts: z.array(tamperAttemptSchema) })

export const destinationSchema = z.object({
  id: idSchema,
  clientId: idSchema,
  name: z.string(),
  kind: destinationKindSchema,
  /** Without secrets. */
  location: z.string(),
  hasCredentials: z.boolean(),
  hasOwnPassword: z.boolean(),
  place: copyPlaceSchema,
  deletableBy: deletableBySchema,
  lockDays: z.int().nullable(),
  /** What the bucket says of object lock, when it was asked last; null: it was not. */
  objectLock: z.string().nullable(),
  remindAfterDays: z.int().nullable(),
  createdAt: timeSchema,
  copies: z.array(copySchema),
  disks: z.array(diskSchema),
  /** None of the disks was there for longer than is wished. */
  disksOverdue: z.boolean(),
  tamperTest: tamperTestSchema.nullable(),
})

export const placeTestSchema = z.object({
  /** It answered, took a file, and gave the same bytes back. */
  works: z.boolean(),
  code: z.string().nullable(),
  sentence: z.string(),
  /** What the bucket says of object lock; null for other kinds. */
  objectLock: z.string().nullable(),
})

/** A folder that matches the pattern of a destination of rotated disks, and has no mark of ours or one of another destination. */
export const strangeDiskSchema = z.object({ folder: z.string(), what: z.enum(['unmarked', 'of another destination']) })
