import { hash } from 'node:crypto'
import { type Cancellable, type Clock, hasCode, systemClock } from '#base'
import type { Backend, CallOptions, FileRef, FileType, ListedFile, ReadOptions, WriteOptions } from './backend.ts'
import { BackendError } from './errors.ts'
import type { Admit, HttpResponse } from './http-client.ts'
import { requestError } from './http-errors.ts'
import { readAnswer } from './http-read.ts'
import { fileDetails, folders, isValidName, layoutPath } from './layout.ts'
import type { RateLimits } from './limit.ts'
import { checkRange } from './range.ts'
import { Refused, S3Connection, type S3Options } from './s3-connection.ts'
import { explainDelete, explainHead } from './s3-explain.ts'
import { fetchPage, fetchPageV1, type ListedObject, type Page } from './s3-listing.ts'
import { lockHeaders } from './s3-object-lock.ts'
import type { S3Location } from './s3-location.ts'
import { plainTag, upload } from './s3-upload.ts'
import type { TlsOptions } from './tls-files.ts'

export interface S3BackendOptions extends S3Options {
  readonly connections?: number | undefined
  readonly tls?: TlsOptions | undefined
  readonly limits?: RateLimits | undefined
  readonly env?: NodeJS.ProcessEnv | undefined
  readonly admit?: Admit | undefined
  /** Told once what the bucket does with deleted files. */
  readonly onNotice?: ((sentence: string) => void) | undefined
  /** Bytes; files of two parts and more are sent in parts. Default: 32 MiB. */
  readonly partSize?: number | undefined
  /** Milliseconds after which a new config is looked at again, where the service cannot refuse to replace it. Default: 1 s. */
  readonly settleTime?: number | undefined
  readonly clock?: Clock | undefined
}

/** Storage classes from which nothing can be read at once: only for contents. */
const archives = new Set(['GLACIER', 'DEEP_ARCHIVE'])
/** Files that may be sent twice, to learn whether the service refuses the second: they are small, and named by their content. */
const probes: ReadonlySet<FileType> = new Set(['key', 'lock', 'snapshot', 'index'])
const largestProbe = 64 << 10

/** A repository in a bucket of an S3-compatible service, laid out as restic does. */
export class S3Backend implements Backend {
  readonly location: string
  readonly connections: number
  readonly fast: boolean = false
  readonly #place: S3Location
  readonly #connection: S3Connection
  readonly #options: S3BackendOptions
  readonly #partSize: number
  readonly #clock: Clock
  readonly #writing = new Map<string, Promise<void>>()
  /** Whether the service refuses to replace a file when it is asked to; undefined as long as nobody knows. */
  #refusesReplacing: boolean | undefined
  #hasNoticed = false

  constructor(place: S3Location, options: S3BackendOptions = {}) {
    const { connections = 5, env = process.env, clock = systemClock } = options
    this.location = place.display
    this.connections = connections
    this.#place = place
    this.#options = options
    this.#partSize = options.partSize ?? 32 << 20
    this.#clock = clock
    this.#connection = new S3Connection({ ...options, place, connections, env, clock })
  }

  /** Makes the bucket where there is none. Keys that may not look at buckets are taken to have one. */
  async create({ signal }: Cancellable = {}): Promise<void> {
    const { bucket } = this.#place
    try {
      await this.#connection.call((client, call) => client.headBucket({ Bucket: bucket }, call), { signal })
    } catch (thrown) {
      if (!(thrown instanceof Refused)) throw thrown
      if (thrown.refusal.status === 404) return this.#createBucket({ signal })
      if (!hasCode(thrown.error, 'ACCESS_DENIED')) throw thrown.error
    }
  }

  async *list(type: FileType, options: CallOptions = {}): AsyncIterable<ListedFile> {
    if (type === 'config') {
      const size = await this.size({ type, name: '' }, options)
      if (size !== undefined) yield { name: '', size }
      return
    }
    const prefix = `${this.#path([folders[type]])}/`
    const given = new Set<string>()
    const seen = new Set<string>()
    let from: string | undefined
    do {
      const page = await this.#fetchPage(prefix, from, options)
      for (const { key, size, age } of page.objects) {
        const name = this.#nameOf(type, key)
        if (name === undefined || given.has(name)) continue
        given.add(name)
        yield { name, size, ...(age === undefined ? {} : { age }) }
      }
      from = page.next
      // A service that sends the same page over and over may have others that it never sends.
      if (from !== undefined && seen.has(from)) throw this.#failure('its listing goes in circles')
      seen.add(from ?? '')
    } while (from !== undefined)
  }

