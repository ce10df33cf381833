import type { ByteRange, CallOptions, FileRef, ReadOptions } from './backend.ts'
import { BackendError } from './errors.ts'
import type { HttpResponse } from './http-client.ts'
import { fileDetails, longestFile } from './layout.ts'
import { checkRange } from './range.ts'
import { collectBody, contentLength, sentRange } from './rest-body.ts'

/** From the answer to a GET of a file to exactly the bytes that were asked for. */

export interface ReadAnswerOptions extends ReadOptions {
  readonly location: string
  /** Asked when the answer alone does not tell what is wrong. */
  readonly size: (options: CallOptions) => Promise<number | undefined>
}

/** The bytes of an answer with status 200 or 206. Throws `FILE_TOO_SHORT`, `FILE_TOO_LARGE`, `STORAGE_FAILED`, and what breaks the connection. */
export async function readAnswer(file: FileRef, response: HttpResponse, options: ReadAnswerOptions): Promise<Buffer> {
  if (!options.range) return readWhole(file, response, options)
  // Some servers send the part with status 200: its header tells.
  return response.status === 206 || sentRange(response)
    ? readRange(file, response, options)
    : cutOut(file, response, options)
}

async function readWhole(file: FileRef, response: HttpResponse, options: ReadAnswerOptions): Promise<Buffer> {
  const { location } = options
  const announced = contentLength(response)
  if ((announced ?? 0) > longestFile[file.type]) {
    response.body.destroy()
    throw new BackendError('FILE_TOO_LARGE', fileDetails(file, location))
  }
  const bytes = await collectBody(response, { ...options, limit: longestFile[file.type] })
  if (!bytes) throw new BackendError('FILE_TOO_LARGE', fileDetails(file, location))
  const isWhole = announced !== undefined || (await options.size(options)) === bytes.length
  if (!isWhole) throw failure(location, 'its answer was cut off')
  return bytes
}

async function readRange(file: FileRef, response: HttpResponse, options: ReadAnswerOptions): Promise<Buffer> {
  const { location } = options
  const range = options.range as NonNullable<ReadOptions['range']>
  const sent = sentRange(response)
  const skip = sent && placeIn(sent, range)
  if (skip === undefined) {
    response.body.destroy()
    const endsEarly = sent && sent.offset === range.offset && sent.total === range.offset + sent.length
    if (endsEarly && sent.length < range.length) {
      throw new BackendError('FILE_TOO_SHORT', fileDetails(file, location))
    }
    throw failure(location, 'it sent other bytes than were asked for')
  }
  // A longer part holds what was asked for: some servers take the range 0-0 for everything.
  const isLonger = sent?.length !== range.length
  const bytes = await collectBody(response, { ...options, length: range.length, ...(isLonger ? { skip } : {}) })
  if (!bytes) throw failure(location, 'it sent more or fewer bytes than were asked for')
  return bytes
}

/** Where in what was sent the range begins; undefined when not all of it was sent. */
function placeIn(sent: ByteRange, range: ByteRange): number | undefined {
  const skip = range.offset - sent.offset
  return skip >= 0 && skip + range.length <= sent.length ? skip : undefined
}

/** The server ignored the range and sends everything: take the part that was asked for. */
async function cutOut(file: FileRef, response: HttpResponse, options: ReadAnswerOptions): Promise<Buffer> {
  const { location } = options
  const range = options.range as NonNullable<ReadOptions['range']>
  const bytes = await collectBody(response, { ...options, skip: range.offset, length: range.length })
  if (bytes) return bytes
  const size = await options.size(options)
  if (size === undefined) throw new BackendError('FILE_NOT_FOUND', fileDetails(file, location))
  checkRange(range, size, { file, location })
  throw failure(location, 'it sent fewer bytes than were asked for')
}

function failure(location: string, reason: string): BackendError {
  return new BackendError('STORAGE_FAILED', { location, reason, transient: true })
}
