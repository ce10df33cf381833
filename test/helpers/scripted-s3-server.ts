import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface S3Request {
  readonly method: string
  /** Of the object; empty for the bucket. */
  readonly key: string
  readonly query: URLSearchParams
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
}

/** Takes over one request; the server itself answers when it returns anything but true. */
export type S3Misbehaviour = (request: S3Request, response: ServerResponse) => boolean | void

/** A small S3 service with one bucket in this process, which misbehaves as the test wants. It checks no signatures. */
export class ScriptedS3Server implements AsyncDisposable {
  readonly bucket = 'bucket'
  hasBucket = true
  readonly objects = new Map<string, Buffer>()
  /** Parts of uploads that are neither complete nor abandoned, by upload. */
  readonly uploads = new Map<string, Map<number, Buffer>>()
  readonly requests: S3Request[] = []
  /** Whether `If-None-Match: *` is known here. */
  conditions = true
  /** Deleting leaves a marker and hides the object. */
  versions = false
  pageSize = 1000
  /** What the server takes for the time, in milliseconds from ours. */
  clockOffset = 0
  misbehave: S3Misbehaviour = () => false
  readonly #server = createServer((request, response) => this.#receive(request, response))
  #count = 0

  static async start(): Promise<ScriptedS3Server> {
    const server = new ScriptedS3Server()
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve))
    return server
  }

  get location(): string {
    return `s3:http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/${this.bucket}/pre/fix`
  }

  /** Method and key of every request so far, in order. */
  get calls(): string[] {
    return this.requests.map(({ method, key }) => `${method} ${key}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  refuse(response: ServerResponse, status: number, code: string, more: Readonly<Record<string, string>> = {}): true {
    const { message = code, region = '', ...headers } = more
    const where = region === '' ? '' : `<Region>${region}</Region>`
    const body = `<Error><Code>${code}</Code><Message>${message}</Message>${where}</Error>`
    return this.#send(response, status, headers, response.req.method === 'HEAD' ? '' : body)
  }

  /** The proper answer. */
  answer(request: S3Request, response: ServerResponse): void {
    const { method, key, query } = request
    if (!this.hasBucket && !(method === 'PUT' && key === '')) return void this.refuse(response, 404, 'NoSuchBucket')
    if (key === '') return this.#answerBucket(request, response)
    if (query.has('uploads') || query.has('uploadId')) return this.#answerUpload(request, response)
    if (method === 'PUT') return this.#store(request, response)
    if (method === 'DELETE') {
      const marker = this.versions && this.objects.has(key)
      this.objects.delete(key)
      return void this.#send(response, 204, marker ? { 'x-amz-delete-marker': 'true' } : {})
    }
    this.#give(request, response)
  }

  #receive(request: IncomingMessage, response: ServerResponse): void {
    request.on('error', () => undefined)
    response.on('error', () => undefined)
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { pathname, searchParams } = new URL(request.url ?? '/', 'http://host')
      const key = decodeURIComponent(pathname.slice(this.bucket.length + 2))
      const { method = '', headers } = request
      const received = { method, key, query: searchParams, headers, body: Buffer.concat(chunks) }
      this.requests.push(received)
      if (this.misbehave(received, response) !== true && !response.headersSent) this.answer(received, response)
    })
  }

  #answerBucket({ method, query }: S3Request, response: ServerResponse): void {
    if (method === 'PUT') this.hasBucket = true
    if (method !== 'GET') return void this.#send(response, 200)
    const prefix = query.get('prefix') ?? ''
    const from = query.get('continuation-token') ?? query.get('marker') ?? ''
    const keys = [...this.objects.keys()].filter((key) => key.startsWith(prefix) && key > from).toSorted()
    this.list(response, keys.slice(0, this.pageSize), keys.length > this.pageSize)
  }

  /** One page of a listing. */
  list(response: ServerResponse, keys: readonly string[], isTruncated: boolean): true {
    const entries = keys.map((key) => {
      const size = this.objects.get(key)?.length ?? 0
      const time = new Date(Date.now() + this.clockOffset - 60_000).toISOString()
      return `<Contents><Key>${encodeURIComponent(key)}</Key><Size>${size}</Size><LastModified>${time}</LastModified></Contents>`
    })
    const next = isTruncated ? `<NextContinuationToken>${keys.at(-1)}</NextContinuationToken>` : ''
    const start = `<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>${isTruncated}</IsTruncated>`
    return this.#send(response, 200, {}, `${start}${next}${entries.join('')}</ListBucketResult>`)
  }

  #answerUpload({ method, key, query, body, headers }: S3Request, response: ServerResponse): void {
    const id = query.get('uploadId') ?? `upload-${++this.#count}`
    if (query.has('uploads')) {
      this.uploads.set(id, new Map())
      const start = `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`
      return void this.#send(response, 200, {}, start)
    }
    const parts = this.uploads.get(id)
    if (!parts) return void this.refuse(response, 404, 'NoSuchUpload')
    if (method === 'PUT') {
      parts.set(Number(query.get('partNumber')), body)
      return void this.#send(response, 200, { ETag: tagOf(body) })
    }
    this.uploads.delete(id)
    if (method === 'DELETE') return void this.#send(response, 204)
    if (this.#isTaken(key, headers)) return void this.refuse(response, 412, 'PreconditionFailed')
    this.objects.set(key, Buffer.concat([...parts].toSorted(([a], [b]) => a - b).map(([, part]) => part)))
    this.#send(
      response,
      200,
      {},
      '<CompleteMultipartUploadResult><ETag>"many-2"</ETag></CompleteMultipartUploadResult>',
    )
  }

  #isTaken(key: string, headers: IncomingMessage['headers']): boolean {
    return this.conditions && headers['if-none-match'] === '*' && this.objects.has(key)
  }

  #store({ key, headers, body }: S3Request, response: ServerResponse): void {
    if (this.#isTaken(key, headers)) return void this.refuse(response, 412, 'PreconditionFailed')
    const md5 = createHash('md5').update(body).digest('base64')
    if (headers['content-md5'] !== md5) return void this.refuse(response, 400, 'BadDigest')
    this.objects.set(key, body)
    this.#send(response, 200, { ETag: tagOf(body) })
  }

  #give({ method, key, headers }: S3Request, response: ServerResponse): void {
    const object = this.objects.get(key)
    if (!object) return void this.refuse(response, 404, 'NoSuchKey')
    const range = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '')
    const [first, last] = range
      ? [Number(range[1]), Math.min(Number(range[2]), object.length - 1)]
      : [0, object.length - 1]
    if (range && first >= object.length) return void this.refuse(response, 416, 'InvalidRange')
    const part = object.subarray(first, last + 1)
    const sent = { ETag: tagOf(object), 'Content-Length': String(part.length) }
    const about = range ? { 'Content-Range': `bytes ${first}-${last}/${object.length}` } : {}
    this.#send(response, range ? 206 : 200, { ...sent, ...about }, method === 'HEAD' ? '' : part)
  }

  #send(
    response: ServerResponse,
    status: number,
    headers: Readonly<Record<string, string>> = {},
    body: string | Buffer = '',
  ): true {
    const date = new Date(Date.now() + this.clockOffset).toUTCString()
    response.writeHead(status, { Date: date, ...headers }).end(body)
    return true
  }
}

function tagOf(bytes: Buffer): string {
  return `"${createHash('md5').update(bytes).digest('hex')}"`
}
