/** The side of an S3 service in signatures of version 4: for the service that tests run against, which knows only version 2. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { Readable } from 'node:stream'

export interface SignedRequest {
  readonly method: string
  /** Path and query, as they came. */
  readonly url: string
  readonly headers: IncomingHttpHeaders
}

export interface Keys {
  readonly accessKey: string
  readonly secretKey: string
}

/** S3's word for what is wrong with the signature in the request's header; undefined when it is good. */
export function signatureFault(request: SignedRequest, { accessKey, secretKey }: Keys): string | undefined {
  const form = /^AWS4-HMAC-SHA256 Credential=([^/]+)\/([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/
  const [, key, scope, names, signature] = form.exec(request.headers.authorization ?? '') ?? []
  if (!key || !scope || !names || !signature) return 'AccessDenied'
  if (key !== accessKey) return 'InvalidAccessKeyId'
  const signed = names.split(';')
  const mustBe = ['host', ...Object.keys(request.headers).filter((name) => name.startsWith('x-amz-'))]
  if (!mustBe.every((name) => signed.includes(name))) return 'AccessDenied'
  const time = String(request.headers['x-amz-date'])
  const text = ['AWS4-HMAC-SHA256', time, scope, sha256(canonicalRequest(request, signed))].join('\n')
  const [date = '', region = '', service = '', end = ''] = scope.split('/')
  const signingKey = [date, region, service, end].reduce<string | Buffer>(hmac, `AWS4${secretKey}`)
  const isGood = time.startsWith(date) && timingSafeEqual(hmac(signingKey, text), Buffer.from(signature, 'hex'))
  return isGood ? undefined : 'SignatureDoesNotMatch'
}

function canonicalRequest({ method, url, headers }: SignedRequest, signed: readonly string[]): string {
  const [path = '', query = ''] = url.split(/\?(.*)/s)
  const pairs = query.split('&').filter((pair) => pair !== '')
  const canonicalPairs = pairs.map((pair) => {
    const [name = '', value = ''] = pair.split(/=(.*)/s)
    return `${escapedAnew(name)}=${escapedAnew(value)}`
  })
  const lines = signed.map(
    (name) =>
      `${name}:${String(headers[name] ?? '')
        .trim()
        .replace(/ +/g, ' ')}\n`,
  )
  return [
    method,
    path.split('/').map(escapedAnew).join('/'),
    canonicalPairs.toSorted().join('&'),
    lines.join(''),
    signed.join(';'),
    headers['x-amz-content-sha256'],
  ].join('\n')
}

function escapedAnew(text: string): string {
  const escape = (char: string) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`
  return encodeURIComponent(decodeURIComponent(text)).replace(/[!'()*]/g, escape)
}

/** What a body holds that is sent in chunks with signatures of their own (which are not checked), as clients do without TLS. */
export function withoutChunkSignatures(body: Readable): Readable {
  return Readable.from(contentOfChunks(body))
}

async function* contentOfChunks(body: Readable): AsyncIterable<Buffer> {
  let held: Buffer = Buffer.alloc(0)
  let left = 0
  for await (const piece of body as AsyncIterable<Buffer>) {
    held = held.length === 0 ? piece : Buffer.concat([held, piece])
    while (held.length > 0) {
      if (left > 0) {
        const part = held.subarray(0, left)
        yield part
        left -= part.length
        held = held.subarray(part.length)
        continue
      }
      const end = held.indexOf('\r\n')
      if (end < 0) break
      // Empty is what stands between the end of one chunk and the size of the next one.
      const head = held.toString('latin1', 0, end)
      held = held.subarray(end + 2)
      if (head === '') continue
      left = Number.parseInt(head, 16)
      if (left === 0) return
    }
  }
  throw new Error('the body ends within a chunk')
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}
