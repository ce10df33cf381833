import { throwIfBug } from '#base'
import { parseIndexFile } from './format/index-file.ts'
import type { IndexedPack, MarkedPack } from './format/index-file.ts'
import { IndexBatchBuilder } from './index-batch.ts'
import type { IndexBatch } from './index-batch.ts'
import { PackBlobsBuilder } from './pack-blobs.ts'

export type LoadedMark = IndexedPack & MarkedPack

export interface IndexFileContent {
  readonly batch: IndexBatch
  /** Packs that wait to be deleted (`packs_to_delete`). */
  readonly marks: readonly LoadedMark[]
  /** What is wrong with the file; the rest is then what it said before that. */
  readonly damage: unknown
}

/** Reads the JSON of an index file. */
export function readIndexFile(json: Uint8Array): IndexFileContent {
  const [packId, blobId] = [Buffer.alloc(32), Buffer.alloc(32)]
  const batch = new IndexBatchBuilder()
  const marks: { id: Buffer; about: MarkedPack; blobs: PackBlobsBuilder }[] = []
  let damage: unknown
  try {
    parseIndexFile(json, {
      packId,
      blobId,
      pack: () => batch.addPack(packId),
      blob: (type, offset, length, plainLength) => batch.addBlob(type, blobId, offset, length, plainLength),
      packToDelete: (about) => marks.push({ id: Buffer.from(packId), about, blobs: new PackBlobsBuilder() }),
      blobToDelete: (type, offset, length, plainLength) =>
        marks.at(-1)?.blobs.add({ type, ids: blobId, at: 0, offset, length, plainLength }),
    })
  } catch (thrown) {
    throwIfBug(thrown)
    damage = thrown
  }
  const built = marks.map(({ id, about, blobs }) => ({ id, ...about, blobs: blobs.build() }))
  return { batch: batch.build(), marks: built, damage }
}
