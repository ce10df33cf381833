import { randomFillSync } from 'node:crypto'
import { messageOf, throwIfBug } from '#base'
import type { BlobType } from './delivery.ts'
import { RepositoryError } from './errors.ts'
import { Scratch } from './scratch.ts'
import { randomIvs, sealOverhead } from './format/crypto.ts'
import type { MasterKey, Sealer } from './format/crypto.ts'
import { choosePrimitives } from './format/primitives.ts'
import type { Primitives } from './format/primitives.ts'
import { compressBound, compressionLevels, isHastyFrame } from './format/zstd.ts'
import type { CompressionMode } from './format/zstd.ts'

/** How blobs are stored in this repository by this run. */
export interface CodecSettings {
  readonly masterKey: MasterKey
  /** Version of the repository's format: 1 knows no compression. */
  readonly version: 1 | 2
  readonly compression: CompressionMode
}

export interface SealedLength {
  /** Sealed bytes. */
  readonly length: number
  /** `uncompressed_length`: 0 when the blob is stored as it is. */
  readonly plainLength: number
}

/** Where the ciphertext begins in sealed bytes. */
const sealIvLength = sealOverhead / 2

// `--compression off`: zstd at its lowest, at the speed of a copy, so that in version 2 every blob is a zstd frame.
// Otherwise there is no look ahead for what cannot be compressed: zstd finds out by itself at 6 GB/s.
const storeLevel = -50

/**
 * Turns blobs into sealed bytes and back, in one thread. Everything sealed is opened again and compared before it counts
 * (zstd libraries have corrupted data before: restic#4523), so a fault of memory, processor or library stores nothing.
 */
export class BlobCodec implements Disposable {
  readonly primitives: Primitives
  readonly #settings: CodecSettings
  readonly #sealer: Sealer
  readonly #nextIv = randomIvs((into) => randomFillSync(into))
  readonly #opened = new Scratch(64 << 10)
  readonly #plain = new Scratch(64 << 10)
  /** The body of the last blob that was opened, before it was decompressed. */
  #frame = Buffer.alloc(0)

  /** The primitives are the codec's from now on. */
  constructor(settings: CodecSettings, primitives: Primitives = choosePrimitives()) {
    this.#settings = settings
    this.primitives = primitives
    this.#sealer = primitives.createSealer(settings.masterKey)
  }

  /** Most bytes that a blob of `length` bytes takes once sealed. */
  sealedBound(length: number): number {
    return compressBound(length) + sealOverhead
  }

  /** Writes the blob, compressed and sealed, at `at` of `out`. Throws `BLOB_NOT_VERIFIED`. */
  seal(type: BlobType, plain: Uint8Array, out: Buffer, at: number): SealedLength {
    const compress = this.#settings.version === 2 && plain.length > 0
    const length = compress ? this.#sealCompressed(type, plain, out, at) : this.sealBytes(plain, out, at)
    const plainLength = compress ? plain.length : 0
    this.#verify(plain, out.subarray(at, at + length), plainLength)
    return { length, plainLength }
  }

  /** Seals bytes as they are. */
  sealBytes(plain: Uint8Array, out: Buffer, at: number): number {
    return this.#sealer.seal(plain, out, at, this.#nextIv())
  }

  /** Opens bytes that were sealed as they are. Throws `SEAL_BROKEN`. */
  openBytes(sealed: Uint8Array): Buffer {
    const out = Buffer.allocUnsafeSlow(Math.max(0, sealed.length - sealOverhead))
    this.#sealer.open(sealed, out, 0)
    return out
  }

  /**
   * Opens a blob; `plainLength` is its `uncompressed_length` (0: stored as it is). The result is good until the next
   * call. Throws `SEAL_BROKEN`, `COMPRESSION_BROKEN`. The hash is the caller's to check.
   */
  open(sealed: Uint8Array, plainLength: number): Buffer {
    const bodyLength = sealed.length - sealOverhead
    if (plainLength === 0) {
      const plain = this.#plain.take(Math.max(0, bodyLength))
      this.#sealer.open(sealed, plain, 0)
      return plain.subarray(0, Math.max(0, bodyLength))
    }
    const opened = this.#opened.take(Math.max(0, bodyLength))
    this.#sealer.open(sealed, opened, 0)
    this.#frame = opened.subarray(0, bodyLength)
    const plain = this.#plain.take(plainLength).subarray(0, plainLength)
    this.primitives.zstd.decompress(this.#frame, plain)
    return plain
  }

  /** The same, written at `at` of `out`, where there must be room; returns the number of bytes. */
  openInto(sealed: Uint8Array, plainLength: number, out: Buffer, at: number): number {
    const bodyLength = sealed.length - sealOverhead
    if (plainLength === 0) {
      this.#sealer.open(sealed, out, at)
      return Math.max(0, bodyLength)
    }
    const opened = this.#opened.take(Math.max(0, bodyLength))
    this.#sealer.open(sealed, opened, 0)
    this.primitives.zstd.decompress(opened.subarray(0, bodyLength), out.subarray(at, at + plainLength))
    return plainLength
  }

  /** The same as `open` for a compressed blob, with its zstd frame; both are good until the next call. */
  openFrame(sealed: Uint8Array, plainLength: number): { readonly plain: Buffer; readonly frame: Buffer } {
    const plain = this.open(sealed, plainLength)
    return { plain, frame: this.#frame }
  }

  /**
   * Whether this run need not compress anew what another one compressed to this frame: `auto` takes over what others took
   * pains with, but not what was hardly compressed at all.
   */
  keepsFrame(frame: Uint8Array): boolean {
    const { version, compression } = this.#settings
    return version === 2 && compression === 'auto' && !isHastyFrame(frame)
  }

  /** Seals a zstd frame whose content has been proven. Throws `BLOB_NOT_VERIFIED`. */
  sealFrame(frame: Uint8Array, out: Buffer, at: number): number {
    const length = this.sealBytes(frame, out, at)
    this.#verify(frame, out.subarray(at, at + length), 0)
    return length
  }

  [Symbol.dispose](): void {
    this.#sealer[Symbol.dispose]()
    this.primitives[Symbol.dispose]()
  }

  // Compressed straight to where its ciphertext will stand, and sealed in place.
  #sealCompressed(type: BlobType, plain: Uint8Array, out: Buffer, at: number): number {
    const body = at + sealIvLength
    const room = out.subarray(body, body + compressBound(plain.length))
    const length = this.primitives.zstd.compress(plain, room, this.#level(type))
    if (length === 0) throw new RepositoryError('BLOB_NOT_VERIFIED', { reason: 'the compressed bytes do not fit' })
    return this.sealBytes(out.subarray(body, body + length), out, at)
  }

  #level(type: BlobType): number {
    const { compression } = this.#settings
    return type === 'data' && compression === 'off' ? storeLevel : compressionLevels[compression]
  }

  #verify(plain: Uint8Array, sealed: Uint8Array, plainLength: number): void {
    let again: Buffer
    try {
      again = this.open(sealed, plainLength)
    } catch (cause) {
      throwIfBug(cause)
      throw new RepositoryError('BLOB_NOT_VERIFIED', { reason: messageOf(cause), cause })
    }
    if (!again.equals(plain)) throw new RepositoryError('BLOB_NOT_VERIFIED', { reason: 'the bytes differ' })
  }
}
