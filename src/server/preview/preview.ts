import { formatBytes, programModule, systemClock } from '#base'
import type { Cancellable, Clock } from '#base'
import { previewTypes, imagePreviewSchema } from '#protocol'
import type { PreviewType, ImagePreview, NoPreview, TablePreview, TextPreview } from '#protocol'
import { answerSchema } from './answer.ts'
import type { Answer, Order } from './answer.ts'
import { PreviewError } from './errors.ts'
import type { PreviewCode } from './errors.ts'
import { giveFile } from './give-file.ts'
import { previewLimits } from './limits.ts'
import type { PreviewLimits } from './limits.ts'
import { ReadingProcess } from './reading-process.ts'
import type { End } from './reading-process.ts'
import { TimeLimit } from './time-limit.ts'

/** A file in a backup. */
export interface FileToPreview {
  /** Only its extension is looked at, and only of text. */
  readonly name: string
  /** Bytes of the whole file. */
  readonly size: number
  /** From the beginning; no more of it is read than is needed. */
  readonly content: Uint8Array | AsyncIterable<Uint8Array>
}

/** A preview; an image with its bytes. */
export type MadePreview = TextPreview | TablePreview | NoPreview | (ImagePreview & { readonly bytes: Uint8Array })

export interface PreviewOptions extends Cancellable {
  /** Those that are to be others than `previewLimits`. */
  readonly limits?: Partial<PreviewLimits>
  readonly clock?: Clock
}

/**
 * Makes a preview in a process of its own: one for each file, so that no file can do anything to another one's preview.
 * What is wrong with the file is part of the answer. Throws what reading `content` throws, the signal's reason, and
 * PREVIEW_NOT_STARTED.
 */
export async function preview(
  file: FileToPreview,
  { limits: changed = {}, clock = systemClock, signal }: PreviewOptions = {},
): Promise<MadePreview> {
  signal?.throwIfAborted()
  const limits = { ...previewLimits, ...changed }
  await using process = new ReadingProcess(programModule('server/preview/reader/preview-reader'), limits)
  const stop = () => process.kill('failed')
  signal?.addEventListener('abort', stop, { once: true })
  try {
    const end = await read(file, process, { limits, clock })
    signal?.throwIfAborted()
    return understand(end, limits)
  } finally {
    signal?.removeEventListener('abort', stop)
  }
}

async function read(
  { name, size, content }: FileToPreview,
  process: ReadingProcess,
  { limits, clock }: { readonly limits: PreviewLimits; readonly clock: Clock },
): Promise<End> {
  using time = new TimeLimit(limits.milliseconds, () => process.kill('too slow'), { clock })
  const order: Order = { extension: extensionOf(name), size, limits }
  await process.write(Buffer.from(`${JSON.stringify(order)}\n`))
  await giveFile(content, process, { time })
  return await process.ended
}

/** `Offer.DOCX` → `docx`; what is no extension as programs give them, is none. */
function extensionOf(name: string): string {
  return /\.([a-z0-9]{1,8})$/i.exec(name)?.[1]?.toLowerCase() ?? ''
}

function understand(end: End, limits: PreviewLimits): MadePreview {
  switch (end.how) {
    case 'too slow':
      return none('unknown', 'PREVIEW_TOO_SLOW', limits)
    case 'out of memory':
      return none('unknown', 'PREVIEW_TOO_MUCH_MEMORY', limits)
    case 'failed':
      return none('unknown', 'PREVIEW_READER_FAILED', limits)
    case 'answered': {
      const { answer, rest } = parseOutput(end.output)
      if (!answer) return none('unknown', 'PREVIEW_READER_FAILED', limits)
      if (answer.kind === 'none') return none(answer.type, answer.code, limits)
      return answer.kind === 'image' ? { ...answer, bytes: rest } : answer
    }
  }
}

function parseOutput(output: Buffer): { readonly answer: Answer | undefined; readonly rest: Uint8Array } {
  const end = output.indexOf('\n')
  try {
    const { data } = answerSchema.safeParse(JSON.parse(output.toString('utf8', 0, end)))
    return { answer: data, rest: output.subarray(end + 1) }
  } catch {
    return { answer: undefined, rest: output.subarray(0, 0) } // not JSON
  }
}

function none(type: PreviewType, code: PreviewCode, limits: PreviewLimits): NoPreview {
  const limit = limitsNamed[code]?.(limits, type)
  const { message, hint } = new PreviewError(code, { what: previewTypes[type], limit })
  return { kind: 'none', type, code, reason: message, hint }
}

/** The limits that sentences name. */
const limitsNamed: { readonly [code in PreviewCode]?: (limits: PreviewLimits, type: PreviewType) => string } = {
  PREVIEW_FILE_TOO_LARGE: (limits, type) => formatBytes(isImage(type) ? limits.imageBytes : limits.documentBytes),
  PREVIEW_UNPACKS_TOO_LARGE: ({ unpackedBytes }) => formatBytes(unpackedBytes),
  PREVIEW_IMAGE_TOO_LARGE: ({ imagePixels }) => String(imagePixels / 1e6),
  PREVIEW_TOO_SLOW: ({ milliseconds }) => String(milliseconds / 1000),
}

function isImage(type: PreviewType): boolean {
  return imagePreviewSchema.shape.type.safeParse(type).success
}
