import { bytesColumn, wordsColumn } from './column.ts'
import { idBytes } from './table.ts'

/**
 * The tree that each folder had in the newest recovery point of each series: a folder that has the same tree again needs no
 * look. Only updates need it. Later entries count; an id of zeros says that what is in the folder is not known.
 */
export class FolderTrees {
  readonly series = wordsColumn()
  readonly paths = wordsColumn()
  readonly ids = bytesColumn()
  readonly #entries = new Map<number, number>()
  #indexed = 0

  get length(): number {
    return this.series.length
  }

  has(series: number, path: number, tree: Uint8Array): boolean {
    const entry = this.#find(series, path)
    return (
      entry !== undefined && Buffer.from(tree).equals(this.ids.values.subarray(entry * idBytes, (entry + 1) * idBytes))
    )
  }

  set(series: number, path: number, tree: Uint8Array = unknown): void {
    this.series.push(series)
    this.paths.push(path)
    this.ids.extend(idBytes).set(tree)
  }

  /** Entries that still count. */
  *current(): Iterable<number> {
    for (let entry = 0; entry < this.length; entry++) {
      if (this.#find(this.series.values[entry] as number, this.paths.values[entry] as number) === entry) yield entry
    }
  }

  release(): void {
    for (const column of [this.series, this.paths, this.ids]) column.release()
  }

  #find(series: number, path: number): number | undefined {
    for (; this.#indexed < this.length; this.#indexed++) {
      const entry = this.#indexed
      this.#entries.set(keyOf(this.series.values[entry] as number, this.paths.values[entry] as number), entry)
    }
    return this.#entries.get(keyOf(series, path))
  }
}

const unknown = new Uint8Array(idBytes)

// Both are below 2^32; a repository with more than two million series has other troubles.
function keyOf(series: number, path: number): number {
  return series * 2 ** 32 + path
}
