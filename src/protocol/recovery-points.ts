import { z } from 'zod'
import { idSchema, timeSchema } from './answers.ts'
import { textComparisonSchema, previewSchema } from './preview.ts'

/** Recovery points of a machine, and what lies in them. */

/** The name of a snapshot's file; what is none names nothing. */
export const recoveryPointIdSchema = z.string().min(1).max(64).meta({ thing: 'snapshot' })

/** Why a recovery point is to be looked at with suspicion. */
export const suspicions = {
  attacked: 'It came while the client counted as attacked.',
  suspect: 'It was received while something was unusual, and no person has called it trusted since.',
  'not received': 'It lies in the storage, and nobody ever sent it to the server.',
  'was removed': 'The server removed it, and it is back: the storage may have been rolled back.',
  'from the future': 'The machine claims a time that had not come when the server received it.',
} as const
export type Suspicion = keyof typeof suspicions

export const recoveryPointSchema = z.object({
  /** The name of the snapshot's file. */
  id: z.string(),
  repositoryId: idSchema,
  /** When it had come, by the server's clock; null: it never came by the server. */
  receivedAt: timeSchema.nullable(),
  /** Whether it lies in the storage. */
  stored: z.boolean(),
  /** Whether the ledger has the machine's signature of it. */
  signed: z.boolean(),
  suspicions: z.array(z.enum(Object.keys(suspicions) as [Suspicion, ...Suspicion[]])),
  /** What the machine says of it; null when it cannot be read, with the code that says why. */
  content: z
    .object({
      /** By the machine's clock. */
      claimedAt: timeSchema,
      host: z.string(),
      paths: z.array(z.string()),
      tags: z.array(z.string()),
      /** Files and bytes that were looked at, and bytes that were new; null when whoever made it did not count. */
      files: z.number().nullable(),
      bytes: z.number().nullable(),
      bytesAdded: z.number().nullable(),
    })
    .nullable(),
  unreadable: z.object({ code: z.string(), message: z.string() }).nullable(),
})
export type RecoveryPoint = z.infer<typeof recoveryPointSchema>

export const recoveryPointPageSchema = z.object({
  /** The one received last is first. */
  recoveryPoints: z.array(recoveryPointSchema),
  /** For `after`, to get the next page; null on the last. */
  next: z.string().nullable(),
})

const rawPathSchema = z
  .string()
  .regex(/^[A-Za-z0-9_-]*$/, 'base64url')
  .max(140_000)

/** Where something lies in a recovery point: as text, or its bytes as base64url, where names are no text. */
const placeShape = {
  path: z.string().max(100_000).optional().describe('where it lies'),
  rawPath: rawPathSchema.optional().describe('the same by its bytes, base64url, where names are no text'),
}

export const listedFolderQuerySchema = z.object({
  ...placeShape,
  /** The `rawName` of the last entry of the page before. */
  after: rawPathSchema.optional().describe('the `rawName` of the last entry of the page before'),
  limit: z.coerce.number().int().min(1).max(1_000).default(200).describe('entries on a page (default: 200)'),
})

export const listedFolderSchema = z.object({
  entries: z.array(
    z.object({
      /** To be shown: what is no text in it is replaced. */
      name: z.string(),
      /** Bytes of the name and of the whole path, base64url. */
      rawName: z.string(),
      rawPath: z.string(),
      type: z.enum(['file', 'folder', 'link', 'other']),
      /** Bytes, of a file. */
      size: z.number().nullable(),
      modified: timeSchema.nullable(),
    }),
  ),
  /** For `after`; null on the last page. */
  next: z.string().nullable(),
})

/** Why somebody opens what belongs to others; it stands in the audit log. */
export const reasonSchema = z
  .string()
  .trim()
  .min(5, 'a sentence that others will read')
  .max(500)
  .describe('why you look; it stands in the audit log')

export const previewOrderSchema = z.strictObject({ ...placeShape, reason: reasonSchema })

export const previewAnswerSchema = z.object({
  preview: previewSchema,
  /** The bytes of an image, base64: to be shown as its `contentType`, and as nothing else. */
  image: z.string().nullable(),
})

export const comparisonOrderSchema = z.strictObject({
  ...placeShape,
  /** The recovery point with the older version. */
  older: recoveryPointIdSchema.describe('the recovery point with the older version'),
  reason: reasonSchema,
})

export const comparisonAnswerSchema = z.object({
  /** Whether both hold the same bytes. */
  isSame: z.boolean(),
  /** Null unless both are read as text. */
  comparison: textComparisonSchema.nullable(),
  older: previewSchema,
  newer: previewSchema,
})

export const downloadOrderSchema = z.strictObject({
  ...placeShape,
  reason: reasonSchema,
  /** Of a folder. */
  format: z.enum(['zip', 'tar']).default('zip').describe('of a folder (default: zip)'),
})
