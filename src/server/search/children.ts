import { noRow, rootPath } from './table.ts'
import type { IndexTable } from './table.ts'
import { wordsColumn } from './column.ts'

/** The paths in each folder, all that ever were there. Only updates need it. */
export class Children {
  readonly #table: IndexTable
  readonly #first = wordsColumn()
  readonly #next = wordsColumn()

  constructor(table: IndexTable) {
    this.#table = table
    this.#makeRoom()
    // From the last to the first, so that each list begins with its first: names that came together are sorted already.
    for (let path = table.pathCount - 1; path > rootPath; path--) this.#link(path)
  }

  /** Adds a path to the table. */
  add(parent: number, name: Uint8Array): number {
    const path = this.#table.addPath(parent, name)
    this.#makeRoom()
    this.#link(path)
    return path
  }

  of(folder: number): number[] {
    const found: number[] = []
    for (let path = this.#first.values[folder] as number; path !== noRow; path = this.#next.values[path] as number) {
      found.push(path)
    }
    return found
  }

  /** In the order of their names, as a tree has them. */
  sorted(folder: number): number[] {
    const table = this.#table
    return this.of(folder).sort((a, b) => Buffer.compare(table.nameOf(a), table.nameOf(b)))
  }

  release(): void {
    this.#first.release()
    this.#next.release()
  }

  #link(path: number): void {
    const parent = this.#table.parents.values[path] as number
    this.#next.values[path] = this.#first.values[parent] as number
    this.#first.values[parent] = path
  }

  #makeRoom(): void {
    const more = this.#table.pathCount - this.#first.length
    for (const column of [this.#first, this.#next]) {
      column.reserve(more)
      column.values.fill(noRow, column.length, column.length + more)
      column.length += more
    }
  }
}