  async size(file: FileRef, { signal }: Cancellable = {}): Promise<number | undefined> {
    return (await this.#head(file, { signal }))?.size
  }

  async read(file: FileRef, options: ReadOptions = {}): Promise<Buffer> {
    const { range } = options
    const { location } = this
    if (range) checkRange(range, Number.MAX_SAFE_INTEGER, { file, location })
    if (range?.length === 0) return this.#readNothing(file, options)
    try {
      const response = await this.#get(file, options)
      return await readAnswer(file, response, { ...options, location, size: (call) => this.size(file, call) })
    } catch (thrown) {
      options.signal?.throwIfAborted()
      if (!(thrown instanceof Refused)) throw requestError(thrown, { location })
      const { status, code } = thrown.refusal
      if (code === 'NoSuchKey' || (status === 404 && code === ''))
        throw new BackendError('FILE_NOT_FOUND', this.#about(file))
      if (status === 416) throw new BackendError('FILE_TOO_SHORT', this.#about(file))
      throw thrown.error
    }
  }

  async write(file: FileRef, bytes: Uint8Array, options: WriteOptions = {}): Promise<void> {
    const key = this.#key(file)
    // Of two writes of one name in this process the second waits and finds what the first has written.
    while (this.#writing.has(key)) await this.#writing.get(key)
    options.signal?.throwIfAborted()
    const work = this.#write(file, bytes, options).finally(() => this.#writing.delete(key))
    this.#writing.set(
      key,
      work.catch(() => undefined),
    )
    await work
  }

  async delete(file: FileRef, { signal }: Cancellable = {}): Promise<void> {
    const target = { Bucket: this.#place.bucket, Key: this.#key(file) }
    try {
      const { DeleteMarker } = await this.#connection.call((client, call) => client.deleteObject(target, call), {
        signal,
      })
      if (DeleteMarker === true && file.type !== 'lock') this.#notice()
    } catch (thrown) {
      if (!(thrown instanceof Refused)) throw thrown
      if (thrown.refusal.code === 'NoSuchKey' || (thrown.refusal.status === 404 && thrown.refusal.code === '')) return
      const held = { ...this.#about(file), clock: this.#clock }
      throw await explainDelete(this.#connection, target, { refused: thrown, held, signal })
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#connection[Symbol.dispose]()
  }

  async #write(file: FileRef, bytes: Uint8Array, options: WriteOptions): Promise<void> {
    // Where the service itself refuses to replace a file there is no need to look first.
    if (this.#refusesReplacing !== true && (await this.#isStored(file, bytes, options))) return
    if (!(await this.#upload(file, bytes, options))) return
    if (this.#refusesReplacing === undefined && probes.has(file.type) && bytes.length <= largestProbe) {
      this.#refusesReplacing = await this.#probe(file, bytes, options)
    }
    if (file.type === 'config' && this.#refusesReplacing !== true) await this.#settle(file, bytes, options)
  }

  /** False when the file was there already, with these bytes. */
  async #upload(file: FileRef, bytes: Uint8Array, options: WriteOptions): Promise<boolean> {
    try {
      const tag = await this.#put(file, bytes, options)
      await this.#verifyStored(file, bytes, { ...options, tag })
      return true
    } catch (thrown) {
      options.signal?.throwIfAborted()
      if (await this.#mayBeStored(file, bytes, thrown, options)) return false
      throw thrown instanceof Refused ? thrown.error : thrown
    }
  }

  /** Sends the file; once more without the condition where the service does not know it. */
  async #put(file: FileRef, bytes: Uint8Array, options: WriteOptions): Promise<string> {
    const partSize = this.#partSize
    const target = { bucket: this.#place.bucket, key: this.#key(file), storageClass: this.#storageClass(file, options) }
    const lock = lockHeaders(this.#options.lock, file, this.#clock.now())
    const onlyNew = this.#refusesReplacing !== false
    try {
      return await upload(this.#connection, bytes, { ...options, ...target, lock, partSize, onlyNew })
    } catch (thrown) {
      const isUnknown = thrown instanceof Refused && ['NotImplemented', 'InvalidArgument'].includes(thrown.refusal.code)
      // As long as it is not known that the service refuses, somebody has looked before this upload.
      if (!isUnknown || this.#refusesReplacing !== undefined) throw thrown
      this.#refusesReplacing = false
      return upload(this.#connection, bytes, { ...options, ...target, lock, partSize, onlyNew: false })
    }
  }

  /** After an upload that failed: true when the file is there all the same. Throws `FILE_EXISTS` when it is another one. */
  async #mayBeStored(file: FileRef, bytes: Uint8Array, thrown: unknown, options: CallOptions): Promise<boolean> {
    if (thrown instanceof Refused && thrown.refusal.status === 412) {
      this.#refusesReplacing = true
      return this.#isStored(file, bytes, options)
    }
    // The answer may be what was lost. (After another kind of failure the next try looks.)
    const wasLost = thrown instanceof BackendError && thrown.code === 'STORAGE_FAILED' && thrown.transient
    return (
      wasLost && !(thrown instanceof LyingStorage) && (await this.#isStored(file, bytes, options).catch(() => false))
    )
  }

  /** Sends a file again that is there: a service that keeps its word refuses; to others it changes nothing. */
  async #probe(file: FileRef, bytes: Uint8Array, options: CallOptions): Promise<boolean | undefined> {
    try {
      await this.#put(file, bytes, options)
      return false
    } catch (thrown) {
      options.signal?.throwIfAborted()
      return thrown instanceof Refused && thrown.refusal.status === 412 ? true : this.#refusesReplacing
    }
  }

  /** Two that make a repository at the same time, where nothing refuses the second: the one whose config is gone must know. */
  async #settle(file: FileRef, bytes: Uint8Array, options: CallOptions): Promise<void> {
    await this.#clock.sleep(this.#options.settleTime ?? 1000, { signal: options.signal })
    if (!(await this.#isStored(file, bytes, options))) throw this.#failure('a config that was stored is gone again')
  }

  /** True when the file is there with these bytes, false when it is absent. Throws `FILE_EXISTS` for other bytes. */
  async #isStored(file: FileRef, bytes: Uint8Array, { signal, progress, waited }: CallOptions): Promise<boolean> {
    const size = await this.size(file, { signal })
    if (size === undefined) return false
    const isSame = size === bytes.length && (await this.read(file, { signal, progress, waited })).equals(bytes)
    if (!isSame) throw new BackendError('FILE_EXISTS', this.#about(file))
    return true
  }

  /** Services have been seen that say "stored" and store nothing, or a part, or something else. */
  async #verifyStored(
    file: FileRef,
    bytes: Uint8Array,
    { tag, ...options }: CallOptions & { readonly tag: string },
  ): Promise<void> {
    const stored = await this.#head(file, options)
    const isWhole = stored?.size === bytes.length
    // Where the tag that we were given is the MD5 of what we sent, the tag of what is there must be the same.
    const isInDoubt = isWhole && stored.tag !== tag && tag === hash('md5', bytes, 'hex')
    if (isWhole && !(isInDoubt && !(await this.read(file, options)).equals(bytes))) return
    // Somebody else made a repository here in the same moment, and theirs is the config that counts.
    if (stored && file.type === 'config' && (await this.#isStored(file, bytes, options))) return
    // Its name promises a hash that it cannot have: out of the way of the next try.
    if (stored) await this.delete(file, options).catch(() => undefined)
    const held = isWhole ? 'other bytes' : `${stored?.size ?? 0} of its ${bytes.length} bytes`
    const reason = `it said that it stored the ${file.type}, but holds ${held}`
    throw new LyingStorage('STORAGE_FAILED', { location: this.location, reason, transient: true })
  }

  async #head(
    file: FileRef,
    { signal }: Cancellable,
  ): Promise<{ readonly size: number; readonly tag: string } | undefined> {
    const target = { Bucket: this.#place.bucket, Key: this.#key(file) }
    try {
      const { ContentLength, ETag } = await this.#connection.call((client, call) => client.headObject(target, call), {
        signal,
      })
      if (ContentLength === undefined) throw this.#failure('it does not tell the size of files')
      return { size: ContentLength, tag: plainTag(ETag) }
    } catch (thrown) {
      if (!(thrown instanceof Refused)) throw thrown
      if (thrown.refusal.status === 404) return undefined
      throw await explainHead(this.#connection, target, { refused: thrown, signal })
    }
  }

  async #get(file: FileRef, { range, signal, progress, waited }: ReadOptions): Promise<HttpResponse> {
    const target = { Bucket: this.#place.bucket, Key: this.#key(file) }
    const asked = range ? { Range: `bytes=${range.offset}-${range.offset + range.length - 1}` } : {}
    return this.#connection.call(
      async (client, call) => {
        const { Body, $metadata } = await client.getObject({ ...target, ...asked }, call)
        // What the client wraps is the body that our own HTTP gave it.
        return {
          status: $metadata.httpStatusCode ?? 0,
          headers: call.answer.headers,
          body: Body as HttpResponse['body'],
        }
      },
      { signal, progress, waited },
    )
  }

  async #readNothing(file: FileRef, { range, signal }: ReadOptions): Promise<Buffer> {
    const size = await this.size(file, { signal })
    if (size === undefined) throw new BackendError('FILE_NOT_FOUND', this.#about(file))
    if (range) checkRange(range, size, { file, location: this.location })
    return Buffer.allocUnsafeSlow(0)
  }

  async #fetchPage(prefix: string, from: string | undefined, options: CallOptions): Promise<Page> {
    const fetch = this.#options.listObjectsV1 ? fetchPageV1 : fetchPage
    try {
      return await this.#connection.call(
        (client, call) => fetch(client, { bucket: this.#place.bucket, prefix, from }, call),
        options,
      )
    } catch (thrown) {
      throw thrown instanceof Refused ? thrown.error : thrown
    }
  }

  /** The name of a file of this type that lies where it belongs. */
  #nameOf(type: Exclude<FileType, 'config'>, key: ListedObject['key']): string | undefined {
    const name = key.slice(key.lastIndexOf('/') + 1)
    return isValidName(type, name) && key === this.#key({ type, name }) ? name : undefined
  }

  async #createBucket({ signal }: Cancellable): Promise<void> {
    const { bucket, endpoint } = this.#place
    const { region } = this.#connection
    const where =
      region === 'us-east-1' ? {} : { CreateBucketConfiguration: { LocationConstraint: region as 'eu-west-1' } }
    try {
      await this.#connection.call((client, call) => client.createBucket({ Bucket: bucket, ...where }, call), { signal })
    } catch (thrown) {
      if (!(thrown instanceof Refused)) throw thrown
      if (thrown.refusal.code === 'BucketAlreadyOwnedByYou') return
      if (thrown.refusal.code === 'BucketAlreadyExists') {
        throw new BackendError('S3_BUCKET_TAKEN', { location: this.location, bucket, host: endpoint.host })
      }
      throw thrown.error
    }
  }

  #notice(): void {
    if (this.#hasNoticed) return
    this.#hasNoticed = true
    this.#options.onNotice?.(
      `The bucket ${this.#place.bucket} keeps old versions: what is deleted is hidden, but takes space until a rule of the bucket removes it.`,
    )
  }

  #storageClass({ type }: FileRef, { cacheable }: WriteOptions): string | undefined {
    const { storageClass } = this.#options
    const isContents = type === 'pack' && cacheable !== true
    return storageClass !== undefined && archives.has(storageClass) && !isContents ? undefined : storageClass
  }

  #key(file: FileRef): string {
    return this.#path(layoutPath(file))
  }

  #path(parts: readonly string[]): string {
    const { prefix } = this.#place
    return [...(prefix === '' ? [] : [prefix]), ...parts].join('/')
  }

  #about(file: FileRef) {
    return fileDetails(file, this.location)
  }

  #failure(reason: string): BackendError {
    return new BackendError('STORAGE_FAILED', { location: this.location, reason, transient: true })
  }
}

/** The service says that it has a file that it does not have: no use in looking again whether it arrived. */
class LyingStorage extends BackendError {}
