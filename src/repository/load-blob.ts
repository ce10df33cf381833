import { messageOf, throwIfBug } from '#base'
import type { Cancellable } from '#base'
import type { BlobType } from './delivery.ts'
import { RepositoryError } from './errors.ts'
import { idToHex } from './format/ids.ts'
import { openTree } from './format/tree.ts'
import type { Tree } from './format/tree.ts'
import type { IndexedRepository } from './repository.ts'

/** What it takes to load a blob. */
export type BlobSource = Pick<IndexedRepository, 'backend' | 'index' | 'codec'>

/**
 * Loads one blob and checks its hash. Where one copy is damaged, another pack's copy is taken; a damaged copy is read
 * twice, because a line or a disk may be flaky. Throws `BLOB_NOT_FOUND`, `BLOB_DAMAGED`.
 */
export async function loadBlob(
  repository: BlobSource,
  type: BlobType,
  id: Uint8Array,
  { signal }: Cancellable = {},
): Promise<Buffer> {
  const { index } = repository
  // A blob that this run is just storing lies nowhere yet.
  const entries = index.findAll(type, id).filter((entry) => index.packOf(entry) >= 0)
  if (entries.length === 0) throw new RepositoryError('BLOB_NOT_FOUND', { type, id: idToHex(id) })
  let failure: unknown
  for (const entry of [...entries, ...entries]) {
    try {
      return await loadCopy(repository, type, id, entry, { signal })
    } catch (thrown) {
      signal?.throwIfAborted()
      throwIfBug(thrown)
      failure ??= thrown
    }
  }
  throw failure
}

/** Loads a tree by its id. Throws `BLOB_NOT_FOUND`, `BLOB_DAMAGED`. Nodes that are malformed show while it is read. */
export async function loadTree(repository: BlobSource, id: Uint8Array, options: Cancellable = {}): Promise<Tree> {
  return openTree(await loadBlob(repository, 'tree', id, options))
}

async function loadCopy(
  { backend, index, codec }: BlobSource,
  type: BlobType,
  id: Uint8Array,
  entry: number,
  { signal }: Cancellable,
): Promise<Buffer> {
  const { pack, offset, length } = index.placeOf(entry)
  const range = { offset, length }
  // Packs of trees are read over and over and are small in all: they are worth a cache.
  const sealed = await backend.read({ type: 'pack', name: pack }, { range, signal, cacheable: type === 'tree' })
  const damaged = (reason: string, cause?: unknown) =>
    new RepositoryError('BLOB_DAMAGED', { type, id: idToHex(id), pack: pack.slice(0, 10), reason, cause })
  let plain: Buffer
  try {
    plain = Buffer.from(codec.open(sealed, index.uncompressedLengthOf(entry)))
  } catch (cause) {
    throwIfBug(cause)
    throw damaged(messageOf(cause), cause)
  }
  const hash = Buffer.alloc(32)
  codec.primitives.hasher.sha256(plain, hash)
  if (!hash.equals(id)) throw damaged('its content is not what its id says')
  return plain
}
