import type { ContentReader, CreateContentReader, Node, OpenContent } from '#archiver'

import { BlockingFetch, Refused, Silence } from './blocking-fetch.ts'
import type { Opened } from './blocking-fetch.ts'
import { NeighbourError } from './errors.ts'
import { entryFailure, isEntryReason } from './failures.ts'
import { nodeOf, statOf } from './remote-item.ts'
import type { RemoteItem } from './remote-item.ts'

/** The reader module: loaded by each thread that stores files of a neighbouring machine. */

export interface NeighbourReaderOptions {
  readonly socket: string
  readonly device: string
  /** The name under which rclone knows the machine. */
  readonly fs: string
  /** Milliseconds in which something must come. */
  readonly patience: number
  /** One shared number: not 0 when the machine can no longer be read, so that not every file is waited for. */
  readonly lost: Int32Array
}

/** What a thread needs to read a file. */
export interface NeighbourRef {
  /** Below the root that rclone knows, without a slash at its beginning. */
  readonly remote: string
  /** For people. */
  readonly path: string
  readonly name: string
  readonly size: bigint
  /** Nanoseconds since 1970. */
  readonly mtime: bigint
}

export const createContentReader: CreateContentReader = (options): ContentReader => {
  const given = options as NeighbourReaderOptions
  let fetch: BlockingFetch | undefined
  return {
    open: (ref) => {
      fetch ??= new BlockingFetch(given.socket, given.patience)
      return new RemoteContent(fetch, ref as NeighbourRef, given)
    },
  }
}

class RemoteContent implements OpenContent {
  node: Node
  readonly problems: readonly Error[] = []
  readonly #fetch: BlockingFetch
  readonly #ref: NeighbourRef
  readonly #options: NeighbourReaderOptions
  /** What the machine says of the file that is being read. */
  #size: bigint
  #mtime: bigint
  #position = 0

  constructor(fetch: BlockingFetch, ref: NeighbourRef, options: NeighbourReaderOptions) {
    this.#fetch = fetch
    this.#ref = ref
    this.#options = options
    ;[this.#size, this.#mtime] = [ref.size, ref.mtime]
    this.node = this.#open()
  }

  read(into: Uint8Array): number {
    const count = this.#attempt(() => this.#fetch.read(into))
    this.#position += count
    return count
  }

  holeAhead(): number {
    return 0
  }

  skip(bytes: number): void {
    throw new RangeError(`there are no holes to skip ${bytes} bytes of`)
  }

  rewind(): void {
    this.#position = 0
    this.node = this.#open()
  }

  /** Asked when all has been read. A file that is gone by then has changed. */
  changed(): boolean {
    if (BigInt(this.#position) !== this.#size) return true
    const item = this.#attempt(() => this.#stat())
    return item === undefined || BigInt(item.size) !== this.#size || item.mtime !== this.#mtime
  }

  [Symbol.dispose](): void {
    this.#fetch.close()
  }

  #open(): Node {
    const opened = this.#attempt(() => this.#openListed())
    if (opened.size === undefined) throw entryFailure(this.#ref.path, 0, 'the machine does not say how large it is')
    const isAsListed =
      BigInt(opened.size) === this.#size && (opened.modified ?? secondsOf(this.#mtime)) === secondsOf(this.#mtime)
    if (!isAsListed) {
      const item = this.#attempt(() => this.#stat())
      if (!item || item.isFolder) throw entryFailure(this.#ref.path, 404, '')
      ;[this.#size, this.#mtime] = [BigInt(opened.size), item.mtime]
    }
    return nodeOf(Buffer.from(this.#ref.name), statOf(false, this.#size, this.#mtime))
  }

  #openListed(): Opened {
    const { fs } = this.#options
    try {
      return this.#fetch.open(`/${encodeURIComponent(`[${fs}]`)}/${encodePath(this.#ref.remote)}`)
    } catch (error) {
      // FTP has one answer for what is not there and what may not be read.
      const isThere = error instanceof Refused && error.status === 404 && this.#stat() !== undefined
      throw isThere ? new NeighbourError('DEVICE_ENTRY_REFUSED', { path: this.#ref.path, cause: error }) : error
    }
  }

  #stat(): RemoteItem | undefined {
    return this.#fetch.stat(this.#options.fs, this.#ref.remote)
  }

  #attempt<Result>(work: () => Result): Result {
    const { lost, patience, device } = this.#options
    const { path } = this.#ref
    if (Atomics.load(lost, 0) !== 0) throw new NeighbourError('DEVICE_LOST', { device, reason: 'it stopped answering' })
    try {
      return work()
    } catch (error) {
      if (!(error instanceof Refused || error instanceof Silence)) throw error
      if (error instanceof Refused && isEntryReason(error.status, error.message)) throw failureOf(path, error)
      if (this.#answers()) {
        if (error instanceof Refused) throw failureOf(path, error)
        throw new NeighbourError('DEVICE_ENTRY_STUCK', { path, seconds: patience / 1000 })
      }
      Atomics.store(lost, 0, 1)
      throw new NeighbourError('DEVICE_LOST', { device, reason: error.message })
    }
  }

  /** Whether the machine still answers at all: then it is this one file that cannot be read. */
  #answers(): boolean {
    try {
      this.#fetch.close()
      this.#stat()
      return true
    } catch (error) {
      return error instanceof Refused && isEntryReason(error.status, error.message)
    }
  }
}

function failureOf(path: string, { status, message }: Refused): NeighbourError {
  return entryFailure(path, status, message)
}

/** Whole seconds, as HTTP has them. */
function secondsOf(mtime: bigint): number {
  return Number(mtime / 1_000_000_000n)
}

function encodePath(remote: string): string {
  return remote.split('/').map(encodeURIComponent).join('/')
}
