/**
 * What can be asked of all recovery points of all machines, and what is answered. Runs in the browser too.
 *
 * A *file* is an entry of a folder on one host, of whatever type; its *versions* are what it was, each with the recovery
 * points from first to last in which it was so. Times are RFC 3339.
 */
import { z } from 'zod'

/** `other` are devices, pipes and sockets. */
export const searchEntryTypes = ['file', 'folder', 'link', 'other'] as const
export type SearchEntryType = (typeof searchEntryTypes)[number]

const timeSchema = z.iso.datetime({ offset: true })
const nameSchema = z.string().min(1).max(1000)
const sizeSchema = z.int().min(0)
const idSchema = z.string().min(1).max(200)

/** Bytes of a path as base64url, for names that are no text. Longer than any system's paths. */
const rawPathSchema = z
  .string()
  .regex(/^[A-Za-z0-9_-]+$/, 'base64url')
  .max(140_000)

function rangeSchema<Limit extends z.ZodType>(limit: Limit) {
  return z.strictObject({ from: limit.optional(), to: limit.optional() })
}

/** Everything that is given must hold; both limits of a range belong to it. */
export const searchQuerySchema = z
  .strictObject({
    /**
     * Words, all of which must be in the path of the file, or together in quotation marks; without regard to case and
     * accents. One with `*` or `?` is a pattern for a whole name: `*.xlsx`. One with `/` goes over several names: `accounts/2024`.
     */
    text: z.string().max(500).default('').describe('words of the path, or a pattern of the name: *.xlsx'),
    /** Where the words must be: in the path, of which the name is a part, or in the name itself. */
    within: z.enum(['path', 'name']).default('path').describe('where the words must be (default: path)'),
    /** Only what is below this folder. As text, or as `rawFolder`. */
    folder: z.string().min(1).max(100_000).optional().describe('only what is below this folder'),
    rawFolder: rawPathSchema.optional().describe('the same by its bytes, base64url'),
    types: z.array(z.enum(searchEntryTypes)).min(1).max(4).optional().describe('only these types'),
    /** When a version was last modified, by its own time. Folders have none here. */
    modified: rangeSchema(timeSchema).optional(),
    /** Bytes. */
    size: rangeSchema(sizeSchema).optional(),
    /** Only what was there then, by the newest recovery point that is not later. */
    at: timeSchema.optional().describe('only what was there then'),
    /** Only what is not there any more, and whose absence a recovery point after this moment was the first to show. */
    deletedSince: timeSchema.optional().describe('only what has gone since'),
    /** Only what a recovery point after this moment was the first to have: new files, and new versions. With `deletedSince`: one of both. */
    changedSince: timeSchema.optional().describe('only what is new or has changed since'),
    machines: z.array(idSchema).min(1).max(1000).optional().describe('only of these machines'),
    /** Which recovery points are looked at at all. */
    recoveryPoints: z
      .strictObject({
        from: timeSchema.optional(),
        to: timeSchema.optional(),
        hosts: z.array(nameSchema).min(1).max(100).optional(),
        /** All of these paths were backed up. */
        paths: z.array(nameSchema).min(1).max(100).optional(),
        /** All of these tags. */
        tags: z.array(nameSchema).min(1).max(100).optional(),
      })
      .optional(),
    /** Files on a page. */
    limit: z.int().min(1).max(200).default(50).describe('files on a page (default: 50)'),
    /** Versions that are told of each file, the newest. */
    versions: z.int().min(1).max(500).default(10).describe('versions of each file, the newest (default: 10)'),
    /** From the answer before, for the page after it. Everything else must be the same as there. */
    cursor: z.string().max(200_000).optional().describe('from the answer before, for the page after it'),
  })
  .refine(({ limit, versions }) => limit * versions <= 10_000, 'not more than 10,000 versions on a page')

export type SearchQuery = z.infer<typeof searchQuerySchema>

const pointSchema = z.object({ snapshot: z.string(), time: timeSchema })

const versionSchema = z.object({
  type: z.enum(searchEntryTypes),
  size: z.number(),
  modified: timeSchema.nullable(),
  /** The first and the last recovery point that have it: it can be restored from both. */
  first: pointSchema,
  last: pointSchema,
  /** How many have it, of those that were looked at. */
  recoveryPoints: z.int(),
})

const fileSchema = z.object({
  machine: z.string(),
  repository: z.string(),
  host: z.string(),
  /** To be shown: what is no text in it is replaced. */
  path: z.string(),
  /** The bytes of the path, base64url: to be restored. */
  rawPath: z.string(),
  /** Null while it is there; else between which recovery points it went. */
  deleted: z.object({ after: pointSchema, before: pointSchema }).nullable(),
  /** Those that the query is about, the newest first. */
  versions: z.array(versionSchema),
  versionCount: z.int(),
})

/** What a repository that was looked at held. */
const searchedSchema = z.object({
  repository: z.string(),
  recoveryPoints: z.int(),
  newest: timeSchema.nullable(),
  /** Recovery points of which folders could not be read, and snapshots that could not be read at all: what is in those is not found. */
  incomplete: z.int(),
  unreadable: z.int(),
})

export const searchAnswerSchema = z.object({
  files: z.array(fileSchema),
  /** All that match, on all pages. At least so many, when `notSearched` names a repository. */
  total: z.int(),
  /** For the next page; null on the last. */
  cursor: z.string().nullable(),
  searched: z.array(searchedSchema),
  /** Repositories whose index is missing or of no use, with the code that says why. */
  notSearched: z.array(z.object({ repository: z.string(), code: z.string(), message: z.string() })),
  /** Of those that were searched: repositories to which something has come since, and why it is not in yet, if that is known. */
  behind: z.array(z.object({ repository: z.string(), reason: z.string().nullable() })).optional(),
})

export type SearchAnswer = z.infer<typeof searchAnswerSchema>
export type FoundFile = SearchAnswer['files'][number]
export type FoundVersion = FoundFile['versions'][number]
