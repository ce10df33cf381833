import type { BlobIndex } from './blob-index.ts'
import type { BlobType } from './delivery.ts'
import { RepositoryError } from './errors.ts'
import type { BlobCodec } from './blob-codec.ts'
import { encodePackHeader, packHeaderLength } from './format/pack-header.ts'
import type { PackBlobs } from './format/pack-header.ts'

/** What lies in a pack that we build, and which entries of the index it settles. */
export interface PackedBlobs extends PackBlobs {
  /** Entry of each blob in the index. */
  readonly entries: Uint32Array
}

/** A whole pack, ready to be written. */
export interface SealedPack {
  /** SHA-256 of `bytes`: the pack's name, raw. */
  readonly name: Buffer
  readonly bytes: Buffer
  readonly blobs: PackedBlobs
}

/** Memory that packs are built in. */
export interface PackBuffers {
  /** A buffer of at least `bytes`. */
  take(bytes: number): Buffer
}

/** Bytes of blobs after which a pack is complete (restic's default; it allows 4 to 128 MiB). */
export const defaultPackSize = 16 << 20
/** Largest chunk, sealed, in the worst case of zstd. Tree blobs may be larger: they get a buffer of their own size. */
const largestChunk = (8 << 20) + (64 << 10)
/** More blobs than this make a header that is costly to read for every user of the pack; restic's limit is 409,199. */
export const mostBlobsPerPack = 16_384

/** Bytes that a buffer for packs of `packSize` needs when no blob is larger than a chunk. */
export function packBufferSize(packSize: number): number {
  return packSize + largestChunk + packHeaderLength(mostBlobsPerPack)
}

export interface PackerOptions {
  readonly codec: BlobCodec
  readonly index: BlobIndex
  readonly buffers: PackBuffers
  readonly packSize: number
  /** Receives every complete pack. */
  readonly emit: (pack: SealedPack) => void
}

export interface SavedBlob {
  readonly known: boolean
  /** Bytes that the blob takes in its pack; 0 when it was known. */
  readonly stored: number
}

/**
 * Puts blobs that the index does not know into packs, in one thread: trees, and what prune repacks. Data and tree blobs
 * must not share a pack: one packer for each.
 */
export class Packer {
  readonly #options: PackerOptions
  #open: OpenPack | undefined

  constructor(options: PackerOptions) {
    this.#options = options
  }

  /** Saves a blob whose id stands in `ids` at `at`, unless the index knows it. */
  save(type: BlobType, plain: Uint8Array, ids: Uint8Array, at: number): SavedBlob {
    const { index } = this.#options
    const { entry, known } = index.claim(type, ids, at)
    if (known) return { known, stored: 0 }
    const pack = this.#packFor(plain.length)
    const stored = pack.append(type, plain, ids, at, entry)
    if (pack.isComplete) this.#emit(pack)
    return { known, stored }
  }

  /** Adds a blob that is sealed already, as it lies in another pack: for repacking. */
  append(blob: SealedBlob): void {
    const pack = this.#packFor(blob.sealed.length)
    pack.appendSealed(blob)
    if (pack.isComplete) this.#emit(pack)
  }

  /** Emits the open pack, complete or not. */
  flush(): void {
    if (this.#open) this.#emit(this.#open)
  }

  #packFor(bytes: number): OpenPack {
    if (this.#open && !this.#open.hasRoomFor(bytes)) this.#emit(this.#open)
    this.#open ??= new OpenPack(this.#options, bytes)
    return this.#open
  }

  #emit(pack: OpenPack): void {
    this.#open = undefined
    this.#options.emit(pack.seal())
  }
}

export interface SealedBlob {
  readonly type: BlobType
  readonly id: Uint8Array
  readonly sealed: Uint8Array
  /** `uncompressed_length`; 0 when not compressed. */
  readonly plainLength: number
  /** The blob's entry in the index. */
  readonly entry: number
}

class OpenPack {
  readonly #buffer: Buffer
  readonly #codec: BlobCodec
  readonly #packSize: number
  #length = 0
  #count = 0
  #room = 64
  #ids = new Uint8Array(this.#room * 32)
  #types = new Uint8Array(this.#room)
  #offsets = new Uint32Array(this.#room)
  #lengths = new Uint32Array(this.#room)
  #plainLengths = new Uint32Array(this.#room)
  #entries = new Uint32Array(this.#room)

