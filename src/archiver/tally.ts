import type { AddedCounts, SnapshotSummary } from '#repository'

export type EntryState = 'new' | 'changed' | 'unchanged'

/** What a backup counted, in the words of a snapshot's summary. */
export type ArchiveCounts = Omit<SnapshotSummary, 'backupStart' | 'backupEnd'>

export class Tally {
  readonly #files = { new: 0, changed: 0, unchanged: 0 }
  readonly #folders = { new: 0, changed: 0, unchanged: 0 }
  #bytes = 0

  file(state: EntryState, bytes: number): void {
    this.#files[state]++
    this.#bytes += bytes
  }

  unchanged(files: number, bytes: number): void {
    this.#files.unchanged += files
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
