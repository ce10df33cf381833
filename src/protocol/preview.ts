import { z } from 'zod'

/**
 * A preview: what a file in a backup holds, as plain values. All text in it comes from the file and is data: whoever
 * shows it must neither run it nor take it for markup.
 */

/** The kinds of file that are told apart, each as it stands in a sentence. */
export const previewTypes = {
  text: 'a text file',
  csv: 'a table in text form (CSV)',
  mail: 'an e-mail',
  docx: 'a Word document',
  odt: 'an OpenDocument text',
  xlsx: 'an Excel workbook',
  pdf: 'a PDF document',
  zip: 'a ZIP archive',
  png: 'a PNG image',
  jpeg: 'a JPEG image',
  gif: 'a GIF image',
  webp: 'a WebP image',
  bmp: 'a BMP image',
  doc: 'a Word document of the format before 2007',
  xls: 'an Excel workbook of the format before 2007',
  ppt: 'a PowerPoint presentation of the format before 2007',
  xlsb: 'a binary Excel workbook',
  presentation: 'a presentation',
  spreadsheet: 'an OpenDocument spreadsheet',
  drawing: 'a drawing',
  office: 'an Office file',
  outlook: 'a message saved by Outlook',
  mailbox: 'an Outlook mail archive',
  image: 'an image',
  audio: 'a sound recording',
  video: 'a video',
  archive: 'a packed archive',
  database: 'a database',
  disk: 'a disk of a virtual machine',
  program: 'a program',
  unknown: 'a file of an unknown kind',
} as const

export type PreviewType = keyof typeof previewTypes

const previewType = z.enum(Object.keys(previewTypes) as [PreviewType, ...PreviewType[]])

export const textPreviewSchema = z.object({
  kind: z.literal('text'),
  type: previewType,
  /** How the characters of a text file are written; null where the format itself says it. */
  encoding: z.enum(['utf-8', 'utf-16le', 'utf-16be', 'windows-1252']).nullable(),
  /** One for each page that was read, where the format has pages; else one. */
  pages: z.array(z.string()).min(1),
  /** Pages of the whole document; null where the format has none. */
  pageCount: z.int().positive().nullable(),
  /** Lines of what was read. */
  lines: z.int().nonnegative(),
  /** True when the file goes on after what was read. */
  isCutOff: z.boolean(),
})

export const tablePreviewSchema = z.object({
  kind: z.literal('table'),
  type: previewType,
  /** The first sheets, or the one there is. Rows need not be of the same length. */
  sheets: z.array(z.object({ name: z.string(), rows: z.array(z.array(z.string())) })),
  sheetCount: z.int().nonnegative(),
  /** True when there are more sheets, rows or columns, or longer cells, than are shown. */
  isCutOff: z.boolean(),
})

/** The bytes of the image travel beside it: they are to be sent as `contentType`, and as nothing else. */
export const imagePreviewSchema = z.object({
  kind: z.literal('image'),
  type: z.enum(['png', 'jpeg', 'gif', 'webp', 'bmp']),
  contentType: z.enum(['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/bmp']),
  /** Pixels, as stored: before the orientation is applied. */
  width: z.int().positive(),
  height: z.int().positive(),
  /** How it is to be turned, as EXIF counts: 1 is upright, 6 was taken with the camera turned to the right. */
  orientation: z.int().min(1).max(8),
})

export const noPreviewSchema = z.object({
  kind: z.literal('none'),
  type: previewType,
  /** Stable. */
  code: z.string(),
  /** A sentence: why there is none. */
  reason: z.string(),
  /** A sentence: what to do about it. */
  hint: z.string(),
})

export const previewSchema = z.discriminatedUnion('kind', [
  textPreviewSchema,
  tablePreviewSchema,
  imagePreviewSchema,
  noPreviewSchema,
])

export type TextPreview = z.infer<typeof textPreviewSchema>
export type TablePreview = z.infer<typeof tablePreviewSchema>
export type ImagePreview = z.infer<typeof imagePreviewSchema>
export type NoPreview = z.infer<typeof noPreviewSchema>
export type Preview = z.infer<typeof previewSchema>

/** The lines of two versions of a text. */
export const textComparisonSchema = z.object({
  /** In order. What both have is given once. */
  runs: z.array(
    z.object({
      change: z.enum(['same', 'removed', 'added']),
      /** Number of the first line, from 1, in the older version (same, removed) or the newer one (added). */
      firstLine: z.int().positive(),
      lines: z.array(z.string()),
    }),
  ),
  removed: z.int().nonnegative(),
  added: z.int().nonnegative(),
  /** True when the versions differ so much that lines which both have are among the removed and the added. */
  isRough: z.boolean(),
  /** True when a version goes on after what was compared. */
  isCutOff: z.boolean(),
})

export type TextComparison = z.infer<typeof textComparisonSchema>
