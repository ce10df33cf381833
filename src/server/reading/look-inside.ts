import type { Cancellable } from '#base'
import type { comparisonAnswerSchema, previewAnswerSchema } from '#protocol'
import type { z } from 'zod'
import { FileAnswer } from '../app/file-answer.ts'
import type { Services } from '../app/services.ts'
import { compareText } from '../preview/index.ts'
import type { MadePreview } from '../preview/index.ts'
import { fileContent, findContent, folderContent, nameOf, sizeOf } from './contents.ts'
import type { FoundContent, FoundFile } from './contents.ts'
import { ReadingError } from './errors.ts'
import { openRecoveryPoint } from './open-recovery-point.ts'
import type { OpenedRecoveryPoint, Place, RecoveryPointName } from './open-recovery-point.ts'

/** Looking into files of recovery points. Whoever calls has written into the audit log before that somebody will. */

type PreviewAnswer = z.input<typeof previewAnswerSchema>

/** Throws `READING_NO_FILE`, `DUMP_NOT_FOUND`, `DUMP_STOPPED`, `PREVIEWS_BUSY`, and what opening throws. */
export async function previewFile(
  services: Services,
  name: RecoveryPointName,
  place: Place & Cancellable,
): Promise<PreviewAnswer> {
  const { preview } = await readPreview(services, name, place)
  if (preview.kind !== 'image') return { preview, image: null }
  return { preview, image: Buffer.from(preview.bytes).toString('base64') }
}

/** What has changed in a file between an older recovery point and this one. Throws as `previewFile` does. */
export async function compareVersions(
  services: Services,
  name: RecoveryPointName,
  { older: olderId, ...place }: Place & Cancellable & { readonly older: string },
): Promise<z.input<typeof comparisonAnswerSchema>> {
  const older = await readPreview(services, { ...name, snapshot: olderId }, place)
  const newer = await readPreview(services, name, place)
  const [before, after] = [older.preview, newer.preview]
  return {
    isSame: older.content.equals(newer.content),
    comparison: before.kind === 'text' && after.kind === 'text' ? compareText(before, after) : null,
    older: before,
    newer: after,
  }
}

async function readPreview(
  services: Services,
  name: RecoveryPointName,
  { signal, ...place }: Place & Cancellable,
): Promise<{ readonly preview: MadePreview; readonly content: Buffer }> {
  using opened = await openRecoveryPoint(services, name, { signal })
  const found = requireFile(await findContent(opened, place, { signal }))
  const file = {
    name: nameOf(found).toString('utf8'),
    size: sizeOf(opened, found),
    content: fileContent(opened, found, { signal }),
  }
  const preview = await services.reading.previews.preview(file, { signal })
  return { preview, content: found.node.content ?? Buffer.alloc(0) }
}

function requireFile(found: FoundContent): FoundFile {
  if (found.kind === 'file') return found
  throw new ReadingError('READING_NO_FILE', { path: `/${found.path.toString('utf8')}` })
}

export interface DownloadOptions extends Place, Cancellable {
  /** Of a folder. */
  readonly format: 'zip' | 'tar'
  /** Told how it ended: bytes that were taken, whether that was all, and what an archive cannot hold. */
  readonly onEnd: (end: DownloadEnd) => Promise<void>
}

export interface DownloadEnd {
  readonly bytes: number
  readonly isWhole: boolean
  /** Sockets and the like, which are in no archive. */
  readonly leftOut: number
}

/**
 * A file as it was, or a folder as an archive. What is wrong with its beginning is thrown, before anything has been sent.
 * Throws `READING_BUSY`, `DUMP_NOT_FOUND`, `DUMP_KIND`, `DUMP_STOPPED`, and what opening throws.
 */
export async function download(
  services: Services,
  name: RecoveryPointName,
  options: DownloadOptions,
): Promise<FileAnswer> {
  const { signal, format } = options
  const counted = { bytes: 0, leftOut: 0, isWhole: false }
  await using held = new AsyncDisposableStack()
  held.use(services.reading.downloads.take())
  held.defer(async () => await options.onEnd(counted))
  const opened = held.use(await openRecoveryPoint(services, name, { signal }))
  const found = await findContent(opened, options, { signal })
  const content =
    found.kind === 'file'
      ? fileContent(opened, found, { signal })
      : folderContent(opened, found, { format, signal, onLeftOut: () => void counted.leftOut++ })
  held.defer(async () => void (await content.return(undefined)))
  const first = await content.next()
  signal?.throwIfAborted()
  const moved = held.move()
  // Whoever goes before the first byte was taken ends what was not yet begun.
  signal?.addEventListener('abort', () => void moved.disposeAsync().catch(() => undefined), { once: true })
  const all = send(first, content, { held: moved, counted })
  return new FileAnswer(
    fileNameOf(found, opened, format),
    all,
    found.kind === 'file' ? sizeOf(opened, found) : undefined,
  )
}

interface Sending {
  readonly held: AsyncDisposableStack
  readonly counted: { bytes: number; isWhole: boolean }
}

async function* send(
  first: IteratorResult<Uint8Array, void>,
  content: AsyncGenerator<Uint8Array, void, undefined>,
  { held, counted }: Sending,
): AsyncGenerator<Uint8Array> {
  await using _ = held
  for (let next = first; next.done !== true; next = await content.next()) {
    counted.bytes += next.value.length
    yield next.value
  }
  counted.isWhole = true
}

function fileNameOf(found: FoundContent, { snapshot }: OpenedRecoveryPoint, format: 'zip' | 'tar'): string {
  const name = nameOf(found).toString('utf8')
  if (found.kind === 'file') return name
  return `${name === '' ? `${snapshot.hostname} ${snapshot.id.slice(0, 8)}` : name}.${format}`
}
