import type { S3, S3ClientConfig } from '@aws-sdk/client-s3'
import type { Clock } from '#base'
import { untilAborted } from './abort.ts'
import type { CallOptions } from './backend.ts'
import type { BackendError } from './errors.ts'
import { type Admit, HttpClient, type HttpRequest, isLoopback } from './http-client.ts'
import type { RateLimits } from './limit.ts'
import { S3Credentials, type S3Keys } from './s3-credentials.ts'
import { callError, isAboutKeys, otherRegion, type Refusal, refusalError, refusalOf } from './s3-errors.ts'
import type { S3Lock } from './s3-object-lock.ts'
import { isAnyRegion, regionIn, type S3Location, usesHostNames } from './s3-location.ts'
import type { TlsOptions } from './tls-files.ts'

/** What `-o s3.…` sets. */
export interface S3Options {
  readonly bucketLookup?: 'auto' | 'dns' | 'path' | undefined
  readonly region?: string | undefined
  readonly storageClass?: string | undefined
  /** How often the client itself sends a request at most, before our own retries, which go by time. Default: once. */
  readonly retries?: number | undefined
  readonly listObjectsV1?: boolean | undefined
  readonly anonymous?: boolean | undefined
  /** Files are locked as they are written, in a bucket that has object lock. */
  readonly lock?: S3Lock | undefined
}

export interface S3ConnectionOptions extends S3Options {
  readonly place: S3Location
  readonly connections: number
  readonly tls?: TlsOptions | undefined
  readonly limits?: RateLimits | undefined
  readonly env: NodeJS.ProcessEnv
  readonly admit?: Admit | undefined
  readonly clock: Clock
}

/** What the client hands on to our HTTP, and what it is told of the answer. */
export interface S3CallOptions {
  readonly abortSignal?: AbortSignal
  /** The server's clock and whatever else the client keeps to itself, once the answer is there. */
  readonly answer: { headers: Readonly<Record<string, string>> }
}

type Call<Result> = (client: S3, options: S3CallOptions) => Promise<Result>

const defaultRegion = 'us-east-1'

/**
 * The official client for one bucket: loaded when first needed (it takes a tenth of a second), speaking through our own HTTP
 * (proxies, certificates, rates, progress), with keys that may change, and in the region that the bucket is found to lie in.
 */
export class S3Connection implements Disposable {
  readonly #options: S3ConnectionOptions
  readonly #http: HttpClient
  readonly #credentials: S3Credentials | undefined
  #region: string
  #client: Promise<S3> | undefined

  constructor(options: S3ConnectionOptions) {
    const { place, connections, tls, limits, env, admit, clock, region, anonymous } = options
    const location = place.display
    this.#options = options
    this.#region = region ?? env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION'] ?? regionIn(place.endpoint) ?? defaultRegion
    const proxies = isLoopback(place.endpoint.hostname) ? undefined : env
    this.#http = new HttpClient({ location, connections, tls, limits, admit, env: proxies, followRedirects: false })
    this.#credentials = anonymous ? undefined : new S3Credentials({ location, env, clock })
  }

  get region(): string {
    return this.#region
  }