  constructor({ buffers, codec, packSize }: PackerOptions, firstBlob: number) {
    this.#buffer = buffers.take(Math.max(packBufferSize(packSize), worstSealed(firstBlob) + packHeaderLength(1)))
    this.#codec = codec
    this.#packSize = packSize
  }

  get isComplete(): boolean {
    return this.#length >= this.#packSize || this.#count >= mostBlobsPerPack
  }

  get blobs(): PackedBlobs {
    const count = this.#count
    return {
      count,
      ids: this.#ids.slice(0, count * 32),
      types: this.#types.slice(0, count),
      offsets: this.#offsets.slice(0, count),
      lengths: this.#lengths.slice(0, count),
      plainLengths: this.#plainLengths.slice(0, count),
      entries: this.#entries.slice(0, count),
    }
  }

  /** An empty pack takes any blob that fits its buffer; a pack that holds something only what keeps room for its header. */
  hasRoomFor(bytes: number): boolean {
    return this.#length + worstSealed(bytes) + packHeaderLength(this.#count + 1) <= this.#buffer.length
  }

  append(type: BlobType, plain: Uint8Array, ids: Uint8Array, at: number, entry: number): number {
    if (!this.hasRoomFor(plain.length)) throw new RepositoryError('BLOB_TOO_LARGE', { bytes: plain.length })
    const { length, plainLength } = this.#codec.seal(type, plain, this.#buffer, this.#length)
    this.#note(type, ids, at, length, plainLength, entry)
    return length
  }

  appendSealed({ type, id, sealed, plainLength, entry }: SealedBlob): void {
    if (!this.hasRoomFor(sealed.length)) throw new RepositoryError('BLOB_TOO_LARGE', { bytes: sealed.length })
    this.#buffer.set(sealed, this.#length)
    this.#note(type, id, 0, sealed.length, plainLength, entry)
  }

  seal(): SealedPack {
    return sealPack(this.#codec, this.#buffer, this.#length, this.blobs)
  }

  #note(type: BlobType, ids: Uint8Array, at: number, length: number, plainLength: number, entry: number): void {
    if (this.#count === this.#room) this.#grow()
    const i = this.#count++
    this.#ids.set(ids.subarray(at, at + 32), i * 32)
    this.#types[i] = type === 'tree' ? 1 : 0
    this.#offsets[i] = this.#length
    this.#lengths[i] = length
    this.#plainLengths[i] = plainLength
    this.#entries[i] = entry
    this.#length += length
  }

  #grow(): void {
    this.#room *= 2
    this.#ids = grown(this.#ids, new Uint8Array(this.#room * 32))
    this.#types = grown(this.#types, new Uint8Array(this.#room))
    this.#offsets = grown(this.#offsets, new Uint32Array(this.#room))
    this.#lengths = grown(this.#lengths, new Uint32Array(this.#room))
    this.#plainLengths = grown(this.#plainLengths, new Uint32Array(this.#room))
    this.#entries = grown(this.#entries, new Uint32Array(this.#room))
  }
}

/**
 * Ends a pack whose blobs lie in the first `length` bytes of `buffer` with its header:
 * `blobs ‖ sealed header ‖ uint32le length of the sealed header`.
 */
export function sealPack(codec: BlobCodec, buffer: Buffer, length: number, blobs: PackedBlobs): SealedPack {
  const sealed = codec.sealBytes(encodePackHeader(blobs), buffer, length)
  const end = length + sealed
  buffer.writeUInt32LE(sealed, end)
  const bytes = buffer.subarray(0, end + 4)
  const name = Buffer.allocUnsafeSlow(32)
  codec.primitives.hasher.sha256(bytes, name, 0)
  return { name, bytes, blobs }
}

/** Most bytes that `bytes` can take once compressed and sealed. */
function worstSealed(bytes: number): number {
  return bytes + (bytes >> 7) + 1024
}

function grown<Column extends Uint8Array | Uint32Array>(from: Column, to: Column): Column {
  to.set(from)
  return to
}
