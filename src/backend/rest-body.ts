import type { CallOptions } from './backend.ts'
import type { HttpResponse } from './http-client.ts'

/** Bodies of answers, with no more memory than what was asked for. */

export function contentLength({ headers }: HttpResponse): number | undefined {
  const text = headers['content-length']
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined
}

/** What a 206 says it sends. `total` is the size of the file, when the server tells it. */
export function sentRange({ headers }: HttpResponse) {
  const match = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/.exec(headers['content-range'] ?? '')
  if (!match) return undefined
  const [first, last] = [Number(match[1]), Number(match[2])]
  return { offset: first, length: last - first + 1, total: match[3] === '*' ? undefined : Number(match[3]) }
}

export interface CollectOptions extends CallOptions {
  /** Bytes to pass over first: the body is a whole file then, and may go on after the part. */
  readonly skip?: number | undefined
  /** Bytes to take; everything when absent. */
  readonly length?: number | undefined
  /** Most bytes to take when `length` is absent. */
  readonly limit?: number | undefined
}

/** The asked part of the body; undefined when the body holds less, or more where it must not. */
export async function collectBody(response: HttpResponse, options: CollectOptions): Promise<Buffer | undefined> {
  const length = options.length ?? contentLength(response)
  return length === undefined ? collectUnknown(response, options) : collectExactly(response, { ...options, length })
}

async function collectExactly(
  { body }: HttpResponse,
  { skip: given, length, progress }: CollectOptions & { readonly length: number },
): Promise<Buffer | undefined> {
  const skip = given ?? 0
  const bytes = Buffer.allocUnsafeSlow(length)
  let seen = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    const from = Math.max(0, skip - seen)
    const room = seen + from - skip
    if (from < chunk.length && room < length) chunk.copy(bytes, room, from, from + (length - room))
    seen += chunk.length
    progress?.(chunk.length)
    if (seen > skip + length) return given === undefined ? undefined : bytes // leaving the loop destroys the body
  }
  return seen >= skip + length ? bytes : undefined
}

/** No length was announced: the pieces are kept until the end. */
async function collectUnknown(
  { body }: HttpResponse,
  { limit = 0, progress }: CollectOptions,
): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let seen = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    seen += chunk.length
    progress?.(chunk.length)
    if (seen > limit) return undefined
    chunks.push(chunk)
  }
  const bytes = Buffer.allocUnsafeSlow(seen)
  let position = 0
  for (const chunk of chunks) position += chunk.copy(bytes, position)
  return bytes
}
