import type { AddedCounts } from '#repository'

export type EntryState = 'new' | 'changed' | 'unchanged'

/** What a backup counted, in the words of a snapshot's summary. */
export interface ArchiveCounts {
  readonly filesNew: number
  readonly filesChanged: number
  readonly filesUnmodified: number
  readonly dirsNew: number
  readonly dirsChanged: number
  readonly dirsUnmodified: number
  readonly dataBlobs: number
  readonly treeBlobs: number
  /** Plain bytes of new blobs. */
  readonly dataAdded: bigint
  /** Bytes that new blobs take in packs. */
  readonly dataAddedPacked: bigint
  readonly totalFilesProcessed: number
  readonly totalBytesProcessed: bigint
}

export class Tally {
  readonly #files = { new: 0, changed: 0, unchanged: 0 }
  readonly #folders = { new: 0, changed: 0, unchanged: 0 }
  #bytes = 0

  file(state: EntryState, bytes: number): void {
    this.#files[state]++
    this.#bytes += bytes
  }

  folder(state: EntryState): void {
    this.#folders[state]++
  }

  counts(added: AddedCounts): ArchiveCounts {
    const [files, folders] = [this.#files, this.#folders]
    return {
      filesNew: files.new,
      filesChanged: files.changed,
      filesUnmodified: files.unchanged,
      dirsNew: folders.new,
      dirsChanged: folders.changed,
      dirsUnmodified: folders.unchanged,
      dataBlobs: added.dataBlobs,
      treeBlobs: added.treeBlobs,
      dataAdded: BigInt(added.dataBytes + added.treeBytes),
      dataAddedPacked: BigInt(added.storedDataBytes + added.storedTreeBytes),
      totalFilesProcessed: files.new + files.changed + files.unchanged,
      totalBytesProcessed: BigInt(this.#bytes),
    }
  }
}
