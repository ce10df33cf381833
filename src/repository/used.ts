import type { Cancellable } from '#base'
import { Bitmap } from './bitmap.ts'
import { RepositoryError } from './errors.ts'
import { idToHex } from './format/ids.ts'
import type { IndexedRepository } from './repository.ts'
import { TreeLoader } from './tree-loader.ts'
import { TreeThreads } from './tree-threads.ts'
import { walkTrees } from './walk-trees.ts'

export interface FindUsedOptions extends Cancellable {
  readonly onProgress?: ((trees: number) => void) | undefined
  /** Told of each tree that cannot be read and each blob that is in no index. Default: the first of them ends the search. */
  readonly onProblem?: ((error: Error) => void) | undefined
  /** Threads that help. Default: as many as are worth it. */
  readonly threads?: number | undefined
}

/**
 * Every tree and data blob that the snapshots with these root trees need, by the number of the blob's first entry in the
 * index (`BlobIndex.firstOf`). Whatever names a blob makes it used, a node of a kind that nobody knows yet included.
 * Throws `BLOB_NOT_FOUND`, `BLOB_DAMAGED`, `FormatError`.
 */
export async function findUsed(
  repository: IndexedRepository,
  roots: Iterable<Buffer>,
  { signal, onProgress, onProblem, threads: wanted }: FindUsedOptions = {},
): Promise<Bitmap> {
  const { index } = repository
  const used = new Bitmap(index.size)
  const missing = (id: string) => {
    const error = new RepositoryError('BLOB_NOT_FOUND', { type: 'data', id })
    if (!onProblem) throw error
    onProblem(error)
  }
  const loader = new TreeLoader(repository)
  await using threads = TreeThreads.start(repository, loader, { purpose: 'use', threads: wanted })
  await walkTrees(
    repository,
    roots,
    {
      node({ content }) {
        if (content === null) return
        for (let at = 0; at < content.length; at += 32) {
          const entry = index.find('data', content, at)
          if (entry >= 0) used.add(entry)
          else missing(idToHex(content, at))
        }
      },
      proven({ data }) {
        for (const entry of data) used.add(entry)
      },
      ...(onProblem && { problem: onProblem }),
    },
    { signal, onProgress, seen: used, loader, threads },
  )
  return used
}
