import type { SharedIndex } from '../blob-index.ts'
import type { CodecSettings } from '../blob-codec.ts'
import type { SharedControl } from './memory.ts'
import type { SharedPacks } from './shared-packs.ts'

/** What every worker thread of an open repository starts with. */
export interface ThreadSetup {
  readonly index: SharedIndex
  readonly control: SharedControl
  readonly codec: CodecSettings
  /** The packs that threads fill; undefined where nothing is stored. */
  readonly packs?: SharedPacks | undefined
  /** The chunker's polynomial. */
  readonly polynomial: bigint
}

/** A module that a thread loads, and the plain value that its `create…` function gets. */
export interface ModuleSpec {
  /** URL. */
  readonly module: string
  readonly options: unknown
}
