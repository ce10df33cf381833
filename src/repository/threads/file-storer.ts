import { toPlainError } from '#base'
import type { PlainError } from '#base'
import type { ContentReader, OpenContent } from '../content.ts'
import { Chunker, largestChunk, smallestChunk } from '../format/chunker.ts'
import { encodeNode } from '../format/node.ts'
import type { Node } from '../format/node.ts'
import { parseTime } from '../format/time.ts'
import type { FileOrder } from '../writing.ts'
import type { AddedBytes, ChunkSaver } from './chunk-saver.ts'
import type { SharedControl } from './memory.ts'

/** What became of a batch of files, packed for the way to the main thread. */
export interface StoredBatch {
  /** The encoded nodes, one after the other. */
  readonly nodes: Uint8Array
  readonly outcomes: readonly StoredFile[]
  readonly added: BatchCounts
}

export interface StoredFile {
  /** Bytes of the node in `nodes`; 0 when the file could not be read. */
  readonly nodeLength: number
  readonly bytes: number
  readonly changed: boolean
  readonly problems: readonly PlainError[]
  readonly error: PlainError | undefined
}

export interface BatchCounts {
  readonly blobs: number
  readonly bytes: number
  readonly storedBytes: number
}

/** How the node of a file is marked that changed while it was read, both times. */
const changedMark = 'changed while it was read'
/** Read, cut and hashed piece by piece, while the piece is in the processor's cache. */
const pieceSize = 1 << 20
/** Room for the longest chunk and the piece that ends it. */
const bufferSize = largestChunk + pieceSize
/** From here on the rest of a chunk is moved to the front: most chunks end long before, and no more memory is touched. */
const usualReach = 4 << 20
/** From here on a file is worth the help of other threads. */
const large = 16 << 20

export interface FileStorerParts {
  readonly reader: ContentReader
  readonly polynomial: bigint
  readonly saver: ChunkSaver
  readonly control: SharedControl
  /** Which counter of `control` is this thread's. */
  readonly thread: number
}

/** Reads files in a thread: reads, cuts, hashes, and packs what the repository does not know. */
export class FileStorer {
  readonly #parts: FileStorerParts
  readonly #chunker: Chunker
  readonly #bytesRead: Float64Array
  #ids = Buffer.allocUnsafeSlow(32 * 1024)
  #zeroChunk: Buffer | undefined

  constructor(parts: FileStorerParts) {
    this.#parts = parts
    this.#chunker = new Chunker(parts.polynomial, { bufferSize })
    this.#bytesRead = new Float64Array(parts.control.bytesRead, parts.thread * 8, 1)
  }

