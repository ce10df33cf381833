import type { ContentReader } from '../content.ts'
import type { AddedBytes, ChunkSaver } from './chunk-saver.ts'
import type { FileCutter } from './file-cutter.ts'
import { PartsDisagree, partSize } from './shared-parts.ts'
import type { PartTable } from './shared-parts.ts'

export interface PartStorerParts {
  readonly readAt: NonNullable<ContentReader['readAt']>
  readonly cutter: FileCutter
  readonly saver: ChunkSaver
  /** Told of the bytes of every chunk that is read. */
  readonly onRead: (bytes: number) => void
}

/** Stores parts of large files from their sure cuts on; any thread may have opened the file. */
export class PartStorer {
  readonly readAt: NonNullable<ContentReader['readAt']>
  readonly #parts: PartStorerParts
  readonly #id = Buffer.alloc(32)

  constructor(parts: PartStorerParts) {
    this.#parts = parts
    this.readAt = parts.readAt
  }

  /** Stores a part that was taken from `table`, or leaves it. What it throws is about the repository. */
  store(table: PartTable, part: number): void {
    const { cutter } = this.#parts
    const { handle } = table
    try {
      const isSure = cutter.beginAtSureCut(
        (into, at) => orUnreadable(() => this.readAt(handle, into, at)),
        part * partSize,
      )
      if (!isSure) return table.leaveMissed(part)
      table.begin(part, cutter.position)
      const stored = this.#storeChunks(table, part)
      if (stored) table.finish(part, cutter.position, stored)
      else table.leave(part)
    } catch (thrown) {
      table.leave(part)
      if (!(thrown instanceof PartUnreadable || thrown instanceof PartsDisagree)) throw thrown
    }
  }

  /** Undefined when the file is not wanted any more, or is not as long as it was. */
  #storeChunks(table: PartTable, part: number): { chunks: number; added: AddedBytes } | undefined {
    const { cutter, saver, onRead } = this.#parts
    const added = { blobs: 0, bytes: 0, storedBytes: 0 }
    let chunks = 0
    while (!table.endsAt(part, cutter.position)) {
      const chunk = table.isOpen ? cutter.next() : undefined
      if (!chunk) return table.isOpen && part === table.count - 1 ? { chunks, added } : undefined
      onRead(chunk.length)
      const { known, stored } = saver.saveNow(chunk, this.#id)
      if (!table.note(part, chunks++, this.#id)) return undefined
      if (known) continue
      added.blobs++
      added.bytes += chunk.length
      added.storedBytes += stored
    }
    return { chunks, added }
  }
}

/** The owner of the file reads it again, and reports what it meets. */
class PartUnreadable extends Error {}

function orUnreadable(read: () => number): number {
  try {
    return read()
  } catch (cause) {
    throw new PartUnreadable('a part could not be read', { cause })
  }
}
