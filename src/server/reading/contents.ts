import { TransformStream } from 'node:stream/web'
import type { Cancellable } from '#base'
import { ContentLoader } from '#repository'
import { dumpFile, dumpFolder, findForDump } from '#restorer'
import type { ArchiveFormat, DumpRepository } from '#restorer'
import { bytesOf } from './open-recovery-point.ts'
import type { OpenedRecoveryPoint, Place } from './open-recovery-point.ts'

export type FoundContent = Awaited<ReturnType<typeof findForDump>>
export type FoundFile = Extract<FoundContent, { readonly kind: 'file' }>

/** Threads that open the contents of one stream. */
const threads = 1

/** A file or folder in a recovery point. Throws `DUMP_NOT_FOUND`, `DUMP_KIND`. */
export async function findContent(
  { trees, snapshot }: OpenedRecoveryPoint,
  place: Place,
  options: Cancellable = {},
): Promise<FoundContent> {
  return await findForDump({ trees }, { tree: snapshot.tree, path: bytesOf(place) }, options)
}

/** Bytes of a file, by its content, whatever its entry says. What is in no index is not counted: reading it fails. */
export function sizeOf({ repository: { index } }: OpenedRecoveryPoint, { node: { content } }: FoundFile): number {
  let size = 0
  for (let at = 0; at < (content?.length ?? 0); at += idLength) {
    const entry = index.find('data', content as Buffer, at)
    if (entry >= 0) size += index.plainLengthOf(entry)
  }
  return size
}

const idLength = 32

/** The bytes of a file, in pieces. Nothing is read ahead of who takes them but a few pieces. Throws DUMP_STOPPED. */
export function fileContent(opened: OpenedRecoveryPoint, found: FoundFile, options: Cancellable = {}) {
  return streamOf(opened, options, async (repository, write, { signal }) => {
    await dumpFile(repository, found, { write, signal })
  })
}

export interface FolderOptions extends Cancellable {
  readonly format: ArchiveFormat
  /** Told of each entry that such an archive cannot hold. */
  readonly onLeftOut: () => void
}

/** The bytes of a folder's archive; names in it begin with the folder's own. Throws DUMP_STOPPED. */
export function folderContent(
  opened: OpenedRecoveryPoint,
  found: Extract<FoundContent, { readonly kind: 'folder' }>,
  { format, onLeftOut, ...options }: FolderOptions,
) {
  const folder = { ...found, path: nameOf(found) }
  return streamOf(opened, options, async (repository, write, { signal }) => {
    await dumpFolder(repository, folder, { write, signal, format, onLeftOut })
  })
}

/** The last name of its path; empty for the whole. */
export function nameOf({ path }: FoundContent): Buffer {
  return path.subarray(path.lastIndexOf(0x2f) + 1)
}

type Write = (bytes: Uint8Array) => Promise<void>

/** What is written by somebody becomes what is taken by somebody else, who may also stop to. */
async function* streamOf(
  { repository, trees }: OpenedRecoveryPoint,
  { signal }: Cancellable,
  work: (repository: DumpRepository, write: Write, options: Cancellable) => Promise<void>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const ending = new AbortController()
  const both = signal ? AbortSignal.any([signal, ending.signal]) : ending.signal
  const pipe = new TransformStream<Uint8Array, Uint8Array>()
  const writer = pipe.writable.getWriter()
  const write = async () => {
    await using contents = new ContentLoader(repository, { threads })
    // The bytes are the writer's again once it goes on.
    await work({ trees, contents }, async (bytes) => await writer.write(new Uint8Array(bytes)), { signal: both })
  }
  const written = write().then(
    async () => await writer.close(),
    async (thrown: unknown) => await writer.abort(thrown),
  )
  written.catch(() => undefined) // who reads has the error
  try {
    yield* pipe.readable
  } finally {
    ending.abort(new Error('nobody reads any more'))
    await written.catch(() => undefined)
  }
}
