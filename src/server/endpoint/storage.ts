import type { Backend, ByteRange, FileRef, FileType, ListedFile } from '#backend'
import type { Quarantine } from './quarantine.ts'

/**
 * Gives the bytes that arrive to `take`, in order; while the promise that it returns is not settled nothing is read. Rejects with
 * what `take` throws, or when the connection breaks.
 */
export type Body = (take: (bytes: Buffer) => Promise<void> | undefined) => Promise<void>

/** What arrives at the endpoint for one file. */
export interface Upload {
  readonly repository: string
  readonly file: FileRef
  readonly body: Body
  /** Bytes that the sender has announced; undefined when it did not. */
  readonly length: number | undefined
  /** Most bytes; more are refused. */
  readonly longest: number
  /** Told before more bytes are kept; may throw, and so refuse them. */
  readonly grow: (bytes: number) => void
}

/** An upload that has arrived, and that nobody sees yet. Disposed of without `store`, it leaves nothing. */
export interface Incoming extends AsyncDisposable {
  /** Bytes. */
  readonly size: number
  /** SHA-256 of all bytes, in hex. */
  readonly hash: string
  /** Puts it in place, durably. False when a file of that name is there already, whatever its bytes. */
  store(): Promise<boolean>
}

/** A file that is read, possibly piece by piece. */
export interface OpenedFile extends AsyncDisposable {
  readonly size: number
  /** The bytes in pieces of bounded size, each in memory of its own. */
  pieces(range: ByteRange): AsyncIterable<Buffer>
}

/**
 * Where the endpoint keeps the repositories, each named by its id. Failures are `BackendError`s or `EndpointError`s.
 * `FolderStorage` and `BackendStorage` are the two.
 */
export interface EndpointStorage extends AsyncDisposable {
  create(repository: string): Promise<void>
  list(repository: string, type: FileType): AsyncIterable<ListedFile>
  /** Bytes; undefined when it is absent. */
  size(repository: string, file: FileRef): Promise<number | undefined>
  /** Undefined when it is absent. */
  open(repository: string, file: FileRef): Promise<OpenedFile | undefined>
  receive(upload: Upload): Promise<Incoming>
  /** Makes sure that a file that is there survives a power cut: whoever put it there may still be about to. */
  confirm(repository: string, file: FileRef): Promise<void>
  /** For locks only: at once and for good. */
  delete(repository: string, file: FileRef): Promise<void>
  /**
   * The repository for the server's own work (prune, check, copy): what is deleted there is set aside in the quarantine. It
   * belongs to the storage; disposing of it does nothing.
   */
  backend(repository: string): Promise<Backend>
  quarantine(repository: string): Promise<Quarantine>
}
