/**
 * What an agent found on its machine, what its backup policies cover of it, and what it proposes. The schemas are the messages
 * between agent, server and console; types come from them. No Node here: the console reads it too.
 *
 * Times are milliseconds since 1970, sizes are bytes. Paths are as the machine has them, with `/` on every system; names
 * in it are the machine's own words, and hostile ones: whoever shows them escapes them.
 */
import { z } from 'zod'
import { timeSchema } from './answers.ts'

/** Texts of the machine are cut to these before they are sent, so a longer one is no answer of an agent of ours. */
const text = z.string().max(4096)
const sentence = z.string().max(2000)
const whole = z.number().int().nonnegative()

export const databaseEngineSchema = z.enum([
  'postgresql',
  'mariadb',
  'sqlite',
  'sql-server',
  'oracle',
  'firebird',
  'access',
  'filemaker',
  'mongodb',
  'redis',
  'influxdb',
  'leveldb',
  'rocksdb',
  'lmdb',
  'ldap',
  'active-directory',
  'exchange',
])
export type DatabaseEngine = z.infer<typeof databaseEngineSchema>

/** `unknown`: nothing shows that it is in use, and nothing shows that it is not. */
export const inUseSchema = z.enum(['yes', 'no', 'unknown'])
export type InUse = z.infer<typeof inUseSchema>

/** Files of a database, wherever they were seen: on a disk or in a snapshot. */
export const databaseFilesSchema = z.object({
  engine: databaseEngineSchema,
  /** The database's folder, or its file. */
  place: text,
  isFile: z.boolean(),
  inUse: inUseSchema,
  /** How we know, in words: which files, which process. */
  evidence: z.array(sentence).max(20),
})
export type DatabaseFiles = z.infer<typeof databaseFilesSchema>

export const sizeSchema = z.object({
  bytes: whole,
  files: whole,
  /** Not everything was counted: there was too much of it, or some of it may not be read. */
  isAtLeast: z.boolean(),
})
export type Size = z.infer<typeof sizeSchema>

export const volumeSchema = z.object({
  /** Where it is mounted. */
  path: text,
  /** The device, or the place on another machine. */
  source: text,
  fileSystem: text,
  kind: z.enum(['local', 'network']),
  bytes: whole.optional(),
  usedBytes: whole.optional(),
  files: whole.optional(),
  /** The file system's own count has folders and links in it too; not every file system keeps one. */
  filesAre: z.enum(['estimated', 'unknown']),
  /** Why there are no sizes. */
  unseen: sentence.optional(),
})
export type Volume = z.infer<typeof volumeSchema>

export const findingKindSchema = z.enum([
  'documents',
  'mail-archive',
  'settings',
  'cache',
  'folder',
  'share',
  'database',
  'web-server',
  'mail-server',
  'telephone-system',
  'container',
  'virtual-machine',
  'starts-at-boot',
])
export type FindingKind = z.infer<typeof findingKindSchema>

export const evidenceSchema = z.object({
  from: z.enum(['file', 'process', 'unit', 'port', 'command']),
  what: sentence,
})
export type Evidence = z.infer<typeof evidenceSchema>

/**
 * How it is to be backed up: as files; by a dump that the agent makes; by a dump that a hook of the machine's makes; with the
 * whole machine; or not at all, because it can be fetched or made again.
 */
export const backUpBySchema = z.enum(['files', 'dump', 'hook', 'whole-machine', 'nothing'])

export const placeSchema = z.object({ path: text, isFile: z.boolean() })
export type Place = z.infer<typeof placeSchema>

export const findingSchema = z.object({
  /** Stays the same from look to look: the kind and the first place or the name. */
  id: text,
  kind: findingKindSchema,
  title: sentence,
  evidence: z.array(evidenceSchema).max(50),
  /** The data it means. */
  places: z.array(placeSchema).max(200),
  size: sizeSchema.optional(),
  /** The newest change that was seen in it. */
  changedAt: z.number().optional(),
  backUpBy: backUpBySchema,
  /** One sentence on how, and why so. */
  advice: sentence,
  confidence: z.enum(['certain', 'likely', 'guess']),
  engine: databaseEngineSchema.optional(),
  inUse: inUseSchema.optional(),
})
export type Finding = z.infer<typeof findingSchema>

