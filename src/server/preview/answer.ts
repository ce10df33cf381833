import { z } from 'zod'
import { previewTypes, imagePreviewSchema, tablePreviewSchema, textPreviewSchema } from '#protocol'
import type { PreviewType } from '#protocol'
import type { PreviewCode } from './errors.ts'
import type { PreviewLimits } from './limits.ts'

/**
 * What goes between the server and the process that reads: to it one line of JSON, the order, then the bytes of the
 * file; from it one line of JSON, the answer, then the bytes of the image, if it is one. The answer is the word of a
 * process that a hostile file may have taken over: it is checked like any stranger's.
 */
export interface Order {
  /** Of the file's name, small letters and digits; empty when it has none. */
  readonly extension: string
  /** Bytes of the whole file. */
  readonly size: number
  readonly limits: PreviewLimits
}

/** What the process may find about a file; the sentences are not its own. */
const refusals = [
  'PREVIEW_NO_READER',
  'PREVIEW_OLD_FORMAT',
  'PREVIEW_EMPTY',
  'PREVIEW_NO_TEXT',
  'PREVIEW_LOCKED',
  'PREVIEW_DAMAGED',
  'PREVIEW_FILE_TOO_LARGE',
  'PREVIEW_UNPACKS_TOO_LARGE',
  'PREVIEW_IMAGE_TOO_LARGE',
  'PREVIEW_TOO_MUCH_MEMORY',
] as const satisfies readonly PreviewCode[]

export type RefusalCode = (typeof refusals)[number]

const refusalSchema = z.object({
  kind: z.literal('none'),
  type: z.enum(Object.keys(previewTypes) as [PreviewType, ...PreviewType[]]),
  code: z.enum(refusals),
})

export const answerSchema = z.discriminatedUnion('kind', [
  textPreviewSchema,
  tablePreviewSchema,
  imagePreviewSchema,
  refusalSchema,
])

export type Answer = z.infer<typeof answerSchema>
