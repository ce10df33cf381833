import type { Cancellable } from '#base'
import type { BlobIndex } from './blob-index.ts'
import { RepositoryError } from './errors.ts'
import { encodeIndexFile } from './format/index-file.ts'
import { idToHex } from './format/ids.ts'
import { listIndexFiles, loadIndex } from './load-index.ts'
import type { LoadedMark } from './read-index-file.ts'
import type { IndexedRepository } from './repository.ts'

/**
 * Makes sure that every blob which this run has reused or stored is still named by an index.
 *
 * A run holds a lock, so nobody should remove anything meanwhile. But locks are advice: a machine that slept for an hour
 * finds its lock broken and the repository pruned. The names of index files tell it at the price of one listing: they
 * never change their content, so while all that we know of are there, nothing was removed. What a prune has only marked
 * is still there, and is named in an index again.
 * Throws `BLOBS_REMOVED`.
 */
export async function verifyUsedBlobs(
  repository: IndexedRepository,
  savedIndexes: ReadonlySet<string>,
  { signal }: Cancellable = {},
): Promise<void> {
  const listed = await listIndexFiles(repository, { signal })
  const known = repository.indexFiles.union(savedIndexes)
  if (known.isSubsetOf(listed)) return
  const { index } = repository
  const marks: LoadedMark[] = []
  const { index: now } = await loadIndex(repository, { signal, onFile: (file) => marks.push(...file.marks) })
  const missing: number[] = []
  for (let entry = 0; entry < index.size; entry++) {
    if (index.isUsed(entry) && now.find(index.typeOf(entry), index.idOf(entry)) < 0) missing.push(entry)
  }
  if (missing.length > 0) await bringBack(repository, missing, marks, { signal })
}

/** Names marked packs in an index again, as far as it takes for every missing blob. Throws `BLOBS_REMOVED`. */
async function bringBack(
  repository: IndexedRepository,
  missing: readonly number[],
  marks: readonly LoadedMark[],
  { signal }: Cancellable,
): Promise<void> {
  const lost = new Set(missing.map((entry) => keyOf(repository.index, entry)))
  const needed: LoadedMark[] = []
  for (const mark of marks) {
    const keys = keysOf(mark).filter((key) => lost.has(key))
    if (keys.length === 0 || !(await isThere(repository, mark, { signal }))) continue
    for (const key of keys) lost.delete(key)
    needed.push(mark)
  }
  if (lost.size > 0) throw new RepositoryError('BLOBS_REMOVED', { count: lost.size })
  const packs = needed.map(({ id, blobs }) => ({ id, blobs }))
  await repository.saveFile('index', encodeIndexFile({ packs }), { signal })
  // Deleted while it was being named? The index then names what is not there, and the snapshot must not be made.
  for (const mark of needed) {
    if (await isThere(repository, mark, { signal })) continue
    throw new RepositoryError('BLOBS_REMOVED', { count: mark.blobs.count })
  }
}

async function isThere({ backend }: IndexedRepository, { id }: LoadedMark, options: Cancellable): Promise<boolean> {
  return (await backend.size({ type: 'pack', name: idToHex(id) }, options)) !== undefined
}

function keyOf(index: BlobIndex, entry: number): string {
  return `${index.typeOf(entry) === 'tree' ? 1 : 0}${index.idOf(entry).toString('latin1')}`
}

function keysOf({ blobs: { count, ids, types } }: LoadedMark): string[] {
  return Array.from({ length: count }, (_, i) => {
    const id = Buffer.from(ids.buffer, ids.byteOffset + i * 32, 32)
    return `${types[i]}${id.toString('latin1')}`
  })
}
