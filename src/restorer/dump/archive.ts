import type { Node } from '#repository'

/** Where the bytes of a dump go. It resolves when they are no longer needed. */
export type WriteBytes = (bytes: Uint8Array) => Promise<void>

/** An entry of an archive. */
export interface ArchiveEntry {
  /** Raw bytes, without a slash before or behind. */
  readonly path: Buffer
  readonly node: Node
  /** Bytes that follow; 0 for anything that is not a file, and for a hard link. */
  readonly size: number
  /** The path of an entry that came before, which this one is a second name of. */
  readonly hardLinkTo?: Buffer | undefined
}

/** Writes an archive entry by entry, each followed by exactly its bytes. */
export interface Archive {
  /** Whether it can hold such an entry. */
  holds(node: Node): boolean
  /** Whether it knows second names of files. */
  readonly hasHardLinks: boolean
  begin(entry: ArchiveEntry): Promise<void>
  /** A piece of the content of the last entry, which is not needed any more when this resolves. */
  add(piece: Uint8Array): Promise<void>
  /** What ends the archive. */
  finish(): Promise<void>
}
