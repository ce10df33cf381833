import { randomBytes } from 'node:crypto'
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { zstdCompressSync, zstdDecompressSync, constants as zlib } from 'node:zlib'
import { throwIfBug } from '#base'
import type { IndexFiles } from './index-files.ts'
import { BlockSealer, fileIdLength, tagLength } from './seal.ts'

/**
 * A sealed file: a head of 32 bytes (`USTYFIND`, version, kind, id) and blocks of at most 1 MiB, compressed and then sealed one
 * by one, so that any amount is written and read with the memory of one block. In front of each: its sealed length, and in the
 * highest bit whether it is compressed.
 */

/** Of the whole index. Another version is never read: an index is made anew from the repository in minutes. */
const formatVersion = 1

export type FileKind = 'manifest' | 'segment'

const kinds: Readonly<Record<FileKind, number>> = { manifest: 1, segment: 2 }
const magic = Buffer.from('USTYFIND')
const headLength = 32
const blockSize = 1 << 20
const compressedBit = 0x8000_0000

/** Why a sealed file cannot be read. */
export class SealedFileProblem extends Error {
  readonly version: number | undefined
  constructor(message: string, version?: number) {
    super(message)
    this.version = version
  }
}

export interface WrittenFile {
  /** Hexadecimal. */
  readonly id: string
  readonly size: number
}

export interface SealedFileOptions {
  /** Of the repository. */
  readonly key: Uint8Array
  readonly kind: FileKind
}

/** Writes a file durably; its name is made durable by the caller. Until it is named in a manifest, it counts for nothing. */
export function writeSealedFile(
  files: IndexFiles,
  pathOf: (id: string) => string,
  { key, kind, parts }: SealedFileOptions & { readonly parts: Iterable<Uint8Array> },
): WrittenFile {
  const fileId = randomBytes(fileIdLength)
  const id = fileId.toString('hex')
  const path = pathOf(id)
  const file = files.create(path)
  try {
    return { id, size: writeParts(files, file, { key, kind, fileId, parts }) }
  } catch (thrown) {
    try {
      files.remove(path) // a disk that is full must not be filled with attempts
    } catch (cause) {
      throwIfBug(cause)
    }
    throw thrown
  }
}

function writeParts(
  files: IndexFiles,
  file: number,
  { parts, ...options }: SealedFileOptions & { readonly fileId: Buffer; readonly parts: Iterable<Uint8Array> },
): number {
  try {
    const writer = new SealedWriter(files, file, options)
    for (const part of parts) writer.add(part)
    writer.finish()
    files.sync(file)
    return writer.size
  } finally {
    files.close(file)
  }
}

class SealedWriter {
  size: number
  readonly #files: IndexFiles
  readonly #file: number
  readonly #sealer: BlockSealer
  readonly #block = Buffer.alloc(blockSize)
  #filled = 0
  #number = 0

  constructor(files: IndexFiles, file: number, { key, kind, fileId }: SealedFileOptions & { readonly fileId: Buffer }) {
    this.#files = files
    this.#file = file
    const head = formatHead(kind, fileId)
    this.#sealer = new BlockSealer(key, head, fileId)
    files.write(file, head)
    this.size = head.length
  }

  add(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      // A full block waits for what comes: only then it is known not to be the last.
      if (this.#filled === blockSize) this.#writeBlock(false)
      const part = bytes.subarray(at, at + blockSize - this.#filled)
      this.#block.set(part, this.#filled)
      this.#filled += part.length
      at += part.length
    }
  }

  finish(): void {
    this.#writeBlock(true)
  }

  #writeBlock(isLast: boolean): void {
    const plain = this.#block.subarray(0, this.#filled)
    const compressed = zstdCompressSync(plain, { params: { [zlib.ZSTD_c_compressionLevel]: 1 } })
    const isCompressed = compressed.length < plain.length
    const place = { number: this.#number++, isLast, isCompressed }
    const sealed = this.#sealer.seal(isCompressed ? compressed : plain, place)
    const length = Buffer.alloc(4)
    length.writeUInt32LE((sealed.length | (isCompressed ? compressedBit : 0)) >>> 0)
    this.#files.write(this.#file, length)
    this.#files.write(this.#file, sealed)
    this.size += 4 + sealed.length
    this.#filled = 0
  }
}

/** Reads a sealed file from the beginning to where the reader wants to stop. Every method throws `SealedFileProblem`. */
export class SealedReader implements Disposable {
  /** Hexadecimal. */
  readonly id: string
  readonly size: number
  readonly #file: number
  readonly #sealer: BlockSealer
  #position = headLength
  #number = 0
  #block: Buffer = Buffer.alloc(0)
  #taken = 0