  /** Makes a call. Rejects with a `Refused` for what the service refuses, else with a `BackendError` or the signal's reason. */
  async call<Result>(call: Call<Result>, options: CallOptions = {}): Promise<Result> {
    for (let attempt = 1; ; attempt++) {
      options.signal?.throwIfAborted()
      const region = this.#region
      const keys = await this.#keys(options)
      try {
        const client = await this.#open()
        return await call(client, this.#callOptions(options))
      } catch (thrown) {
        options.signal?.throwIfAborted()
        const refusal = refusalOf(thrown)
        if (!refusal) throw callError(thrown, this.#context)
        if (attempt < 3 && (await this.#adapt(refusal, { ...options, region, keys }))) continue
        throw new Refused(refusal, this.error(refusal))
      }
    }
  }

  error(refusal: Refusal): BackendError {
    return refusalError(refusal, this.#context)
  }

  [Symbol.dispose](): void {
    this.#http[Symbol.dispose]()
  }

  get #context() {
    const { place, clock } = this.#options
    return {
      location: place.display,
      bucket: place.bucket,
      region: this.#region,
      clock,
      canRenew: this.#credentials?.canChange === true,
    }
  }

  async #keys({ signal }: CallOptions): Promise<S3Keys | undefined> {
    return this.#credentials && (await untilAborted(this.#credentials.current(), signal))
  }

  /** True when the same call may be made again at once: in the right region, or with keys that were renewed meanwhile. */
  async #adapt(
    refusal: Refusal,
    { region, keys, signal }: CallOptions & { readonly region: string; readonly keys: S3Keys | undefined },
  ): Promise<boolean> {
    const right = otherRegion(refusal, { region })
    if (right !== undefined && this.#options.region === undefined) {
      if (this.#region === region) [this.#region, this.#client] = [right, undefined]
      return true
    }
    if (!keys || !this.#credentials || !isAboutKeys(refusal)) return false
    return untilAborted(this.#credentials.renew(keys), signal)
  }

  /** The client takes any object for options, and hands it to `sendRequest` as it is. */
  #callOptions(options: CallOptions): S3CallOptions {
    const { signal } = options
    return { ...options, ...(signal ? { abortSignal: signal } : {}), answer: { headers: {} } }
  }

  #open(): Promise<S3> {
    this.#client ??= this.#load()
    return this.#client
  }

  async #load(): Promise<S3> {
    const sdk = await import('@aws-sdk/client-s3')
    const { place, bucketLookup = 'auto', retries = 1 } = this.#options
    const credentials = this.#credentials
    const signer = { sign: async (request: unknown) => request }
    const config = {
      region: this.#region,
      ignoreConfiguredEndpointUrls: true, // the location says where
      ...(isAnyRegion(place.endpoint) ? {} : { endpoint: place.endpoint.origin }),
      forcePathStyle: !usesHostNames(place.endpoint, bucketLookup),
      ...(credentials
        ? { credentials: Object.assign(() => credentials.current(), { memoized: true }) }
        : { signer, credentials: { accessKeyId: '', secretAccessKey: '' } }),
      maxAttempts: Math.max(1, retries),
      retryMode: 'standard',
      requestHandler: { metadata: { handlerProtocol: 'http/1.1' }, handle: this.#handle },
      // Checksums are ours (Content-MD5, which every service knows): the client's own make many services fail.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      expectContinueHeader: false, // our HTTP asks before it sends
      disableClockSkewCorrection: true, // a wrong clock is to be set, not worked around
      disableS3ExpressSessionAuth: true,
    }
    const client = new sdk.S3(config as unknown as S3ClientConfig)
    leaveBodiesUnhashed(client)
    return client
  }

  /** Carries out a request of the client's. */
  readonly #handle = async (request: ClientRequest, given: object = {}) => {
    const options = given as CallOptions & Partial<S3CallOptions>
    const { signal, progress, waited } = options
    const { method, headers } = request
    const body = typeof request.body === 'string' ? Buffer.from(request.body) : request.body
    const answer = await this.#http.request({ method, url: urlOf(request), headers, body, signal, progress, waited })
    const received = Object.fromEntries(
      Object.entries(answer.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]),
    ) as Record<string, string>
    if (options.answer) options.answer.headers = received
    return { response: { statusCode: answer.status, headers: received, body: answer.body } }
  }
}

/** Thrown for an answer that is no success, for a caller to whom it may mean something. */
export class Refused extends Error {
  readonly refusal: Refusal
  /** What to throw when it means nothing special. */
  readonly error: BackendError

  constructor(refusal: Refusal, error: BackendError) {
    super(error.message)
    this.refusal = refusal
    this.error = error
  }
}

/** A request as the client makes it. */
interface ClientRequest {
  readonly method: HttpRequest['method']
  readonly protocol: string
  readonly hostname: string
  readonly port?: number
  readonly path: string
  readonly query?: Readonly<Record<string, string | readonly string[] | null>>
  readonly headers: Record<string, string>
  /** Text is XML. */
  readonly body?: Uint8Array | string
}

/** As it was signed: escaped once, by the client. */
function urlOf({ protocol, hostname, port, path, query = {} }: ClientRequest): URL {
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    [value ?? ''].flat().map((one) => `${escaped(name)}=${escaped(one)}`),
  )
  const search = pairs.length === 0 ? '' : `?${pairs.join('&')}`
  return new URL(`${protocol}//${hostname}${port === undefined ? '' : `:${port}`}${path}${search}`)
}

function escaped(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
}

/** Over TLS the signature need not cover the body, which has its Content-MD5: no second hash of every byte. */
function leaveBodiesUnhashed(client: S3): void {
  client.middlewareStack.add(
    (next) => async (args) => {
      const { request } = args as unknown as { readonly request: ClientRequest }
      if (request.protocol === 'https:' && request.body !== undefined) {
        request.headers['x-amz-content-sha256'] = 'UNSIGNED-PAYLOAD'
      }
      return next(args)
    },
    { step: 'build', name: 'leaveBodiesUnhashed', priority: 'low' },
  )
}
