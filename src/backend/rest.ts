import { type Cancellable, type Clock, forEachConcurrent, systemClock } from '#base'
import type { Backend, CallOptions, FileRef, FileType, ListedFile, ReadOptions, WriteOptions } from './backend.ts'
import { BackendError } from './errors.ts'
import {
  type Admit,
  type Credentials,
  discard,
  HttpClient,
  type HttpRequest,
  type HttpResponse,
  isLoopback,
} from './http-client.ts'
import { requestError, statusError } from './http-errors.ts'
import { readAnswer } from './http-read.ts'
import { checkName, fileDetails, folders, isValidName } from './layout.ts'
import type { RateLimits } from './limit.ts'
import { checkRange } from './range.ts'
import { contentLength } from './rest-body.ts'
import { type ListingEntry, ListingParser, MalformedListing } from './rest-listing.ts'
import type { TlsOptions } from './tls-files.ts'

export interface RestOptions {
  /** The folder of the repository, ending in a slash, without user and password. */
  readonly url: URL
  /** For messages: the same without secrets. */
  readonly location: string
  readonly credentials?: Credentials | undefined
  readonly socketPath?: string | undefined
  readonly connections?: number | undefined
  readonly tls?: TlsOptions | undefined
  readonly limits?: RateLimits | undefined
  readonly env?: NodeJS.ProcessEnv | undefined
  readonly admit?: Admit | undefined
  readonly clock?: Clock | undefined
}

const version2 = 'application/vnd.x.restic.rest.v2'
/** Statuses by which servers say "that file is there already, and files are not replaced". */
const takenStatuses = [403, 409, 412]

/** A repository behind restic's REST protocol (restic: doc/REST_backend.rst). */
export class RestBackend implements Backend {
  readonly location: string
  readonly connections: number
  readonly fast: boolean = false
  readonly #base: URL
  readonly #client: HttpClient
  readonly #clock: Clock

  constructor({ url, location, connections = 5, clock = systemClock, env, ...http }: RestOptions) {
    this.location = location
    this.connections = connections
    this.#base = url
    this.#clock = clock
    const isLocal = http.socketPath !== undefined || isLoopback(url.hostname)
    this.#client = new HttpClient({ ...http, location, connections, env: isLocal ? undefined : env })
  }

  async create({ signal }: Cancellable = {}): Promise<void> {
    const url = new URL(this.#base)
    url.searchParams.set('create', 'true')
    const response = await this.#send({ method: 'POST', url, body: new Uint8Array(0), signal })
    await this.#finish(response)
    if (!isSuccess(response)) throw this.#statusError(response)
  }

  async *list(type: FileType, options: CallOptions = {}): AsyncIterable<ListedFile> {
    if (type === 'config') {
      const size = await this.size({ type, name: '' }, options)
      if (size !== undefined) yield { name: '', size }
      return
    }
    // The whole listing is taken in before anything is handed out: a slow consumer must not hold the connection open.
    const entries = await this.#fetchListing(type, options)
    yield* await this.#withSizes(type, entries, options)
  }

  async size(file: FileRef, { signal }: Cancellable = {}): Promise<number | undefined> {
    const response = await this.#send({ method: 'HEAD', url: this.#url(file), signal })
    await this.#finish(response)
    if (response.status === 404) return undefined
    if (response.status !== 200) throw this.#statusError(response)
    const length = contentLength(response)
    if (length === undefined) throw this.#failure('it does not tell the size of files')
    return length
  }

  async read(file: FileRef, options: ReadOptions = {}): Promise<Buffer> {
    const { range, signal, waited } = options
    if (range) checkRange(range, Number.MAX_SAFE_INTEGER, { file, location: this.location })
    if (range?.length === 0) return this.#readNothing(file, options)
    const headers = range ? { Range: `bytes=${range.offset}-${range.offset + range.length - 1}` } : {}
    const response = await this.#send({ method: 'GET', url: this.#url(file), headers, signal, waited })
    if (response.status === 200 || (response.status === 206 && range)) {
      const { location } = this
      const size = (call: CallOptions) => this.size(file, call)
      return this.#translated(signal, () => readAnswer(file, response, { ...options, location, size }))
    }
    await this.#finish(response)
    if (response.status === 404) throw new BackendError('FILE_NOT_FOUND', fileDetails(file, this.location))
    if (response.status === 416) throw new BackendError('FILE_TOO_SHORT', fileDetails(file, this.location))
    throw this.#statusError(response)
  }

  async write(file: FileRef, bytes: Uint8Array, options: WriteOptions = {}): Promise<void> {
    // A config has no hash for a name, and not every server refuses to replace it: look first.
    if (file.type === 'config' && (await this.#isStored(file, bytes, options))) return
    const response = await this.#post(file, bytes, options)
    if (!response) return
    if (isSuccess(response)) return this.#verifyStored(file, bytes, options)
    if (takenStatuses.includes(response.status) && (await this.#isStored(file, bytes, options))) return
    throw this.#statusError(response)
  }

  async delete(file: FileRef, { signal }: Cancellable = {}): Promise<void> {
    const response = await this.#send({ method: 'DELETE', url: this.#url(file), signal })
    await this.#finish(response)
    if (response.status !== 404 && !isSuccess(response)) throw this.#statusError(response)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client[Symbol.dispose]()
  }

  #url(file: FileRef): URL {
    checkName(file)
    return new URL(file.type === 'config' ? 'config' : `${folders[file.type]}/${file.name}`, this.#base)
  }

  async #send(request: HttpRequest): Promise<HttpResponse> {
    request.signal?.throwIfAborted()
    const headers = { Accept: version2, 'Content-Type': request.body ? 'application/octet-stream' : undefined }
    const given = Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined))
    return this.#translated(request.signal, () =>
      this.#client.request({ ...request, headers: { ...given, ...request.headers } }),
    )
  }

  async #finish(response: HttpResponse): Promise<void> {
    await this.#translated(undefined, () => discard(response))
  }