  /** Throws the system's error when the file cannot be opened: `ENOENT`. */
  constructor(path: string, { key, kind }: SealedFileOptions) {
    this.#file = openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0))
    try {
      this.size = fstatSync(this.#file).size
      const head = this.#readBytes(0, headLength)
      const fileId = parseHead(head, kind)
      this.id = fileId.toString('hex')
      this.#sealer = new BlockSealer(key, head, fileId)
    } catch (thrown) {
      closeSync(this.#file)
      throw thrown
    }
  }

  /** Fills `into`. */
  read(into: Uint8Array): void {
    for (let at = 0; at < into.length;) {
      if (this.#taken === this.#block.length) this.#nextBlock()
      const part = this.#block.subarray(this.#taken, this.#taken + into.length - at)
      into.set(part, at)
      at += part.length
      this.#taken += part.length
    }
  }

  /** What is left, for small files. */
  readRest(): Buffer {
    const parts = [this.#block.subarray(this.#taken)]
    while (this.#position < this.size) {
      this.#nextBlock()
      parts.push(this.#block)
    }
    return Buffer.concat(parts)
  }

  /** Opens what is left, only to see that it is what was written. */
  check(): void {
    while (this.#position < this.size) this.#openBlock()
  }

  [Symbol.dispose](): void {
    closeSync(this.#file)
  }

  #nextBlock(): void {
    const { plain, isCompressed } = this.#openBlock()
    this.#block = isCompressed ? zstdDecompressSync(plain, { maxOutputLength: blockSize }) : plain
    this.#taken = 0
  }

  #openBlock(): { readonly plain: Buffer; readonly isCompressed: boolean } {
    const word = this.#readBytes(this.#position, 4).readUInt32LE()
    const isCompressed = word >= compressedBit
    const length = isCompressed ? word - compressedBit : word
    if (length > blockSize + tagLength) throw new SealedFileProblem('a block is too long')
    const sealed = this.#readBytes(this.#position + 4, length)
    this.#position += 4 + length
    const place = { number: this.#number++, isLast: this.#position >= this.size, isCompressed }
    const plain = this.#sealer.open(sealed, place)
    if (!plain) throw new SealedFileProblem('a block is not what was written there')
    return { plain, isCompressed }
  }

  #readBytes(position: number, length: number): Buffer {
    if (position + length > this.size) throw new SealedFileProblem('it is cut off')
    const bytes = Buffer.allocUnsafe(length)
    for (let filled = 0; filled < length;) {
      const read = readSync(this.#file, bytes, filled, length - filled, position + filled)
      if (read === 0) throw new SealedFileProblem('it is cut off')
      filled += read
    }
    return bytes
  }
}

function formatHead(kind: FileKind, fileId: Buffer): Buffer {
  const head = Buffer.alloc(headLength)
  magic.copy(head)
  head.writeUInt16LE(formatVersion, 8)
  head[10] = kinds[kind]
  fileId.copy(head, headLength - fileIdLength)
  return head
}

function parseHead(head: Buffer, kind: FileKind): Buffer {
  if (!head.subarray(0, magic.length).equals(magic)) throw new SealedFileProblem('it is no file of a search index')
  const version = head.readUInt16LE(8)
  if (version !== formatVersion) throw new SealedFileProblem('it is of another format', version)
  if (head[10] !== kinds[kind]) throw new SealedFileProblem('it is another file')
  return head.subarray(headLength - fileIdLength)
}
