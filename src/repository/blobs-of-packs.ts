import type { Cancellable } from '#base'
import type { BlobType } from './delivery.ts'
import { blobTypes, lengthFieldSize, locatePackHeader, parsePackHeader } from './format/pack-header.ts'
import type { IndexedRepository } from './repository.ts'

/** What lies in some packs. */
export interface BlobsOfPacks {
  /** Ids in hex. */
  readonly blobs: Readonly<Record<BlobType, readonly string[]>>
  /** Of the prefixes, those that no pack's name begins with. */
  readonly unknown: readonly string[]
}

/**
 * The blobs in the packs whose names begin so: as the index says, or, for packs that are in no index, their own headers.
 * Throws `PACK_HEADER_INVALID`, `SEAL_BROKEN` for such a pack that is damaged.
 */
export async function findBlobsOfPacks(
  repository: IndexedRepository,
  prefixes: readonly string[],
  { signal }: Cancellable = {},
): Promise<BlobsOfPacks> {
  const blobs: Record<BlobType, string[]> = { data: [], tree: [] }
  const left = new Set(prefixes)
  collectIndexed(repository, left, blobs)
  if (left.size === 0) return { blobs, unknown: [] }
  for await (const { name, size } of repository.backend.list('pack', { signal })) {
    const prefix = [...left].find((start) => name.startsWith(start))
    if (prefix === undefined) continue
    left.delete(prefix)
    await collectFromHeader(repository, { name, size }, blobs, { signal })
  }
  return { blobs, unknown: [...left] }
}

function collectIndexed(
  { index }: IndexedRepository,
  left: Set<string>,
  blobs: Readonly<Record<BlobType, string[]>>,
): void {
  const packs = new Set<number>()
  const named = new Set<string>()
  for (let pack = 0; pack < index.packCount; pack++) {
    const name = index.packName(pack).toString('hex')
    const starts = [...left].filter((start) => name.startsWith(start))
    for (const start of starts) named.add(start)
    if (starts.length > 0) packs.add(pack)
  }
  for (const start of named) left.delete(start)
  for (let entry = 0; packs.size > 0 && entry < index.size; entry++) {
    if (packs.has(index.packOf(entry))) blobs[index.typeOf(entry)].push(index.idOf(entry).toString('hex'))
  }
}

async function collectFromHeader(
  { backend, codec }: IndexedRepository,
  { name, size }: { readonly name: string; readonly size: number },
  blobs: Readonly<Record<BlobType, string[]>>,
  { signal }: Cancellable,
): Promise<void> {
  const read = async (start: number, end: number) =>
    await backend.read({ type: 'pack', name }, { range: { offset: start, length: end - start }, signal })
  const { start, end } = locatePackHeader(size, await read(Math.max(0, size - lengthFieldSize), size))
  const { count, ids, types } = parsePackHeader(codec.openBytes(await read(start, end)), size)
  for (let i = 0; i < count; i++) {
    const type = types[i] === blobTypes.tree ? 'tree' : 'data'
    blobs[type].push(Buffer.from(ids.subarray(i * 32, (i + 1) * 32)).toString('hex'))
  }
}
