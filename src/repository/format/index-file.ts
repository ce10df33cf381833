import { FormatError } from './errors.ts'
import { GoJsonWriter } from './go-json.ts'
import { idDigits, idFromHex, idLength, isFileName, readHexId } from './ids.ts'
import { JsonReader } from './json-reader.ts'
import type { BlobTypeNumber, PackBlobs } from './pack-header.ts'
import { blobTypes } from './pack-header.ts'

/**
 * An index file: which blobs lie where in which packs (restic: internal/repository/index/index.go). A repository of some
 * size has millions of entries, so they are read without making an object, or a string, of any of them.
 */

/**
 * Receives what an index file holds, in its order. Ids are not arguments: they are written into `packId` and `blobId`
 * before each call, and overwritten before the next.
 */
export interface IndexVisitor {
  /** 32 bytes: the pack that `pack`, `blob` and the other calls are about. */
  readonly packId: Uint8Array
  /** 32 bytes: the blob that `blob` and `blobToDelete` are about. */
  readonly blobId: Uint8Array
  /** A pack begins; its blobs follow. */
  pack(): void
  /** `length` is sealed bytes, `plainLength` bytes before compression, 0 when the blob is not compressed. */
  blob(type: BlobTypeNumber, offset: number, length: number, plainLength: number): void
  /** rustic's packs that wait to be deleted: their blobs must not be used. Left out by restic, which sees no such packs. */
  packToDelete?(about: MarkedPack): void
  blobToDelete?(type: BlobTypeNumber, offset: number, length: number, plainLength: number): void
}

/** What rustic notes of a pack that waits to be deleted. */
export interface MarkedPack {
  /** When it was marked, RFC 3339. */
  readonly time?: string | undefined
  /** Bytes of the pack. */
  readonly size?: number | undefined
}

/** Reads the JSON of an index file. Throws JSON_INVALID or FIELD_INVALID; `visitor` may have been called before. */
export function parseIndexFile(bytes: Uint8Array, visitor: IndexVisitor): void {
  new IndexParser(bytes, visitor).parse()
}

const quote = 0x22
const closeBrace = 0x7d
const largestUint32 = 0xffff_ffff

/** A sealed blob is never shorter: its IV and tag alone. */
const shortestBlob = 32

/** How restic writes an entry, piece by piece; what looks different is read as JSON in general. */
const blobHead = Buffer.from('{"id":"')
const blobType = Buffer.from('","type":"')
const dataType = Buffer.from('data","offset":')
const treeType = Buffer.from('tree","offset":')
const blobLength = Buffer.from(',"length":')
const blobPlainLength = Buffer.from(',"uncompressed_length":')

class IndexParser {
  readonly #reader: JsonReader
  readonly #visitor: IndexVisitor
  /** Position and value of the number that `#number` has read. */
  #at = 0
  #value = 0

  constructor(bytes: Uint8Array, visitor: IndexVisitor) {
    this.#reader = new JsonReader(bytes, 'index')
    this.#visitor = visitor
  }

  parse(): void {
    const reader = this.#reader
    let hasPacks = false
    reader.readObject((key) => {
      hasPacks ||= key === 'packs' || key === 'packs_to_delete'
      if (key === 'packs') this.#readPacks(false)
      else if (key === 'packs_to_delete') this.#readPacks(true)
      else reader.skipValue() // among them `supersedes`, of older versions of restic
    })
    reader.finish()
    // A file of another kind under an index's name must not pass for an index that is empty.
    if (!hasPacks) throw this.#invalid('packs', 'is missing')
  }

  #readPacks(isMarked: boolean): void {
    if (this.#reader.takeNull()) return
    this.#reader.readArray(() => this.#readPack(isMarked))
  }