  /** Undefined when the answer was lost but the file has arrived. */
  async #post(file: FileRef, bytes: Uint8Array, options: WriteOptions): Promise<HttpResponse | undefined> {
    const { signal, progress, waited } = options
    try {
      const response = await this.#send({ method: 'POST', url: this.#url(file), body: bytes, signal, progress, waited })
      await this.#finish(response)
      return response
    } catch (thrown) {
      const mayHaveArrived = thrown instanceof BackendError && thrown.transient && thrown.code === 'STORAGE_FAILED'
      if (mayHaveArrived && (await this.#isStored(file, bytes, options).catch(() => false))) return undefined
      throw thrown
    }
  }

  /** True when the file is there with these bytes, false when it is absent. Throws `FILE_EXISTS` for other bytes. */
  async #isStored(file: FileRef, bytes: Uint8Array, { signal, progress, waited }: CallOptions): Promise<boolean> {
    const size = await this.size(file, { signal })
    if (size === undefined) return false
    const isSame = size === bytes.length && (await this.read(file, { signal, progress, waited })).equals(bytes)
    if (!isSame) throw new BackendError('FILE_EXISTS', fileDetails(file, this.location))
    return true
  }

  /** Servers have been seen that say "stored" and store nothing, or a part: the size is asked for after every upload. */
  async #verifyStored(file: FileRef, bytes: Uint8Array, { signal }: CallOptions): Promise<void> {
    const size = await this.size(file, { signal })
    if (size === bytes.length) return
    // What we just sent is not what is there, and its name promises a hash it cannot have: out of the way of the next try.
    if (size !== undefined && file.type !== 'config') await this.delete(file, { signal }).catch(() => undefined)
    throw this.#failure(`it said that it stored the ${file.type}, but holds ${size ?? 0} of its ${bytes.length} bytes`)
  }

  async #readNothing(file: FileRef, { range, signal }: ReadOptions): Promise<Buffer> {
    const size = await this.size(file, { signal })
    if (size === undefined) throw new BackendError('FILE_NOT_FOUND', fileDetails(file, this.location))
    if (range) checkRange(range, size, { file, location: this.location })
    return Buffer.allocUnsafeSlow(0)
  }

  async #fetchListing(type: Exclude<FileType, 'config'>, { signal, progress, waited }: CallOptions) {
    const url = new URL(`${folders[type]}/`, this.#base)
    const response = await this.#send({ method: 'GET', url, signal, waited })
    if (response.status === 404) {
      await this.#finish(response)
      await this.#checkMissingFolder(type, response, { signal })
      return []
    }
    if (response.status !== 200) {
      await this.#finish(response)
      throw this.#statusError(response)
    }
    return this.#translated(signal, async () => {
      const parser = new ListingParser()
      response.body.setEncoding('utf8')
      for await (const text of response.body as AsyncIterable<string>) {
        parser.push(text)
        progress?.(text.length)
      }
      return parser.finish()
    })
  }

  /**
   * A missing folder holds nothing, as long as there is no config. In a repository it is a fault (a prune that took "no
   * snapshots" for the truth would delete everything), except for `locks`, which copies without empty folders lose.
   * rclone says 404 for troubles of its own (rclone#7550): there it is never an answer.
   */
  async #checkMissingFolder(type: FileType, { headers }: HttpResponse, options: Cancellable): Promise<void> {
    const isRclone = String(headers.server ?? '').startsWith('rclone/')
    const isFault =
      isRclone || (type !== 'lock' && (await this.size({ type: 'config', name: '' }, options)) !== undefined)
    if (isFault) throw this.#failure(`it cannot list the files of type ${type} (HTTP status 404)`)
  }

  /** Version 1 of the protocol lists names only: the sizes are asked for one by one. Foreign names are left out. */
  async #withSizes(type: FileType, entries: readonly ListingEntry[], options: CallOptions): Promise<ListedFile[]> {
    const listed: ListedFile[] = []
    const unsized: string[] = []
    for (const { name, size } of entries) {
      if (!isValidName(type, name)) continue
      if (size === undefined) unsized.push(name)
      else listed.push({ name, size })
    }
    const addSize = async (name: string) => {
      const size = await this.size({ type, name }, options)
      options.progress?.(256)
      if (size !== undefined) listed.push({ name, size })
    }
    await forEachConcurrent(unsized, addSize, { concurrency: this.connections, signal: options.signal })
    return listed
  }

  #failure(reason: string): BackendError {
    return new BackendError('STORAGE_FAILED', { location: this.location, reason, transient: true })
  }

  #statusError(response: HttpResponse): BackendError {
    return statusError(response, { location: this.location, clock: this.#clock })
  }

  async #translated<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (thrown) {
      signal?.throwIfAborted()
      if (thrown instanceof MalformedListing) throw this.#failure(`its listing cannot be read: ${thrown.message}`)
      throw requestError(thrown, { location: this.location })
    }
  }
}

function isSuccess({ status }: HttpResponse): boolean {
  return status >= 200 && status < 300
}
