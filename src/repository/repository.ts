import { randomBytes, createHash } from 'node:crypto'
import { hasCode, messageOf, throwIfBug } from '#base'
import type { Cancellable } from '#base'
import type { Backend, FileType } from '#backend'
import { BlobCodec } from './blob-codec.ts'
import type { CodecSettings } from './blob-codec.ts'
import type { BlobIndex } from './blob-index.ts'
import { RepositoryError } from './errors.ts'
import { decodeConfig, encodeConfig } from './format/config.ts'
import type { Config } from './format/config.ts'
import { sealOverhead } from './format/crypto.ts'
import { checkPolynomial, randomPolynomial } from './format/polynomial.ts'
import { encodeUnpacked } from './format/unpacked.ts'
import type { CompressionMode } from './format/zstd.ts'
import { addKey, createMasterKey, openKey } from './keys.ts'
import type { KeyOwner, OpenedKey } from './keys.ts'
import { createMarkedId } from './repository-id.ts'
import { freeLarge } from './scratch.ts'
import { allowsPlainFiles, damagedFile, openSealedFile } from './sealed-file.ts'
import type { SealedFileType } from './sealed-file.ts'

/** A repository whose key has been opened. Blobs can be had once its index is loaded (`loadIndex`). */
export interface Repository extends Disposable {
  readonly backend: Backend
  readonly config: Config
  /** Name of the key that opened it. */
  readonly keyName: string
  readonly settings: CodecSettings
  readonly codec: BlobCodec
  readonly polynomial: bigint
  /** Loads an unpacked file: its JSON. Throws `FILE_DAMAGED`. */
  loadFile(type: SealedFileType, name: string, options?: Cancellable): Promise<Buffer>
  /** Saves JSON as an unpacked file and returns its name. */
  saveFile(type: SealedFileType, json: Uint8Array, options?: Cancellable): Promise<string>
}

/** A repository whose index is in memory. */
export interface IndexedRepository extends Repository {
  readonly index: BlobIndex
  /** Names of the index files that were loaded. */
  readonly indexFiles: ReadonlySet<string>
}

export interface OpenOptions extends Cancellable {
  readonly password: string
  readonly keyHint?: string | undefined
  readonly compression?: CompressionMode | undefined
  /** Puts something around the storage that needs to know which repository it is: a cache. */
  readonly wrap?: (backend: Backend, config: Config) => Promise<Backend>
}

const configFile = { type: 'config', name: '' } as const

/** Throws `REPOSITORY_NOT_FOUND`, `PASSWORD_WRONG`, `KEY_DAMAGED`, `FILE_DAMAGED`. */
export async function openRepository(backend: Backend, options: OpenOptions): Promise<Repository> {
  const { password, keyHint, compression = 'auto', signal } = options
  const key = await openKey(backend, password, { keyHint, signal })
  const config = await loadConfig(backend, key, { signal })
  const wrapped = options.wrap ? await options.wrap(backend, config) : backend
  return new OpenRepository(wrapped, config, key, compression)
}

export interface InitOptions extends OpenOptions {
  readonly version?: 1 | 2
  /** Polynomial of another repository, so that the same content gives the same blobs. Default: a random one. */
  readonly polynomial?: bigint | undefined
  readonly owner?: KeyOwner
}

/**
 * Makes a repository: key first, config last. An init that was killed in between leaves keys without a config, which is
 * clearly not a repository; two at once cannot both write the config.
 * Throws `REPOSITORY_EXISTS`.
 */
export async function initRepository(backend: Backend, options: InitOptions): Promise<Repository> {
  const { signal, version = 2, compression = 'auto' } = options
  if (options.polynomial !== undefined) checkPolynomial(options.polynomial)
  await prepareStorage(backend, { signal })
  const masterKey = createMasterKey()
  const config = {
    version,
    id: version === 1 ? randomBytes(32).toString('hex') : createMarkedId(randomBytes(24)),
    chunkerPolynomial: options.polynomial ?? randomPolynomial(randomBytes),
  }
  const name = await addKey(backend, masterKey, options.password, { ...options.owner, signal })
  const key = { name, masterKey }
  try {
    await saveConfig(backend, config, key, { signal })
  } catch (thrown) {
    await deleteUnlessUsed(backend, name, thrown).catch(() => undefined)
    if (hasCode(thrown, 'FILE_EXISTS')) throw new RepositoryError('REPOSITORY_EXISTS', { location: backend.location })
    throw thrown
  }
  return new OpenRepository(backend, config, key, compression)
}