/** What could not be looked at, so that nobody takes silence for absence. */
export const unseenSchema = z.object({ what: text, why: sentence })
export type Unseen = z.infer<typeof unseenSchema>

export const machineFactsSchema = z.object({
  hostName: text,
  platform: z.enum(['linux', 'macos', 'windows', 'other']),
  role: z.enum(['server', 'pc', 'laptop']),
  /** Why it is taken for that. */
  roleBecause: sentence,
  /** By whose wall clock people work on it: `Europe/Berlin`. */
  timeZone: z.string().max(64).optional(),
  /** Of the folders where a system of its kind has settings and data, those that are there. */
  usualFolders: z.array(text).max(50).optional(),
})
export type MachineFacts = z.infer<typeof machineFactsSchema>

export const discoverySchema = z.object({
  version: z.literal(1),
  machine: machineFactsSchema,
  lookedAt: z.number(),
  /** False: it was looked at as an ordinary user, who may not see everything. */
  asAdministrator: z.boolean(),
  volumes: z.array(volumeSchema).max(2000),
  findings: z.array(findingSchema).max(5000),
  unseen: z.array(unseenSchema).max(2000),
})
export type Discovery = z.infer<typeof discoverySchema>

/** What of a backup policy decides whether something is covered. Paths and patterns as for `understudy backup`. */
export const policyScopeSchema = z.object({
  name: text,
  include: z.array(text),
  excludes: z.array(text),
  /** Patterns that do not tell `A` from `a`. */
  insensitiveExcludes: z.array(text),
  oneFileSystem: z.boolean(),
  /** Databases of which the policy has a dump made, by the agent or by a hook. */
  databases: z.array(
    z.object({
      engine: databaseEngineSchema,
      place: text,
      /** Of a server: the databases that it names; all when absent. */
      only: z.array(text).optional(),
    }),
  ),
})
export type PolicyScope = z.infer<typeof policyScopeSchema>

export const coverageSchema = z.object({
  /** A finding's id, or `volume:` and the volume's path. */
  of: text,
  state: z.enum(['covered', 'partly', 'not', 'not-needed']),
  /** Names of the policies that cover it, or some of it. */
  policies: z.array(text),
  reasons: z.array(sentence),
})
export type Coverage = z.infer<typeof coverageSchema>

const reason = sentence

/** A backup policy for this machine, with the reason for each of its lines. */
export const proposalSchema = z.object({
  name: text,
  include: z.array(z.object({ path: text, reason })),
  /** Patterns. */
  excludes: z.array(z.object({ pattern: text, reason })),
  databases: z.array(
    z.object({
      engine: databaseEngineSchema,
      place: text,
      by: z.enum(['dump', 'hook']),
      hook: text.optional(),
      reason,
    }),
  ),
  /** In the form of cron, by the wall clock of the machine's time zone. */
  schedule: z.object({ cron: text, timeZone: z.string().max(64), reason }),
  /** What a person has to decide or to do. */
  open: z.array(sentence),
})
export type Proposal = z.infer<typeof proposalSchema>

/** What an agent tells its server of a look: what is there, and how far the policies reach that the machine follows. */
export const lookReportSchema = z.object({
  discovery: discoverySchema,
  coverage: z.array(coverageSchema).max(7000),
  proposal: proposalSchema,
  /** Data that no policy covers whole; on a PC that should hold none there ought to be nothing. */
  uncovered: z.object({ findings: z.array(text).max(5000), size: sizeSchema, sentence }),
  /** The policies by which the coverage was told, with their revisions. */
  follows: z.record(z.uuid(), z.int()),
})
export type LookReport = z.infer<typeof lookReportSchema>

/** What is on a machine, as its server tells it. */
export const machineDiscoverySchema = z.object({
  reportedAt: timeSchema,
  ...lookReportSchema.shape,
  /** What the first policy leaves out that the server made by itself, and why. */
  leftOut: z.array(z.object({ what: z.string(), why: z.string() })),
  /** What is backed up, what is not, and where the copies lie, in sentences; null until the agent has said how far its policies reach. */
  protection: z.array(z.string()).nullable(),
})

/** What the server makes of it, for whoever sits at the machine: what is protected, what is not, where the copies lie. */
export const lookHeardSchema = z.object({ said: z.array(sentence) })
