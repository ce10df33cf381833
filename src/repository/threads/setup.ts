import type { ThreadReading } from '#backend'
import type { SharedIndex } from '../blob-index.ts'
import type { CodecSettings } from '../blob-codec.ts'
import type { SharedControl } from './memory.ts'
import type { SharedChunks } from './shared-chunks.ts'
import type { SharedParts } from './shared-parts.ts'
import type { SharedPacks } from './shared-packs.ts'

/** What every worker thread of an open repository starts with. */
export interface ThreadSetup {
  readonly index: SharedIndex
  readonly control: SharedControl
  readonly codec: CodecSettings
  /** What threads share to store; undefined where nothing is stored. */
  readonly storing?: SharedStoring | undefined
  /** The repository that blobs are copied from; undefined where none are. */
  readonly source?: { readonly index: SharedIndex; readonly codec: CodecSettings } | undefined
  /** How threads read files of the storage by themselves, where they can. */
  readonly reading?: ThreadReading | undefined
  /** The chunker's polynomial. */
  readonly polynomial: bigint
}

export interface SharedStoring {
  /** The packs that threads fill together. */
  readonly packs: SharedPacks
  /** For each thread the chunks that others may take from it. */
  readonly chunks: readonly SharedChunks[]
  /** For each thread the parts of its large file. */
  readonly parts: readonly SharedParts[]
}

/** A module that a thread loads, and the plain value that its `create…` function gets. */
export interface ModuleSpec {
  /** URL. */
  readonly module: string
  readonly options: unknown
}
