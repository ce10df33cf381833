import { toPlainError } from '#base'
import type { PlainError } from '#base'
import type { ContentReader, OpenContent } from '../content.ts'
import { smallestChunk } from '../format/chunker.ts'
import { encodeNode } from '../format/node.ts'
import type { Node } from '../format/node.ts'
import { parseTime } from '../format/time.ts'
import type { FileOrder } from '../writing.ts'
import type { AddedBytes, ChunkSaver } from './chunk-saver.ts'
import { FileCutter } from './file-cutter.ts'
import type { ReadAt } from './file-cutter.ts'
import { changesSoFar, longestWait, throwIfStopped, waitForChange } from './memory.ts'
import type { SharedControl } from './memory.ts'
import { PartStorer } from './part-storer.ts'
import { PartTable, PartsDisagree, partSize } from './shared-parts.ts'
import type { SharedParts, StoredPart } from './shared-parts.ts'

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
/** From here on a file is worth the help of other threads, … */
const large = 16 << 20
/** … which read and cut parts of it themselves from here on, because it has two. */
const hasParts = 2 * partSize

export interface FileStorerParts {
  readonly reader: ContentReader
  readonly polynomial: bigint
  readonly saver: ChunkSaver
  /** Of the large files of all threads. */
  readonly parts: readonly SharedParts[]
  readonly control: SharedControl
  /** Which counter of `control` is this thread's. */
  readonly thread: number
}

/** The content of a file: its chunks' number, and its length. */
interface CutContent {
  readonly count: number
  readonly bytes: number
}

interface StoredContent {
  readonly ids: Buffer
  readonly bytes: number
}

/** Reads files in a thread: reads, cuts, hashes, and packs what the repository does not know. */
export class FileStorer {
  readonly #parts: FileStorerParts
  readonly #cutter: FileCutter
  readonly #ownParts: PartTable
  readonly #othersParts: readonly PartTable[]
  /** Undefined where only the thread that opens a file can read it. */
  readonly #partStorer: PartStorer | undefined
  readonly #bytesRead: Float64Array
  #ids = Buffer.allocUnsafeSlow(32 * 1024)
  #zeroChunk: Buffer | undefined

  constructor(parts: FileStorerParts) {
    const { control, thread, reader, saver } = parts
    const tables = parts.parts.map((shared) => new PartTable(shared, control))
    this.#parts = parts
    this.#cutter = new FileCutter(parts.polynomial)
    this.#ownParts = tables[thread] as PartTable
    this.#othersParts = tables.filter((table) => table !== this.#ownParts)
    const readAt = reader.readAt?.bind(reader)
    this.#partStorer = readAt && new PartStorer({ readAt, saver, cutter: this.#cutter, onRead: this.#noteRead })
    this.#bytesRead = new Float64Array(control.bytesRead, thread * 8, 1)
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

  /** Stores a part of another thread's large file; false when there is none. */
  storePart(): boolean {
    const storer = this.#partStorer
    return storer !== undefined && this.#othersParts.some((table) => table.visit((part) => storer.store(table, part)))
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

  // A file that changed while it was read is read once more, from the same open file and in this thread alone; then it is stored
  // as read, and marked.
  #storeContent(content: OpenContent): StoredContent & { changed: boolean } {
    const first = this.#storeFirst(content)
    if (first && !content.changed()) return { ...first, changed: false }
    content.rewind()
    const second = this.#storeOnce(() => this.#cutAndSave(content))
    return { ...second, changed: content.changed() }
  }

  /** Undefined when the file has changed. */
  #storeFirst(content: OpenContent): StoredContent | undefined {
    const storer = this.#partStorer
    const isLarge = this.#othersParts.length > 0 && Number(content.node.size) >= hasParts
    if (!storer || !isLarge || content.handle === undefined) return this.#storeOnce(() => this.#cutAndSave(content))
    try {
      return this.#storeOnce(() => this.#cutParts(content, storer))
    } catch (thrown) {
      if (thrown instanceof PartsDisagree) return undefined
      throw thrown
    }
  }

