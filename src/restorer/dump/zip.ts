import { crc32, deflateRawSync } from 'node:zlib'
import { parseTime, permissionsOf } from '#repository'
import type { Node } from '#repository'
import type { Archive, ArchiveEntry, WriteBytes } from './archive.ts'
import { Deflating } from './deflating.ts'
import { encodeDescriptor, encodeDirectoryEntry, encodeEnd, encodeLocalHeader } from './zip-records.ts'
import type { ZipEntry, ZipSums } from './zip-records.ts'

/** Types of `st_mode`. */
const typeBits: Readonly<Partial<Record<Node['type'], number>>> = { file: 0o100000, dir: 0o040000, symlink: 0o120000 }

/** Up to here a file is compressed in one go, with its sums before its content, as every program reads it. */
const small = 1 << 20
/** From here on sizes are written with 64 bits: compressing may add a little. */
const large = 0xffff_ffff - (16 << 20)

/** Writes a zip file. Memory holds a record for each entry, because the directory stands at the end. */
export class ZipArchive implements Archive {
  readonly hasHardLinks = false
  readonly #write: WriteBytes
  readonly #directory: Buffer[] = []
  #offset = 0
  #current: OpenFile | undefined

  constructor(write: WriteBytes) {
    this.#write = write
  }

  holds({ type }: Node): boolean {
    return typeBits[type] !== undefined
  }

  async begin(entry: ArchiveEntry): Promise<void> {
    await this.#endFile()
    const { node, size } = entry
    if (node.type !== 'file' || size === 0) {
      return await this.#putWhole(
        entry,
        node.type === 'symlink' ? (node.linkTarget ?? Buffer.alloc(0)) : Buffer.alloc(0),
      )
    }
    this.#current = size <= small ? { entry, pieces: [] } : await this.#beginStream(entry)
  }

  async add(piece: Uint8Array): Promise<void> {
    const file = this.#current
    if (!file) throw new Error('content for an entry that has none')
    if (!file.stream) return void file.pieces.push(Buffer.from(piece))
    const { stream } = file
    stream.crc = crc32(piece, stream.crc)
    stream.plain += piece.length
    stream.compressed += await this.#putAll(await stream.deflating.add(piece))
  }

  async finish(): Promise<void> {
    await this.#endFile()
    const offset = this.#offset
    const entries = this.#directory.length
    for (const record of this.#directory.splice(0)) await this.#put(record)
    await this.#put(encodeEnd({ entries, offset, length: this.#offset - offset }))
  }

  async #endFile(): Promise<void> {
    const file = this.#current
    this.#current = undefined
    if (!file) return
    if (!file.stream) return await this.#putWhole(file.entry, Buffer.concat(file.pieces))
    const { stream } = file
    stream.compressed += await this.#putAll(await stream.deflating.finish())
    stream.deflating[Symbol.dispose]()
    await this.#put(encodeDescriptor(stream.head, stream))
    this.#directory.push(encodeDirectoryEntry(stream.head, stream))
  }

  async #putWhole(entry: ArchiveEntry, plain: Buffer): Promise<void> {
    const deflated = entry.node.type === 'file' && plain.length > 0 ? deflateRawSync(plain) : plain
    const isCompressed = deflated.length < plain.length
    const content = isCompressed ? deflated : plain
    const head = { ...this.#describe(entry), isCompressed, isStreamed: false, isLarge: false }
    const sums = { crc: crc32(plain), compressed: content.length, plain: plain.length }
    await this.#put(encodeLocalHeader(head, sums))
    if (content.length > 0) await this.#put(content)
    this.#directory.push(encodeDirectoryEntry(head, sums))
  }

  async #beginStream(entry: ArchiveEntry): Promise<OpenFile> {
    const head = { ...this.#describe(entry), isCompressed: true, isStreamed: true, isLarge: entry.size > large }
    const stream = { head, deflating: new Deflating(), crc: 0, compressed: 0, plain: 0 }
    await this.#put(encodeLocalHeader(head, stream))
    return { entry, pieces: [], stream }
  }

  #describe({ path, node }: ArchiveEntry) {
    const name = node.type === 'dir' ? Buffer.concat([path, Buffer.from('/')]) : path
    const mode = (typeBits[node.type] ?? 0) | permissionsOf(node.mode)
    return { name, mode, mtime: Number(parseTime(node.mtime) / 1_000_000n), offset: this.#offset }
  }

  async #putAll(pieces: readonly Buffer[]): Promise<number> {
    for (const piece of pieces) await this.#put(piece)
    return pieces.reduce((sum, { length }) => sum + length, 0)
  }

  async #put(bytes: Uint8Array): Promise<void> {
    this.#offset += bytes.length
    await this.#write(bytes)
  }
}

/** A file whose content is coming in. */
interface OpenFile {
  readonly entry: ArchiveEntry
  /** Of a small file. */
  readonly pieces: Uint8Array[]
  readonly stream?: OpenStream
}

type OpenStream = { readonly head: ZipEntry; readonly deflating: Deflating } & {
  -readonly [Key in keyof ZipSums]: number
}
