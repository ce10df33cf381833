import { join } from 'node:path'
import { hasCode, messageOf, throwIfBug } from '#base'
import { SearchError } from './errors.ts'
import type { FolderTrees } from './folder-trees.ts'
import { listFolder } from './index-files.ts'
import type { IndexFiles } from './index-files.ts'
import { deriveKey, folderName } from './seal.ts'
import { SealedFileProblem, SealedReader, writeSealedFile } from './sealed-file.ts'
import type { WrittenFile } from './sealed-file.ts'
import { encodeSegment, loadSegment, reserveExtent } from './segment.ts'
import type { Extent, SegmentContent } from './segment.ts'
import { IndexTable } from './table.ts'

/**
 * Where the index of one repository lies: a folder with segments and a manifest that names them. A new state is written as a
 * new segment and becomes the state when the manifest is replaced, by one rename: at every moment either the old state is
 * there or the new one. What no manifest names is removed by the next change.
 */

/** What is there at some moment. */
export interface Manifest {
  readonly repository: string
  /** Grows with every change, also over a rebuild: an older one in its place is noticed. */
  readonly generation: number
  /** Digest of the ids of all snapshots that are in the index. */
  readonly snapshots: string
  readonly segments: readonly WrittenFile[]
  /** Of the index that the segments give. */
  readonly extent: Extent
}

const manifestName = 'manifest'
const segmentName = (id: string) => `${id}.segment`

export interface StoreOptions {
  /** The caller's, for all repositories. */
  readonly key: Uint8Array
  readonly files: IndexFiles
}

export class IndexStore {
  readonly repository: string
  readonly #folder: string
  readonly #key: Buffer
  readonly #files: IndexFiles

  constructor(folder: string, repository: string, { key, files }: StoreOptions) {
    this.repository = repository
    this.#folder = join(folder, folderName(key, repository))
    this.#key = deriveKey(key, repository, 'repository')
    this.#files = files
  }

  /** Throws `SEARCH_INDEX_MISSING`, `SEARCH_INDEX_DAMAGED`, `SEARCH_INDEX_VERSION`. */
  readManifest(): Manifest {
    return this.#reading(manifestName, 'SEARCH_INDEX_MISSING', () => {
      using reader = new SealedReader(join(this.#folder, manifestName), { key: this.#key, kind: 'manifest' })
      return JSON.parse(reader.readRest().toString()) as Manifest
    })
  }

  /** Throws `SEARCH_INDEX_ROLLED_BACK` when the state is older than one that was reached. */
  checkGeneration({ generation }: Manifest, atLeast: number): void {
    const { repository } = this
    if (generation >= atLeast) return
    throw new SearchError('SEARCH_INDEX_ROLLED_BACK', { repository, found: generation, expected: atLeast })
  }

  /** The index of a manifest; with `trees`, what an update needs too. Throws as `readManifest` does. */
  load({ segments, extent }: Manifest, trees?: FolderTrees): IndexTable {
    const table = new IndexTable()
    reserveExtent(table, extent)
    for (const segment of segments) this.loadSegment(segment, table, trees)
    return table
  }

  loadSegment(segment: WrittenFile, table: IndexTable, trees?: FolderTrees): void {
    this.#readSegment(segment, (reader) => loadSegment(reader, table, trees))
  }

  /** Opens all segments, without loading them. Throws `SEARCH_INDEX_DAMAGED`, `SEARCH_INDEX_VERSION`. */
  checkSegments({ segments }: Manifest): void {
    for (const segment of segments) this.#readSegment(segment, (reader) => reader.check())
  }

  /** Writes a segment. It counts once a manifest names it. Throws `SEARCH_INDEX_NOT_WRITTEN`. */
  writeSegment(content: SegmentContent): WrittenFile {
    return this.#writing(() => {
      this.#files.makeFolder(this.#folder)
      const pathOf = (id: string) => join(this.#folder, segmentName(id))
      const parts = encodeSegment(content)
      return writeSealedFile(this.#files, pathOf, { key: this.#key, kind: 'segment', parts })
    })
  }

  /** Makes this the state. Throws `SEARCH_INDEX_NOT_WRITTEN`: then the old one is still there. */
  commit(manifest: Manifest): void {
    this.#writing(() => {
      const parts = [Buffer.from(JSON.stringify(manifest))]
      const pathOf = (id: string) => join(this.#folder, `${id}.new`)
      const { id } = writeSealedFile(this.#files, pathOf, { key: this.#key, kind: 'manifest', parts })
      this.#files.syncFolder(this.#folder) // the segments are there before the manifest that names them
      this.#files.rename(pathOf(id), join(this.#folder, manifestName))
      this.#files.syncFolder(this.#folder)
    })
    this.removeLeftovers(manifest)
  }

  /** Removes the index: first the manifest, without which there is none. */
  remove(): void {
    this.#writing(() => {
      if (listFolder(this.#folder).includes(manifestName)) this.#files.remove(join(this.#folder, manifestName))
      this.#files.removeFolder(this.#folder)
    })
  }

  /** Removes what writers that were killed have left. What cannot be removed now does no harm, and goes another time. */
  removeLeftovers({ segments }: Manifest): void {
    const named = new Set([manifestName, ...segments.map(({ id }) => segmentName(id))])
    for (const name of listFolder(this.#folder)) {
      if (named.has(name)) continue
      try {
        this.#files.remove(join(this.#folder, name))
      } catch (thrown) {
        throwIfBug(thrown)
      }
    }
  }

  #readSegment({ id, size }: WrittenFile, read: (reader: SealedReader) => void): void {
    this.#reading(segmentName(id), 'SEARCH_INDEX_DAMAGED', () => {
      using reader = new SealedReader(join(this.#folder, segmentName(id)), { key: this.#key, kind: 'segment' })
      if (reader.id !== id || reader.size !== size) throw new SealedFileProblem('it is not the file that was written')
      read(reader)
    })
  }

  #reading<Result>(
    name: string,
    ifAbsent: 'SEARCH_INDEX_MISSING' | 'SEARCH_INDEX_DAMAGED',
    read: () => Result,
  ): Result {
    const { repository } = this
    try {
      return read()
    } catch (cause) {
      if (hasCode(cause, 'ENOENT'))
        throw new SearchError(ifAbsent, { repository, reason: `${name} is not there`, cause })
      if (!(cause instanceof SealedFileProblem)) throwIfBug(cause)
      const version = cause instanceof SealedFileProblem ? cause.version : undefined
      if (version !== undefined) throw new SearchError('SEARCH_INDEX_VERSION', { repository, version, cause })
      throw new SearchError('SEARCH_INDEX_DAMAGED', { repository, reason: `${name}: ${messageOf(cause)}`, cause })
    }
  }

  #writing<Result>(write: () => Result): Result {
    try {
      return write()
    } catch (cause) {
      throwIfBug(cause)
      throw new SearchError('SEARCH_INDEX_NOT_WRITTEN', { folder: this.#folder, reason: messageOf(cause), cause })
    }
  }
}