  /** Blobs are read at once if the pack is known by then; else they are come back to. */
  #readPack(isMarked: boolean): void {
    const reader = this.#reader
    let hasId = false
    let blobsAt = -1
    let time: string | undefined
    let size: number | undefined
    reader.readObject((key) => {
      if (key === 'id') {
        this.#readId('id', this.#visitor.packId)
        hasId = true
        if (!isMarked) this.#visitor.pack()
      } else if (reader.takeNull()) return
      else if (key === 'blobs' && hasId && !isMarked) this.#readBlobs(false)
      else if (key === 'blobs') blobsAt = reader.skipValue()
      else if (key === 'time' && isMarked) time = reader.readString()
      else if (key === 'size' && isMarked) size = reader.readUnsigned(Number.MAX_SAFE_INTEGER)
      else reader.skipValue()
    })
    if (!hasId) throw this.#invalid('id', 'of a pack is missing')
    if (isMarked) this.#visitor.packToDelete?.({ time, size })
    if (blobsAt >= 0) this.#readBlobsAt(blobsAt, isMarked)
  }

  #readBlobsAt(position: number, isMarked: boolean): void {
    const reader = this.#reader
    const after = reader.position
    reader.position = position
    this.#readBlobs(isMarked)
    reader.position = after
  }

  #readBlobs(isMarked: boolean): void {
    this.#reader.readArray(() => {
      if (!this.#readUsualBlob(isMarked)) this.#readOddBlob(isMarked)
    })
  }

  /** Reads a blob that is spelt as restic spells it; false, with nothing taken, for any other. */
  #readUsualBlob(isMarked: boolean): boolean {
    const { bytes, position } = this.#reader
    if (!matches(bytes, position, blobHead)) return false
    const idAt = position + blobHead.length
    const typeAt = idAt + idDigits + blobType.length
    if (!readHexId(bytes, idAt, this.#visitor.blobId) || !matches(bytes, idAt + idDigits, blobType)) return false
    const isTree = matches(bytes, typeAt, treeType)
    if (!isTree && !matches(bytes, typeAt, dataType)) return false
    if (!this.#number(typeAt + dataType.length)) return false
    const offset = this.#value
    if (!matches(bytes, this.#at, blobLength) || !this.#number(this.#at + blobLength.length)) return false
    const length = this.#value
    let plainLength = 0
    if (bytes[this.#at] !== closeBrace) {
      if (!matches(bytes, this.#at, blobPlainLength)) return false
      if (!this.#number(this.#at + blobPlainLength.length)) return false
      plainLength = this.#value
    }
    if (bytes[this.#at] !== closeBrace) return false
    this.#reader.position = this.#at + 1
    this.#emit(isMarked, isTree ? blobTypes.tree : blobTypes.data, offset, length, plainLength)
    return true
  }

  /** Digits at `at`, of a number that needs no more care: it has at most ten, and does not start with 0. */
  #number(at: number): boolean {
    const { bytes } = this.#reader
    const start = at
    let value = 0
    for (; ; at++) {
      const digit = (bytes[at] ?? 0) - 0x30
      if (!(digit >= 0 && digit <= 9)) break
      value = value * 10 + digit
    }
    const digits = at - start
    this.#at = at
    this.#value = value
    return digits === 1 || (digits > 1 && digits <= 10 && bytes[start] !== 0x30)
  }

  #readOddBlob(isMarked: boolean): void {
    const reader = this.#reader
    const seen = { id: false, offset: -1, length: -1, plainLength: 0, type: '' }
    reader.readObject((key) => {
      if (key === 'id') {
        this.#readId('id', this.#visitor.blobId)
        seen.id = true
      } else if (reader.takeNull()) return
      else if (key === 'type') seen.type = reader.readString()
      else if (key === 'offset') seen.offset = reader.readUnsigned(largestUint32)
      else if (key === 'length') seen.length = reader.readUnsigned(largestUint32)
      else if (key === 'uncompressed_length') seen.plainLength = reader.readUnsigned(largestUint32)
      else reader.skipValue()
    })
    if (!seen.id) throw this.#invalid('id', 'of a blob is missing')
    if (seen.type !== 'data' && seen.type !== 'tree') throw this.#invalid('type', `of a blob is "${seen.type}"`)
    if (seen.offset < 0 || seen.length < 0)
      throw this.#invalid(seen.offset < 0 ? 'offset' : 'length', 'of a blob is missing')
    this.#emit(isMarked, blobTypes[seen.type], seen.offset, seen.length, seen.plainLength)
  }

  #emit(isMarked: boolean, type: BlobTypeNumber, offset: number, length: number, plainLength: number): void {
    if (length < shortestBlob) throw this.#invalid('length', `of a blob is ${length}, less than its seal`)
    if (offset + length > largestUint32) throw this.#invalid('offset', 'of a blob is beyond 4 GiB')
    if (plainLength > largestUint32) throw this.#invalid('uncompressed_length', 'of a blob is beyond 4 GiB')
    if (isMarked) this.#visitor.blobToDelete?.(type, offset, length, plainLength)
    else this.#visitor.blob(type, offset, length, plainLength)
  }

  #readId(name: string, into: Uint8Array): void {
    const reader = this.#reader
    const { bytes } = reader
    const at = reader.position + 1
    if (bytes[at - 1] === quote && bytes[at + idDigits] === quote && readHexId(bytes, at, into)) {
      reader.position = at + idDigits + 1
      return
    }
    const text = reader.readString()
    if (!isFileName(text)) throw this.#invalid(name, 'is no id')
    into.set(idFromHex(text))
  }

  #invalid(field: string, reason: string): FormatError {
    return new FormatError('FIELD_INVALID', { what: 'index', field, reason })
  }
}

function matches(bytes: Uint8Array, at: number, literal: Uint8Array): boolean {
  for (let i = 0; i < literal.length; i++) if (bytes[at + i] !== literal[i]) return false
  return true
}

/** A pack and what lies in it, for an index file. All blobs of a pack must be in one index file. */
export interface IndexedPack {
  /** 32 bytes. */
  readonly id: Uint8Array
  readonly blobs: PackBlobs
}

export interface IndexContents {
  readonly packs: readonly IndexedPack[]
  /** rustic's packs that wait to be deleted, kept when an index is written anew; restic would not see them. */
  readonly packsToDelete?: readonly (IndexedPack & MarkedPack)[]
}

/** Bytes that a blob's entry takes at most; the estimate of what to make room for. */
const entryEstimate = 176
const packEstimate = 128

/** The JSON of an index file, as restic writes it. */
export function encodeIndexFile({ packs, packsToDelete = [] }: IndexContents): Buffer {
  const all = [...packs, ...packsToDelete]
  const blobs = all.reduce((sum, pack) => sum + pack.blobs.count, 0)
  const writer = new GoJsonWriter(64 + all.length * packEstimate + blobs * entryEstimate)
  writer.ascii('{"packs":[')
  packs.forEach((pack, i) => {
    encodePack(writer.ascii(i > 0 ? ',' : ''), pack)
    writer.ascii('}')
  })
  writer.ascii(']')
  if (packsToDelete.length > 0) encodeMarkedPacks(writer, packsToDelete)
  return writer.ascii('}\n').finish()
}

function encodeMarkedPacks(writer: GoJsonWriter, packs: readonly (IndexedPack & MarkedPack)[]): void {
  writer.ascii(',"packs_to_delete":[')
  packs.forEach((pack, i) => {
    encodePack(writer.ascii(i > 0 ? ',' : ''), pack)
    if (pack.time !== undefined) writer.ascii(',"time":').string(pack.time)
    if (pack.size !== undefined) writer.ascii(`,"size":${pack.size}`)
    writer.ascii('}')
  })
  writer.ascii(']')
}

/** A pack without its closing brace. */
function encodePack(writer: GoJsonWriter, { id, blobs }: IndexedPack): void {
  writer.ascii('{"id":').id(id).ascii(',"blobs":[')
  for (let i = 0; i < blobs.count; i++) {
    writer.ascii(i > 0 ? ',{"id":' : '{"id":').id(blobs.ids, i * idLength)
    writer.ascii(blobs.types[i] === blobTypes.tree ? ',"type":"tree","offset":' : ',"type":"data","offset":')
    writer.ascii(String(blobs.offsets[i])).ascii(',"length":').ascii(String(blobs.lengths[i]))
    const plainLength = blobs.plainLengths[i] as number
    if (plainLength > 0) writer.ascii(',"uncompressed_length":').ascii(String(plainLength))
    writer.ascii('}')
  }
  writer.ascii(']')
}
