import type { BlobIndex } from './blob-index.ts'
import type { IndexedPack } from './format/index-file.ts'
import { PackBlobsBuilder } from './pack-blobs.ts'

/** What index files are written from, when they are written anew: packs that stand in the index in memory. */

/** An index file holds this many blobs at most, as restic's. */
const mostBlobs = 50_000

/** A pack as an index file names it. `entries`: its blobs in the index, by their offset. */
export function indexedPackOf(index: BlobIndex, id: Uint8Array, entries: Iterable<number>): IndexedPack {
  const blobs = new PackBlobsBuilder()
  const blobId = Buffer.alloc(32)
  for (const entry of entries) {
    index.copyId(entry, blobId, 0)
    blobs.add({
      type: index.typeOf(entry) === 'tree' ? 1 : 0,
      ids: blobId,
      at: 0,
      offset: index.offsetOf(entry),
      length: index.lengthOf(entry),
      plainLength: index.uncompressedLengthOf(entry),
    })
  }
  return { id, blobs: blobs.build() }
}

/** Enters a pack and its blobs into the index in memory. */
export function enterPack(index: BlobIndex, { id, blobs }: IndexedPack): void {
  const pack = index.addPack(id)
  for (let i = 0; i < blobs.count; i++) {
    index.add(blobs.types[i] === 1 ? 'tree' : 'data', blobs.ids, i * 32, {
      pack,
      offset: blobs.offsets[i] as number,
      length: blobs.lengths[i] as number,
      plainLength: blobs.plainLengths[i] as number,
    })
  }
}

/** Packs in groups of at most as many blobs as one file takes; a pack is never divided. */
export function* inFiles<Pack extends IndexedPack>(packs: Iterable<Pack>): Iterable<Pack[]> {
  let group: Pack[] = []
  let blobs = 0
  for (const pack of packs) {
    if (group.length > 0 && blobs + pack.blobs.count > mostBlobs) {
      yield group
      ;[group, blobs] = [[], 0]
    }
    group.push(pack)
    blobs += pack.blobs.count
  }
  if (group.length > 0) yield group
}
