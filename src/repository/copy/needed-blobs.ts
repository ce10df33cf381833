import type { Cancellable } from '#base'
import { Bitmap } from '../bitmap.ts'
import { RepositoryError } from '../errors.ts'
import { largestChunk } from '../format/chunker.ts'
import { idToHex } from '../format/ids.ts'
import { PackTable } from '../pack-table.ts'
import type { IndexedRepository } from '../repository.ts'
import { TreeLoader } from '../tree-loader.ts'
import { walkTrees } from '../walk-trees.ts'

/** Blobs that lie this close together are read in one go. */
const largestGap = 256 << 10
/** Most bytes of a pack that are read in one go, unless a blob is longer: bounds the memory, and gives every thread work. */
const largestRun = 2 << 20

/** Part of a pack that is read in one go. */
export interface PackRun {
  /** Name of the pack. */
  readonly pack: string
  readonly offset: number
  readonly end: number
  /** Entries of the source's index, by their offset. */
  readonly entries: Uint32Array
  /** Sealed bytes of the blobs. */
  readonly bytes: number
}

/** What a snapshot needs that the target has not. */
export interface NeededBlobs {
  /** In the order in which they lie in packs, each blob once. */
  readonly runs: readonly PackRun[]
  /** Blobs that are longer than any that a chunker of ours makes. */
  readonly large: readonly number[]
  readonly count: number
  /** Sealed bytes. */
  readonly bytes: number
}

/** What becomes of trees and blobs that are come to. */
export interface NeededTarget {
  /** Stores a tree as it is, unless it is known. */
  readonly saveTree: (bytes: Buffer) => Promise<unknown>
  /** Whether the target has the data blob; it then counts as used by this run. */
  readonly has: (ids: Buffer, at: number) => boolean
}

/** Goes through the trees of snapshots and finds what is to be copied. A tree that several share is gone through once. */
export class NeededBlobFinder {
  readonly #source: IndexedRepository
  readonly #target: NeededTarget
  readonly #table: PackTable
  readonly #seen: Bitmap
  /** Blobs that have been found to be needed, by their first entries. */
  readonly #found: Bitmap
  readonly #loader: TreeLoader

  constructor(source: IndexedRepository, target: NeededTarget) {
    this.#source = source
    this.#target = target
    this.#table = new PackTable(source.index)
    this.#seen = new Bitmap(source.index.size)
    this.#found = new Bitmap(source.index.size)
    this.#loader = new TreeLoader(source)
  }

  /** Throws `BLOB_NOT_FOUND`, `BLOB_DAMAGED`, `FormatError`: a snapshot with holes is not copied. */
  async find(root: Buffer, { signal }: Cancellable = {}): Promise<NeededBlobs> {
    const fresh: number[] = []
    const visitor = {
      tree: async ({ bytes }: { readonly bytes: Buffer }) => void (await this.#target.saveTree(bytes)),
      node: ({ content }: { readonly content: Buffer | null }) => {
        if (content !== null) this.#need(content, fresh)
      },
    }
    await walkTrees(this.#source, [root], visitor, { signal, seen: this.#seen, loader: this.#loader })
    return this.#inRuns(fresh)
  }

  #need(content: Buffer, fresh: number[]): void {
    const { index } = this.#source
    for (let at = 0; at < content.length; at += 32) {
      if (this.#target.has(content, at)) continue
      const entry = index.find('data', content, at)
      if (entry < 0) throw new RepositoryError('BLOB_NOT_FOUND', { type: 'data', id: idToHex(content, at) })
      if (this.#found.add(entry)) fresh.push(entry)
    }
  }

  #inRuns(entries: readonly number[]): NeededBlobs {
    const { index } = this.#source
    const isLarge = (entry: number) => index.plainLengthOf(entry) > largestChunk
    const large = entries.filter(isLarge)
    const runs = [...Map.groupBy(entries, (entry) => this.#table.placeOf(index, entry))]
      .toSorted(([a], [b]) => a - b)
      .flatMap(([place, inPack]) => {
        const pack = this.#table.packs[place]?.name as string
        return this.#cut(
          pack,
          inPack.filter((entry) => !isLarge(entry)),
        )
      })
    const bytes = entries.reduce((sum, entry) => sum + index.lengthOf(entry), 0)
    return { runs, large, count: entries.length, bytes }
  }

  #cut(pack: string, entries: readonly number[]): PackRun[] {
    const { index } = this.#source
    const runs: { offset: number; end: number; entries: number[]; bytes: number }[] = []
    for (const entry of entries.toSorted((a, b) => index.offsetOf(a) - index.offsetOf(b))) {
      const offset = index.offsetOf(entry)
      const bytes = index.lengthOf(entry)
      const end = offset + bytes
      const last = runs.at(-1)
      if (last && offset - last.end <= largestGap && end - last.offset <= largestRun) {
        last.end = end
        last.bytes += bytes
        last.entries.push(entry)
      } else runs.push({ offset, end, entries: [entry], bytes })
    }
    return runs.map((run) => ({ pack, ...run, entries: Uint32Array.from(run.entries) }))
  }
}