  /** Stores the files in order. Only a fault of the repository's side throws; a bad file is an outcome. */
  store(files: readonly FileOrder[]): StoredBatch {
    const before = { ...this.#parts.saver.added }
    const nodes: Buffer[] = []
    const outcomes = files.map((file) => {
      const { outcome, node } = this.#storeOne(file)
      if (node) nodes.push(node)
      return outcome
    })
    return { nodes: joined(nodes), outcomes, added: since(before, this.#parts.saver.added) }
  }

  #storeOne(order: FileOrder): { outcome: StoredFile; node?: Buffer } {
    try {
      using content = this.#parts.reader.open(order.ref)
      const taken = takenOver(order, content.node)
      const { ids, bytes, changed } = taken ? { ids: null, bytes: 0, changed: false } : this.#storeContent(content)
      const mark = changed ? { error: changedMark } : {}
      const node = encodeNode(taken ?? { ...content.node, size: BigInt(bytes), content: ids, ...mark })
      const problems = content.problems.map(toPlainError)
      return { outcome: { nodeLength: node.length, bytes, changed, problems, error: undefined }, node }
    } catch (thrown) {
      if (thrown instanceof StoreFault) throw thrown.cause
      const error = toPlainError(thrown)
      return { outcome: { nodeLength: 0, bytes: 0, changed: false, problems: [], error } }
    }
  }

  // A file that changed while it was read is read once more, from the same open file; then it is stored as read, and marked.
  #storeContent(content: OpenContent): { ids: Buffer; bytes: number; changed: boolean } {
    const first = this.#storeOnce(content)
    if (!content.changed()) return { ...first, changed: false }
    content.rewind()
    const second = this.#storeOnce(content)
    return { ...second, changed: content.changed() }
  }

  #storeOnce(content: OpenContent): { ids: Buffer; bytes: number } {
    const { saver } = this.#parts
    try {
      const { count, bytes } = this.#cutAndSave(content)
      orFault(() => saver.finish(this.#takeId))
      return { ids: Buffer.from(this.#ids.subarray(0, count * 32)), bytes }
    } catch (thrown) {
      if (!(thrown instanceof StoreFault)) orFault(() => saver.abandon())
      throw thrown
    }
  }

  #cutAndSave(content: OpenContent): { count: number; bytes: number } {
    const { buffer } = this.#chunker
    let count = 0
    let bytes = 0
    let ended = false
    let start = 0 // of the chunk
    let end = 0 // of what has been read
    let scanned = 0
    for (;;) {
      if (start === end) {
        start = end = scanned = 0
        const skipped = this.#skipHole(content, count)
        count += skipped
        bytes += skipped * smallestChunk
      }
      if (!ended && end - start < largestChunk) {
        if (end + pieceSize > usualReach && start > 0) {
          buffer.copyWithin(0, start, end)
          ;[start, end, scanned] = [0, end - start, scanned - start]
        }
        const piece = buffer.subarray(end, end + pieceSize)
        const read = content.read(piece)
        ended = read < piece.length
        end += read
        bytes += read
        this.#bytesRead[0] = (this.#bytesRead[0] as number) + read
        if (bytes > large) this.#parts.saver.share()
      }
      if (start === end) return { count, bytes }
      const cut = this.#chunker.findCut(start, end, scanned) || (ended ? end - start : 0)
      scanned = end
      if (cut === 0) continue
      this.#saveBlob(buffer.subarray(start, start + cut), count++)
      start += cut
      scanned = start
    }
  }

  /** Passes over whole chunks of a hole and notes the chunk of zeros for each; returns their number. */
  #skipHole(content: OpenContent, count: number): number {
    // A chunk of zeros is always cut at the smallest length, because the digest of zeros is zero.
    const chunks = Math.floor(content.holeAhead() / smallestChunk)
    if (chunks === 0) return 0
    content.skip(chunks * smallestChunk)
    this.#zeroChunk ??= this.#saveZeroChunk(count)
    this.#roomForIds(count + chunks)
    for (let i = 0; i < chunks; i++) this.#ids.set(this.#zeroChunk, (count + i) * 32)
    return chunks
  }

  #saveZeroChunk(count: number): Buffer {
    const id = Buffer.alloc(32)
    orFault(() => {
      this.#parts.saver.save(Buffer.alloc(smallestChunk), count, (_, zero) => id.set(zero))
      this.#parts.saver.finish((chunk, other) => (chunk === count ? id.set(other) : this.#takeId(chunk, other)))
    })
    return id
  }

  #saveBlob(bytes: Buffer, count: number): void {
    this.#roomForIds(count + 1)
    orFault(() => this.#parts.saver.save(bytes, count, this.#takeId))
  }

  readonly #takeId = (chunk: number, id: Uint8Array): void => this.#ids.set(id, chunk * 32)

  #roomForIds(count: number): void {
    if (count * 32 <= this.#ids.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(count * 32, this.#ids.length * 2))
    larger.set(this.#ids)
    this.#ids = larger
  }
}

/**
 * The node with the content that is known, or undefined when that may be another file's. A node with a new time or inode
 * and the old content would pass for unchanged in every backup to come: what the content was read with stays in it.
 */
function takenOver({ known }: FileOrder, node: Node): Node | undefined {
  if (!known || node.size !== known.size || parseTime(node.mtime) !== known.mtime) return undefined
  const { content, ctime, inode } = known
  const sameCtime = parseTime(ctime) === parseTime(node.ctime)
  if (!sameCtime || inode === node.inode) return { ...node, content, ctime }
  // Another file at this name, with the ctime of the one that was there: two of one tick whose folders were renamed. Only
  // the inode tells. It also says which names are hard links of one file; then the true one is needed, and the content too.
  return node.links > 1n ? undefined : { ...node, content, ctime, inode }
}

/** What the source throws is about one file. This is about the whole run: the repository's side failed. */
class StoreFault extends Error {
  constructor(cause: unknown) {
    super('storing failed', { cause })
  }
}

function orFault(work: () => void): void {
  try {
    work()
  } catch (cause) {
    throw new StoreFault(cause)
  }
}

function since(before: AddedBytes, now: AddedBytes): AddedBytes {
  return {
    blobs: now.blobs - before.blobs,
    bytes: now.bytes - before.bytes,
    storedBytes: now.storedBytes - before.storedBytes,
  }
}

function joined(nodes: readonly Buffer[]): Uint8Array {
  const all = new Uint8Array(nodes.reduce((sum, node) => sum + node.length, 0))
  let at = 0
  for (const node of nodes) {
    all.set(node, at)
    at += node.length
  }
  return all
}