/** The storage is made ready in between: nothing can be listed in a bucket that is not there. */
async function prepareStorage(backend: Backend, options: Cancellable): Promise<void> {
  const { location } = backend
  if ((await backend.size(configFile, options)) !== undefined)
    throw new RepositoryError('REPOSITORY_EXISTS', { location })
  await backend.create(options)
  for await (const _ of backend.list('key', options)) throw new RepositoryError('REPOSITORY_INCOMPLETE', { location })
}

// A config whose reply was lost may be there, and only this key opens it.
async function deleteUnlessUsed(backend: Backend, key: string, thrown: unknown): Promise<void> {
  const isOfAnother = hasCode(thrown, 'FILE_EXISTS')
  if (isOfAnother || (await backend.size(configFile)) === undefined) await backend.delete({ type: 'key', name: key })
}

async function loadConfig(backend: Backend, { masterKey }: OpenedKey, options: Cancellable): Promise<Config> {
  using codec = new BlobCodec({ masterKey, version: 2, compression: 'auto' })
  try {
    return await readTwice(
      () => backend.read(configFile, options),
      (sealed) => decodeOrDamaged('config', '', () => decodeConfig(codec.openBytes(sealed))),
    )
  } catch (thrown) {
    if (!hasCode(thrown, 'FILE_NOT_FOUND')) throw thrown
    throw new RepositoryError('REPOSITORY_INCOMPLETE', { location: backend.location, cause: thrown })
  }
}

async function saveConfig(
  backend: Backend,
  config: Config,
  { masterKey }: OpenedKey,
  options: Cancellable,
): Promise<void> {
  using codec = new BlobCodec({ masterKey, version: 2, compression: 'auto' })
  await backend.write(configFile, seal(codec, encodeConfig(config)), options)
}

class OpenRepository implements Repository {
  readonly backend: Backend
  readonly config: Config
  readonly keyName: string
  readonly settings: CodecSettings
  readonly codec: BlobCodec

  constructor(backend: Backend, config: Config, { name, masterKey }: OpenedKey, compression: CompressionMode) {
    this.backend = backend
    this.config = config
    this.keyName = name
    this.settings = { masterKey, version: config.version, compression }
    this.codec = new BlobCodec(this.settings)
  }

  get polynomial(): bigint {
    return this.config.chunkerPolynomial
  }

  async loadFile(type: SealedFileType, name: string, options: Cancellable = {}): Promise<Buffer> {
    return await readTwice(
      () => this.backend.read({ type, name }, options),
      (sealed) => decodeOrDamaged(type, name, () => this.#decode(type, name, sealed)),
    )
  }

  async saveFile(type: SealedFileType, json: Uint8Array, options: Cancellable = {}): Promise<string> {
    const plain = this.config.version === 1 ? json : encodeUnpacked(json, this.codec.primitives.zstd)
    const sealed = seal(this.codec, plain)
    if (plain !== json) freeLarge(plain)
    const name = createHash('sha256').update(sealed).digest('hex')
    this.#verify(type, name, sealed, json)
    await this.backend.write({ type, name }, sealed, options)
    return name
  }

  [Symbol.dispose](): void {
    this.codec[Symbol.dispose]()
  }

  // As with blobs: what was just sealed must open to the same bytes before it counts.
  #verify(type: SealedFileType, name: string, sealed: Buffer, json: Uint8Array): void {
    let again: Buffer
    try {
      again = this.#decode(type, name, sealed)
    } catch (cause) {
      throwIfBug(cause)
      throw new RepositoryError('BLOB_NOT_VERIFIED', { reason: messageOf(cause), cause })
    }
    if (!again.equals(json)) throw new RepositoryError('BLOB_NOT_VERIFIED', { reason: 'the bytes differ' })
    freeLarge(again)
  }

  #decode(type: SealedFileType, name: string, sealed: Buffer): Buffer {
    const opener = { codec: this.codec, plainAllowed: allowsPlainFiles(this.config) }
    return openSealedFile(opener, { type, name }, sealed)
  }
}

function seal(codec: BlobCodec, plain: Uint8Array): Buffer {
  const sealed = Buffer.allocUnsafeSlow(plain.length + sealOverhead)
  codec.sealBytes(plain, sealed, 0)
  return sealed
}

// Read once more when it does not open: a flaky line or disk must not look like damage.
async function readTwice<Value>(read: () => Promise<Buffer>, decode: (bytes: Buffer) => Value): Promise<Value> {
  const first = await read()
  try {
    return decode(first)
  } catch (thrown) {
    throwIfBug(thrown)
    return decode(await read())
  }
}

function decodeOrDamaged<Value>(type: FileType, name: string, decode: () => Value): Value {
  try {
    return decode()
  } catch (cause) {
    throwIfBug(cause)
    throw hasCode(cause, 'FILE_DAMAGED') ? cause : damagedFile(type, name, messageOf(cause), cause)
  }
}
