import { Readable } from 'node:stream'
import type { FileRef, FileType, ListedFile } from '#backend'
import { EndpointError } from './errors.ts'
import { parseRange } from './range.ts'
import type { EndpointStorage } from './storage.ts'

/** Version 2 of the protocol lists sizes, too (restic: doc/REST_backend.rst). */
const version1 = 'application/vnd.x.restic.rest.v1'
const version2 = 'application/vnd.x.restic.rest.v2'

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Readable
}

export interface ReadRequest {
  readonly repository: string
  readonly file: FileRef
  readonly range: string | undefined
  /** Told as bytes go out. */
  readonly sent: (bytes: number) => void
}

/** The answer to `HEAD` of a file. */
export async function answerSize(storage: EndpointStorage, { repository, file }: ReadRequest): Promise<Answer> {
  const size = await storage.size(repository, file)
  if (size === undefined) throw new EndpointError('ENDPOINT_FILE_MISSING', { ...file })
  return { status: 200, headers: fileHeaders(size) }
}

/** The answer to `GET` of a file, or a range of it. Its body must be read or destroyed: it holds the file open. */
export async function answerFile(storage: EndpointStorage, request: ReadRequest): Promise<Answer> {
  const { repository, file, sent } = request
  const opened = await storage.open(repository, file)
  if (!opened) throw new EndpointError('ENDPOINT_FILE_MISSING', { ...file })
  const close = async () => opened[Symbol.asyncDispose]()
  const range = parseRange(request.range, opened.size)
  if (range === 'beyond') {
    await close()
    throw new EndpointError('ENDPOINT_RANGE_BEYOND', { ...file, size: opened.size })
  }
  const whole = { offset: 0, length: opened.size }
  const body = Readable.from(counted(opened.pieces(range ?? whole), sent), { objectMode: false, highWaterMark: 1 })
  // Not in the generator: one that was never begun runs no `finally`.
  body.once('close', () => void close().catch(() => undefined))
  if (!range) return { status: 200, headers: fileHeaders(opened.size), body }
  const { offset, length } = range
  const sentRange = { 'content-range': `bytes ${offset}-${offset + length - 1}/${opened.size}` }
  return { status: 206, headers: { ...fileHeaders(length), ...sentRange }, body }
}

export interface ListRequest {
  readonly repository: string
  readonly type: FileType
  readonly accept: string | undefined
}

/** The answer to `GET` of a type: all its files, written as they are found. */
export async function answerListing(storage: EndpointStorage, request: ListRequest): Promise<Answer> {
  const { repository, type, accept } = request
  const hasSizes = accept === version2
  const files = storage.list(repository, type)[Symbol.asyncIterator]()
  const first = await files.next() // what fails, mostly fails now, when the status can still say so
  const body = Readable.from(formatListing(first, { files, hasSizes }), { objectMode: false })
  return { status: 200, headers: { 'content-type': hasSizes ? version2 : version1 }, body }
}

function fileHeaders(length: number): Record<string, string> {
  return { 'content-type': 'application/octet-stream', 'content-length': String(length), 'accept-ranges': 'bytes' }
}

async function* counted(pieces: AsyncIterable<Buffer>, sent: (bytes: number) => void): AsyncGenerator<Buffer> {
  for await (const piece of pieces) {
    yield piece
    sent(piece.length)
  }
}

/** Characters of a piece. */
const enough = 32 << 10

async function* formatListing(
  first: IteratorResult<ListedFile>,
  { files, hasSizes }: { readonly files: AsyncIterator<ListedFile>; readonly hasSizes: boolean },
): AsyncGenerator<string> {
  let text = '['
  let separator = ''
  for (let next = first; next.done !== true; next = await files.next()) {
    const { name, size } = next.value
    text += separator + JSON.stringify(hasSizes ? { name, size } : name)
    separator = ','
    if (text.length < enough) continue
    yield text
    text = ''
  }
  yield `${text}]`
}
