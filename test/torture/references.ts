/** Frozen copies of the source: what a snapshot of it must give back. One is made for each state that is backed up. */
import { execFileSync } from 'node:child_process'
import { lstatSync, mkdirSync, rmSync } from 'node:fs'
import { compareTrees } from '../helpers/compare-trees.ts'
import { TortureFailure } from './failure.ts'
import { listEntries } from './source-tree.ts'

export class References {
  readonly #folder: string
  readonly #source: string
  readonly #kept = new Set<number>()
  /** Sockets are stored and never restored. */
  readonly #sockets = new Map<number, ReadonlySet<string>>()
  #current = 0
  #isFresh = false

  constructor(folder: string, source: string) {
    this.#folder = folder
    this.#source = source
    mkdirSync(folder)
  }

  pathOf(reference: number): string {
    return `${this.#folder}/${reference}`
  }

  /** Paths of sockets, as `compareTrees` shows them. */
  socketsOf(reference: number): ReadonlySet<string> {
    return this.#sockets.get(reference) ?? new Set()
  }

  /** The source has changed: the next backup needs a new copy. */
  sourceChanged(): void {
    this.#isFresh = false
  }

  /** The copy of the source as it is now. */
  freeze(): number {
    if (this.#isFresh) return this.#current
    this.#current++
    this.#isFresh = true
    const path = this.pathOf(this.#current)
    execFileSync('cp', ['-a', this.#source, path])
    const differences = compareTrees(this.#source, path, { ignore: ['holes'] })
    if (differences.length > 0) throw new TortureFailure('cp made a copy that is not equal', differences)
    this.#kept.add(this.#current)
    this.#sockets.set(this.#current, socketsIn(path))
    return this.#current
  }

  /** Removes the copies that nothing needs any more. */
  keepOnly(needed: ReadonlySet<number>): void {
    for (const reference of this.#kept) {
      if (needed.has(reference) || reference === this.#current) continue
      rmSync(this.pathOf(reference), { recursive: true, force: true })
      this.#kept.delete(reference)
      this.#sockets.delete(reference)
    }
  }

  bytesOf(reference: number): number {
    const path = Buffer.from(this.pathOf(reference))
    return listEntries(path).reduce((sum, { stat }) => sum + (stat.isFile() ? stat.size : 0), 0)
  }
}

function socketsIn(root: string): ReadonlySet<string> {
  const start = Buffer.byteLength(root) + 1
  const sockets = listEntries(Buffer.from(root)).filter(({ path }) => lstatSync(path).isSocket())
  return new Set(sockets.map(({ path }) => path.toString('latin1', start)))
}
