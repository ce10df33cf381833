import type { Cancellable } from '#base'

import type { ScanOrder } from './writing.ts'

export type BlobType = 'data' | 'tree'

/** Where a blob lies. */
export interface BlobPlace {
  /** Name of the pack. */
  readonly pack: string
  /** Bytes from the start of the pack. */
  readonly offset: number
  /** Bytes in the pack, sealed. */
  readonly length: number
  /** Bytes after opening and decompressing. */
  readonly plainLength: number
  /** Whether the blob is compressed in its pack. Default: yes. */
  readonly compressed?: boolean
}

/** Blobs of one pack, read together, opened in a thread and handed to a writer module there. */
export interface DeliveryOrder {
  readonly pack: string
  readonly blobs: readonly { readonly id: Buffer; readonly place: BlobPlace }[]
  /** What to write with them; `blob` and `blobs` are positions in `blobs`. */
  readonly writes: readonly DeliveryWrite[]
  /** The module that writes (`CreateContentWriter`) and the plain value it is made with in each thread. */
  readonly writer: { readonly module: URL; readonly options: unknown }
}

export type DeliveryWrite =
  | { readonly kind: 'part'; readonly ref: unknown; readonly offset: number; readonly blob: number }
  | { readonly kind: 'whole'; readonly ref: unknown; readonly blobs: readonly number[] }

export interface DeliveryResult {
  /** Writes that did not succeed, by their position in `writes`: a blob that cannot be had, or a file that cannot be written. */
  readonly failures: readonly { readonly write: number; readonly error: Error }[]
  /** Plain bytes written. */
  readonly bytes: number
}

/** What the restorer needs of a repository to bring contents back. */
export interface ContentDelivery {
  /** All places of a data blob, best first; empty when no index names it. */
  places(id: Buffer): readonly BlobPlace[]
  /** Never throws for one bad blob or file: those are `failures`. A copy of the blob in another pack is tried first. */
  deliver(order: DeliveryOrder, options?: Cancellable): Promise<DeliveryResult>
  /**
   * Has threads compare folders with trees, by a scanner module (`CreateFolderScanner`). Undefined for a folder whose tree
   * cannot be read just so: that one is to be looked at with all care.
   */
  scanFolders(orders: readonly ScanOrder[], options: ScanOptions): Promise<unknown[]>
}

export interface ScanOptions extends Cancellable {
  /** The module and the plain value that it is given in each thread; the same one from beginning to end. */
  readonly scanner: { readonly module: URL; readonly options: unknown }
}
