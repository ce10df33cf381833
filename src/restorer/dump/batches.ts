import type { Node } from '#repository'
import { idAt, idBytes } from '../repository.ts'
import type { ArchiveEntry } from './archive.ts'

/** What is to be written, in order, in portions whose contents fit into memory together. */

export type Step =
  | { readonly kind: 'entry'; readonly entry: ArchiveEntry }
  | { readonly kind: 'piece'; readonly id: Buffer; readonly length: number; readonly path: Buffer }

export interface Batch {
  readonly steps: readonly Step[]
  /** The different blobs that the steps need. */
  readonly ids: readonly Buffer[]
}

/** A file or other entry with what its content is made of. */
export interface DumpedEntry extends ArchiveEntry {
  readonly content: Buffer
  /** Bytes of each blob of the content. */
  readonly lengths: readonly number[]
}

/** Bytes of content in a batch; a blob that is larger comes alone. */
const mostBytes = 8 << 20
const mostSteps = 2048

export async function* batchesOf(entries: AsyncIterable<DumpedEntry>): AsyncGenerator<Batch> {
  let batch = new BatchBuilder()
  for await (const entry of entries) {
    batch.steps.push({ kind: 'entry', entry })
    for (let i = 0; i < entry.content.length / idBytes; i++) {
      const length = entry.lengths[i] as number
      if (batch.isFullWith(length)) {
        yield batch.batch()
        batch = new BatchBuilder()
      }
      batch.addPiece({ kind: 'piece', id: idAt(entry.content, i), length, path: entry.path })
    }
    if (batch.steps.length < mostSteps) continue
    yield batch.batch()
    batch = new BatchBuilder()
  }
  yield batch.batch()
}

class BatchBuilder {
  readonly steps: Step[] = []
  readonly #ids = new Map<string, Buffer>()
  #bytes = 0

  isFullWith(length: number): boolean {
    return (
      this.steps.length > 0 && this.#bytes > 0 && (this.#bytes + length > mostBytes || this.steps.length >= mostSteps)
    )
  }

  addPiece(step: Step & { readonly kind: 'piece' }): void {
    this.steps.push(step)
    this.#bytes += step.length
    this.#ids.set(step.id.toString('latin1'), step.id)
  }

  batch(): Batch {
    return { steps: this.steps, ids: [...this.#ids.values()] }
  }
}

/** The first name of each file that has several. */
export class FirstNames {
  readonly #names = new Map<string, { readonly path: Buffer; readonly content: Buffer }>()

  /** The name under which this file came before, if it did; otherwise this is the first. */
  of(path: Buffer, { type, links, inode, deviceId, content }: Node): Buffer | undefined {
    if (type === 'dir' || links < 2n || inode === 0n) return undefined
    const key = `${deviceId}:${inode}`
    const first = this.#names.get(key)
    const bytes = content ?? Buffer.alloc(0)
    // A file system may have reused the number while it was read.
    if (first) return first.content.equals(bytes) ? first.path : undefined
    this.#names.set(key, { path, content: Buffer.from(bytes) })
    return undefined
  }
}
