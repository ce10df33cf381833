import { hasCode } from '#base'
import { FoldedNames } from './fold.ts'
import type { Extent } from './segment.ts'
import type { IndexStore, Manifest } from './store.ts'
import type { IndexTable } from './table.ts'

/** Indexes in memory: loaded when they are asked for, and let go when others need the room. */

export interface LoadedIndex {
  readonly table: IndexTable
  readonly names: FoldedNames
}

interface Kept extends LoadedIndex {
  readonly manifest: Manifest
}

/** How often a load is begun again because the index was changed meanwhile. */
const tries = 5

export class LoadedIndexes {
  readonly #limit: number
  readonly #openStore: (repository: string) => IndexStore
  /** By repository; the one that was used last is the last. */
  readonly #kept = new Map<string, Kept>()

  /** `limit`: bytes of all indexes together. One that is larger is loaded all the same, alone. */
  constructor(limit: number, openStore: (repository: string) => IndexStore) {
    this.#limit = limit
    this.#openStore = openStore
  }

  /** Bytes. */
  get memory(): number {
    return [...this.#kept.values()].reduce((sum, index) => sum + memoryOf(index), 0)
  }

  /**
   * The index of a repository as it is now; good until the next call. Throws `SEARCH_INDEX_MISSING`, `SEARCH_INDEX_DAMAGED`,
   * `SEARCH_INDEX_VERSION`, `SEARCH_INDEX_ROLLED_BACK`.
   */
  get(repository: string, atLeast: number): LoadedIndex {
    const store = this.#openStore(repository)
    for (let attempt = 1; ; attempt++) {
      const manifest = store.readManifest()
      store.checkGeneration(manifest, atLeast)
      try {
        return this.#bringUpTo(store, manifest)
      } catch (thrown) {
        this.#drop(repository)
        // A segment may have gone because a new manifest does without it.
        const isReplaced =
          hasCode(thrown, 'SEARCH_INDEX_DAMAGED') && store.readManifest().generation !== manifest.generation
        if (!isReplaced || attempt === tries) throw thrown
      }
    }
  }

  #bringUpTo(store: IndexStore, manifest: Manifest): LoadedIndex {
    const { repository } = store
    const kept = this.#kept.get(repository)
    const isContinued = kept?.manifest.segments.every(({ id }, at) => manifest.segments[at]?.id === id)
    if (kept && !isContinued) this.#drop(repository)
    this.#makeRoom(repository, estimateMemory(manifest.extent))
    const index = this.#kept.get(repository) ?? this.#loadAll(store, manifest)
    for (const segment of manifest.segments.slice(index.manifest.segments.length))
      store.loadSegment(segment, index.table)
    index.names.extend(index.table)
    this.#kept.delete(repository)
    this.#kept.set(repository, { ...index, manifest })
    return index
  }

  #loadAll(store: IndexStore, manifest: Manifest): Kept {
    return { table: store.load(manifest), names: new FoldedNames(), manifest }
  }

  /** Lets others go, those first that were not used for longest. */
  #makeRoom(repository: string, needed: number): void {
    const others = [...this.#kept].filter(([other]) => other !== repository)
    let memory = others.reduce((sum, [, index]) => sum + memoryOf(index), needed)
    for (const [other, index] of others) {
      if (memory <= this.#limit) return
      memory -= memoryOf(index)
      this.#drop(other)
    }
  }

  #drop(repository: string): void {
    const kept = this.#kept.get(repository)
    this.#kept.delete(repository)
    kept?.table.release()
    kept?.names.release()
  }
}

function memoryOf({ table, names }: LoadedIndex): number {
  return table.memory + names.memory
}

/** Bytes of an index that is to be loaded: what the columns of table and folded names take for each path, byte of a name, and row. */
function estimateMemory({ paths, nameBytes, rows }: Extent): number {
  return paths * 17 + nameBytes * 2 + rows * 41
}
