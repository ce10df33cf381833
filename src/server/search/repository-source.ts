import { hasCode, mapOrdered, throwIfBug } from '#base'
import type { Cancellable } from '#base'
import { FormatError, TreeLoader, idToHex, loadIndex, loadSnapshot } from '#repository'
import type { NamedSnapshot, Repository, Tree } from '#repository'
import type { SnapshotSource, SnapshotToIndex } from './source.ts'

/**
 * The snapshots of a repository. Nothing is written to it, not even a lock: whoever prunes does so at another time, or trees may
 * be gone while they are read; a snapshot that is gone as well is noticed, and everything begun again.
 */
export class RepositorySnapshots implements SnapshotSource {
  readonly #repository: Repository
  readonly #without: ReadonlySet<string>

  /** @param without snapshots that do not count, although they may still lie there */
  constructor(repository: Repository, without: Iterable<string> = []) {
    this.#repository = repository
    this.#without = new Set(without)
  }

  async list({ signal }: Cancellable): Promise<ReadonlySet<string>> {
    const names = new Set<string>()
    for await (const { name } of this.#repository.backend.list('snapshot', { signal })) {
      if (!this.#without.has(name)) names.add(name)
    }
    return names
  }

  async *load(ids: readonly string[], { signal }: Cancellable): AsyncIterable<SnapshotToIndex | 'damaged'> {
    const { connections } = this.#repository.backend
    const loadOne = async (id: string) => await loadReadable(this.#repository, id, { signal })
    for await (const snapshot of mapOrdered(ids, loadOne, { concurrency: connections, signal })) {
      if (snapshot === 'damaged') yield snapshot
      else if (snapshot !== 'gone') {
        const { id, time, hostname, paths, tags, tree } = snapshot
        yield { id, time, host: hostname, paths, tags, tree: idToHex(tree) }
      }
    }
  }

  // The index is loaded after the snapshots were listed: then it has all the blobs of each.
  async openTrees({ signal }: Cancellable): Promise<(id: Buffer) => Promise<Tree | undefined>> {
    const loader = new TreeLoader(await loadIndex(this.#repository, { signal }))
    return async (id) => {
      try {
        return await loader.loadById(id, { signal })
      } catch (thrown) {
        if (!isDamage(thrown)) throw thrown
        return undefined
      }
    }
  }

  async isGone(name: string, { signal }: Cancellable): Promise<boolean> {
    return (await this.#repository.backend.size({ type: 'snapshot', name }, { signal })) === undefined
  }
}

function isDamage(thrown: unknown): boolean {
  return thrown instanceof FormatError || ['BLOB_NOT_FOUND', 'BLOB_DAMAGED'].some((code) => hasCode(thrown, code))
}

async function loadReadable(
  repository: Repository,
  id: string,
  options: Cancellable,
): Promise<NamedSnapshot | 'gone' | 'damaged'> {
  try {
    return await loadSnapshot(repository, id, options)
  } catch (thrown) {
    throwIfBug(thrown)
    if (hasCode(thrown, 'FILE_NOT_FOUND')) return 'gone'
    if (hasCode(thrown, 'FILE_DAMAGED')) return 'damaged'
    throw thrown
  }
}
