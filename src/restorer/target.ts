import type { Cancellable } from '#base'
import type { Node } from '#repository'

/**
 * Where a snapshot is restored to: a disk, a mailbox.
 *
 * A target answers what is there (for the plan) and carries out single steps (for the execution). Contents of files are
 * written in worker threads by the target's *writer module*, from refs that the target makes; everything else is a call
 * here. Nothing that a target is asked to do may take effect outside it, whatever the paths say and whoever interferes.
 *
 * Paths are raw bytes, their components joined by `/`, without one at the start; the root is empty.
 */
export interface Target extends AsyncDisposable {
  /** For people. */
  readonly location: string
  /** The module that writes contents (`CreateContentWriter`), and the plain value that each thread makes it with. */
  readonly writer: { readonly module: URL; readonly options: unknown }
  /**
   * Compares folders with their trees in threads, so that nobody has to look at what is right: a scanner module
   * (`CreateFolderScanner`) that is given `FolderToScan`s and returns `ScannedFolder`s. Without it, and where it has no answer,
   * `list` and `compare` are asked.
   */
  readonly scanner?: { readonly module: URL; readonly options: unknown } | undefined
  /** True when files are restored with holes where they have long runs of zeros. */
  readonly sparse: boolean

  /** Why no entry of this name can be here, or undefined. Called for every name of a snapshot. */
  refuseName(name: Buffer): string | undefined
  /** Equal for two names that are the same entry here (case, Unicode forms). */
  sameName(name: Buffer): string
  /** What the temporary file of a file of this name is known by (`TargetEntry.leftover`). */
  leftoverKey(name: Buffer): string
  /** Why an entry of this kind is left out here, or undefined. */
  refuseNode(node: Node): string | undefined
  /** True when the symlink or device at `path` is the one that `node` says (metadata apart). Never throws. */
  holds(path: Buffer, node: Node): boolean
  /** True when the folder at `path` has no entries. Never throws. */
  isEmpty(path: Buffer): boolean
  /** What is in a folder; undefined when it is absent, or is something else than a folder. */
  list(folder: Buffer, options?: Cancellable): Promise<readonly TargetEntry[] | undefined>
  /** Compares files with what they should hold. Results in the order of `jobs`. */
  compare(jobs: readonly CompareJob[], options?: Cancellable): Promise<readonly Comparison[]>
  /** Bytes that can still be stored, or undefined when nobody can tell. */
  free(): Promise<number | undefined>

  /** Makes a folder that only we can use until its metadata is set, or makes one that is there usable. */
  makeFolder(folder: Buffer, how: { readonly exists: boolean }): Promise<void>
  /** Removes an entry; a folder with everything below it if `recursive`, else only when it is empty. Never follows a link. */
  remove(path: Buffer, how: { readonly recursive: boolean } & Cancellable): Promise<void>
  /** A ref for a file that is written in one piece. Costs nothing. */
  wholeRef(path: Buffer, node: Node, how: { readonly replace: boolean }): unknown
  /** Writes an empty file: a file in one piece that needs no thread. */
  makeEmpty(path: Buffer, node: Node, how: { readonly replace: boolean }): Promise<void>
  /** Opens a file that is written in parts. */
  begin(path: Buffer, node: Node, how: BeginHow): Promise<BegunFile>
  /** Sets the metadata of a file whose parts have all been written, and puts it in place. */
  finish(file: BegunFile, node: Node): Promise<void>
  /** Gives up a file of which a part cannot be had; what was there before stays where it was not patched. */
  abandon(file: BegunFile): Promise<void>
  /** Makes a symlink, fifo or device with its metadata. */
  makeOther(path: Buffer, node: Node, how: { readonly replace: boolean }): Promise<void>
  /** Gives the file at `first` a second name. */
  link(path: Buffer, first: Buffer, how: { readonly replace: boolean }): Promise<void>
  /** Makes the metadata of what is there equal to the node's. */
  setMetadata(path: Buffer, node: Node): Promise<void>
  /** Makes everything survive a power cut. */
  sync(): Promise<void>
  /** What could not be kept of the metadata, summarised. */
  problems(): readonly TargetProblem[]
}

export interface TargetEntry {
  readonly name: Buffer
  readonly kind: 'file' | 'dir' | 'symlink' | 'other'
  readonly size: number
  /** Nanoseconds since 1970. */
  readonly mtime: bigint
  /** How many names it has. */
  readonly links: number
  /** Equal for two names of one file. */
  readonly identity: string
  /** A temporary file of an interrupted restore: the `leftoverKey` of the file that it was to become, or '' for none. */
  readonly leftover?: string
}

export interface FolderToScan {
  /** One character a byte. */
  readonly path: string
  /** False when a file whose size and time are right is taken for right. */
  readonly readsContents: boolean
}

/** What of a tree a folder holds already, content and metadata. */
export interface ScannedFolder {
  /** For each node 1 when its entry is as the node says; for a folder, when its own metadata is. */
  readonly right: Uint8Array
  /** Whether the folder itself has no extended attributes. */
  readonly isBare: boolean
  /** Set when nothing else is in the folder, all its folders are there, and everything else is right. */
  readonly whole?: WholeFolder
}

/** The nodes of a tree by their positions, folders apart. */
export interface WholeFolder {
  readonly nodes: Uint32Array
  /** Bytes of files, 0 for others. */
  readonly sizes: Float64Array
  /** One after the other. */
  readonly names: Uint8Array
  readonly nameEnds: Uint32Array
  readonly folders: readonly { readonly node: number; readonly name: Uint8Array; readonly tree: Uint8Array }[]
}

export interface CompareJob {
  readonly path: Buffer
  /** Ids of the blobs that the file should hold, 32 bytes each. */
  readonly ids: Buffer
  /** Their sizes in bytes. */
  readonly lengths: Uint32Array
  /** Whose metadata the file should have, if that is asked. */
  readonly node?: Node | undefined
}

export interface Comparison {
  /** Undefined when the file is absent, is no regular file, or cannot be read (`error` says why). */
  readonly size: number | undefined
  /** For each blob 1 where the file holds it already. */
  readonly matches: Uint8Array
  /** True when `setMetadata` with the job's node would change nothing. False says nothing. */
  readonly sameMetadata?: boolean
  readonly error?: Error
}

export interface BeginHow {
  /** Bytes of the whole content. */
  readonly size: number
  /** The file that is there is patched where it lies if that is safe; otherwise a new one replaces it. */
  readonly patch: boolean
  /** Name of a leftover of an interrupted restore to go on with. */
  readonly leftover?: Buffer
  readonly replace: boolean
}

export interface BegunFile {
  readonly path: Buffer
  /** What the writer module is given; survives `postMessage`. */
  readonly ref: unknown
  /** True when what the comparison found is still in it; false when it starts empty and needs every blob. */
  readonly keepsContent: boolean
}

export interface TargetProblem {
  readonly problem: string
  /** One sentence. */
  readonly message: string
  readonly count: number
  /** One path that it touched. */
  readonly example: Buffer
}
