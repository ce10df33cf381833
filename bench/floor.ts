import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { ThreadPool } from '#base'
import type { Reading } from './figures.ts'
import { createShared, restart } from './floor-shared.ts'
import type { Parts, Piece } from './floor-thread.ts'
import { FreshFolders } from './fresh-folders.ts'

/**
 * The machine's own floor: the seconds that the primitives of a work alone need on all its cores, on the very data. No
 * walk in order, no cutting, no index, no trees, no format: what a program needs above it is its own.
 */

/** Pieces of large files, so that all cores share them. */
const largestPiece = 16 << 20

export class Floor implements AsyncDisposable {
  readonly #folder: string
  readonly #targets: FreshFolders
  readonly #threads = availableParallelism()
  readonly #shared = createShared(this.#threads)
  readonly #pool = this.#start(this.#threads)
  readonly #writer = this.#start(1)

  constructor(place: string) {
    this.#folder = join(place, 'work', 'floor')
    this.#targets = new FreshFolders(join(this.#folder, 'targets'))
  }

  /** What a first backup needs. */
  async store(files: readonly string[]): Promise<Reading> {
    const folder = this.#empty('packs')
    const pieces = cutPieces(files)
    return await this.#measure(async () => {
      const writing = this.#writer.run<Parts>('write', { folder, threads: this.#threads })
      const filling = this.#eachWith('store', (thread) => ({ pieces, thread, folder }))
      return [...(await filling), await writing]
    })
  }

  /** What bringing back needs of what `store` has just stored; with `write`, also writing the files. */
  async fetch({ write }: { readonly write: boolean }): Promise<Reading> {
    if (!write) return await this.#measure(() => this.#each('fetch', {}))
    const target = this.#targets.next('files')
    for (let i = 0; i < 256; i++) mkdirSync(join(target, `${i}`), { recursive: true })
    const reading = await this.#measure(() => this.#each('fetch', { target }))
    this.#targets.removeAll()
    return reading
  }

  /** Reading and hashing whole files. */
  async digest(files: readonly string[]): Promise<Reading> {
    const pieces = cutPieces(files)
    return await this.#measure(() => this.#each('digest', { pieces }))
  }

  /** Moving sealed bytes from packs into packs. */
  async move(packs: readonly string[]): Promise<Reading> {
    const folder = this.#empty('moved')
    const pieces = cutPieces(packs)
    return await this.#measure(() => this.#each('move', { pieces, folder }))
  }

  /** Listing these folders and looking at all that is in them. */
  async look(folders: readonly string[]): Promise<Reading> {
    return await this.#measure(() => this.#each('look', { folders }))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#pool[Symbol.asyncDispose](), this.#writer[Symbol.asyncDispose]()])
    rmSync(this.#folder, { recursive: true, force: true })
  }

  #start(threads: number): ThreadPool {
    return new ThreadPool({ module: new URL('./floor-thread.ts', import.meta.url), threads, data: this.#shared })
  }

  async #measure(run: () => Promise<readonly Parts[]>): Promise<Reading> {
    await Promise.all([this.#pool.runInEach('ready', undefined), this.#writer.runInEach('ready', undefined)])
    restart(this.#shared)
    const start = performance.now()
    const parts = sumParts(await run())
    return { seconds: (performance.now() - start) / 1000, parts }
  }

  async #each(call: string, args: unknown): Promise<Parts[]> {
    return await this.#pool.runInEach<Parts>(call, args)
  }

  // Every thread does one such call: it takes all that it can get, and ends when nothing is left.
  async #eachWith(call: string, args: (thread: number) => unknown): Promise<Parts[]> {
    const threads = Array.from({ length: this.#threads }, (_, thread) => thread)
    return await Promise.all(threads.map((thread) => this.#pool.run<Parts>(call, args(thread))))
  }

  #empty(name: string): string {
    const folder = join(this.#folder, name)
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(folder, { recursive: true })
    return folder
  }
}

export function addReadings(one: Reading, other: Reading): Reading {
  return { seconds: one.seconds + other.seconds, parts: sumParts([one.parts ?? {}, other.parts ?? {}]) }
}

function sumParts(all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sum: Record<string, number> = {}
  for (const parts of all) for (const [name, seconds] of Object.entries(parts)) sum[name] = (sum[name] ?? 0) + seconds
  return sum
}

export function cutPieces(files: readonly string[]): Piece[] {
  return files.flatMap((path, file) => {
    const { size } = statSync(path)
    const count = Math.ceil(size / largestPiece)
    return Array.from({ length: count }, (_, i) => {
      const at = i * largestPiece
      return { path, file, at, length: Math.min(largestPiece, size - at) }
    })
  })
}

/** All folders below some folders (themselves among them), or all files. */
export function listBelow(folders: readonly string[], what: 'files' | 'folders'): string[] {
  const found = what === 'folders' ? [...folders] : []
  for (const folder of folders) {
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      const isWanted = what === 'files' ? entry.isFile() : entry.isDirectory()
      if (isWanted) found.push(join(entry.parentPath, entry.name))
    }
  }
  return found
}