  #storeOnce(cutAndSave: () => CutContent): StoredContent {
    const { saver } = this.#parts
    try {
      const { count, bytes } = cutAndSave()
      orFault(() => saver.finish(this.#takeId))
      return { ids: Buffer.from(this.#ids.subarray(0, count * 32)), bytes }
    } catch (thrown) {
      if (!(thrown instanceof StoreFault)) orFault(() => saver.abandon())
      throw thrown
    }
  }

  #cutAndSave(content: OpenContent): CutContent {
    const cutter = this.#cutter
    const read = (into: Uint8Array) => content.read(into)
    cutter.begin(read, 0)
    for (let count = 0; ;) {
      if (cutter.isEmpty) {
        const skipped = this.#skipHole(content, count)
        count += skipped
        if (skipped > 0) cutter.begin(read, cutter.position + skipped * smallestChunk)
      }
      const chunk = cutter.next()
      if (!chunk) return { count, bytes: cutter.position }
      if (cutter.position > large) this.#parts.saver.share()
      this.#saveChunk(chunk, count++)
    }
  }

  /** The same together with other threads. Throws `PartsDisagree`. */
  #cutParts(content: OpenContent, storer: PartStorer): CutContent {
    const parts = this.#ownParts
    const { saver, control } = this.#parts
    const read: ReadAt = (into, at) => storer.readAt(parts.handle, into, at)
    let so = { count: 0, bytes: 0 }
    this.#cutter.begin(read, 0)
    try {
      parts.open(content.handle as number, Number(content.node.size))
      saver.share()
      for (let part = 0; part < parts.count;) {
        const seen = changesSoFar(control)
        const stored = parts.collect(part)
        if (stored) so = this.#takePart(stored, so)
        else if (parts.isLeft(part)) so = this.#cutPart(part, so, read)
        else {
          const later = parts.take()
          if (later >= 0) orFault(() => storer.store(parts, later))
          else orFault(() => waitUnlessStopped(control, seen))
          continue
        }
        parts.pass(part++)
      }
      return so
    } finally {
      parts.close()
    }
  }

  #takePart({ start, end, ids, added }: StoredPart, { count, bytes }: CutContent): CutContent {
    if (start !== bytes) throw new PartsDisagree()
    const chunks = ids.length / 32
    this.#roomForIds(count + chunks)
    this.#ids.set(ids, count * 32)
    this.#parts.saver.count(added)
    return { count: count + chunks, bytes: end }
  }

  /** Cuts a part that is left to this thread, from where the part before ends. */
  #cutPart(part: number, { count, bytes }: CutContent, read: ReadAt): CutContent {
    const parts = this.#ownParts
    const cutter = this.#cutter
    cutter.goTo(read, bytes)
    while (!orFault(() => parts.endsAt(part, cutter.position))) {
      const chunk = cutter.next()
      if (chunk) this.#saveChunk(chunk, count++)
      else if (part === parts.count - 1) break
      else throw new PartsDisagree()
    }
    return { count, bytes: cutter.position }
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

  #saveChunk(bytes: Buffer, count: number): void {
    this.#noteRead(bytes.length)
    this.#roomForIds(count + 1)
    orFault(() => this.#parts.saver.save(bytes, count, this.#takeId))
  }

  readonly #noteRead = (bytes: number): void => {
    this.#bytesRead[0] = (this.#bytesRead[0] as number) + bytes
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

function orFault<Result>(work: () => Result): Result {
  try {
    return work()
  } catch (cause) {
    throw cause instanceof PartsDisagree ? cause : new StoreFault(cause)
  }
}

function waitUnlessStopped(control: SharedControl, seen: number): void {
  throwIfStopped(control)
  waitForChange(control, seen, longestWait)
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
