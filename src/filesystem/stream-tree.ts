import { programModule, systemClock } from '#base'
import type { Cancellable, Clock } from '#base'
import type { Described, EntryStat, Listing, Problem, Source, SourceEntry, SourceFolder } from '#archiver'

import { FilesystemError } from './errors.ts'
import { buildNode } from './node.ts'
import {
  approve,
  bytesRead,
  createStreamChannel,
  giveDescriptor,
  leavesState,
  readResult,
  refuse,
  stateOf,
  stopReading,
  streamStates,
} from './stream-channel.ts'
import type { StreamChannel, StreamRead } from './stream-channel.ts'
import type { StreamRef } from './stream-tree-reader.ts'

/**
 * A snapshot of files that are made while they are read, by commands: the dumps of a database server.
 *
 * What makes a file is started when a thread asks for it, so files of one batch are made one after the other. When it has been
 * read to its end, whoever made it says whether it is good; one that is not is a problem of the backup, and absent from
 * the snapshot. Nothing lies on a disk in between.
 */
export interface StreamFile {
  /** Path in the snapshot, from its root, without `.` and `..`. */
  readonly path: string
  /** Starts making the content, in the main thread. What it throws is why the file is not in the snapshot. */
  start(): Promise<StreamContent>
}

export interface StreamContent extends AsyncDisposable {
  /** Reading end of a pipe. Disposing closes it, and ends what writes to it. */
  readonly descriptor: number
  /** Everything has been read. Throws when that is not to be trusted: then the file is not in the snapshot. */
  finish(read: StreamRead): Promise<void>
  /** Ends what makes the content; the descriptor stays open, because a thread may be reading it. */
  stop(): void
}

export interface StreamTreeOptions extends Cancellable {
  /** The paths that the snapshot records. */
  readonly paths: readonly string[]
  /** What is known to be missing; reported as the backup begins. */
  readonly problems?: readonly Problem[]
  /** A stream that brings no byte for so many milliseconds is ended: it would hold the backup for ever. */
  readonly longestSilence: number
  /** As `Source.finish`. */
  readonly finish?: () => Promise<void>
  readonly clock?: Clock
}

/** To be disposed of after the threads that read from it: that ends what still runs. */
export type StreamTree = Source & AsyncDisposable

/** Throws FILENAME_INVALID, TARGET_TWICE. */
export function createStreamTree(files: readonly StreamFile[], options: StreamTreeOptions): StreamTree {
  return new Tree(files, options)
}

interface Folder extends SourceFolder {
  readonly entries: Map<string, Folder | StreamFile>
}

class Tree implements StreamTree {
  readonly paths: readonly string[]
  readonly root: Folder = { path: Buffer.from('/'), entries: new Map() }
  readonly reader: Source['reader'] = { module: programModule('filesystem/stream-tree-reader'), options: {} }
  readonly #options: StreamTreeOptions
  readonly #clock: Clock
  readonly #time: bigint
  readonly #running = new Map<StreamContent, StreamChannel>()
  readonly #abort = () => this.#stop()

  constructor(files: readonly StreamFile[], options: StreamTreeOptions) {
    this.paths = options.paths
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#time = BigInt(Math.trunc(this.#clock.now())) * 1_000_000n
    for (const file of files) place(this.root, file)
    options.signal?.addEventListener('abort', this.#abort)
  }

  async list(folder: SourceFolder): Promise<Listing> {
    const { entries, path } = folder as Folder
    const listed = [...entries].map(([name, entry]) => this.#entry(path, name, entry))
    const sorted = listed.toSorted((a, b) => Buffer.compare(a.name, b.name))
    return { entries: sorted, problems: folder === this.root ? (this.#options.problems ?? []) : [] }
  }

  async describe({ name, stat }: SourceEntry): Promise<Described> {
    return { node: buildNode({ name, stat }, {}), problems: [] }
  }

  async finish(): Promise<void> {
    await this.#options.finish?.()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#options.signal?.removeEventListener('abort', this.#abort)
    await Promise.all([...this.#running.keys()].map((content) => content[Symbol.asyncDispose]()))
    this.#running.clear()
  }

  #entry(above: Buffer, name: string, entry: Folder | StreamFile): SourceEntry {
    const raw = Buffer.from(name)
    const path = Buffer.concat([above, Buffer.from(above.length > 1 ? '/' : ''), raw])
    if ('entries' in entry) return { name: raw, path, stat: this.#stat('dir'), folder: entry }
    const channel = createStreamChannel()
    const ref: StreamRef = { name, stat: this.#stat('file'), channel }
    void this.#serve(entry, channel)
    return { name: raw, path, stat: ref.stat, ref }
  }

  /** The main thread's side of one file; ends with its verdict. */
  async #serve(file: StreamFile, channel: StreamChannel): Promise<void> {
    await leavesState(channel, streamStates.idle)
    let content: StreamContent | undefined
    try {
      this.#options.signal?.throwIfAborted()
      content = await file.start()
      this.#running.set(content, channel)
      if (this.#options.signal?.aborted) stop(content, channel)
      giveDescriptor(channel, content.descriptor)
      const interrupted = await this.#readToEnd(channel, content)
      if (stateOf(channel) === streamStates.left) return
      await content.finish({ ...readResult(channel), interrupted })
      if (interrupted) throw interrupted
      approve(channel)
    } catch (thrown) {
      refuse(channel, thrown)
    } finally {
      if (content && this.#running.delete(content)) await content[Symbol.asyncDispose]()
    }
  }

  /** Waits until the thread has read everything; gives the reason when the content was ended for its silence. */
  async #readToEnd(channel: StreamChannel, content: StreamContent): Promise<FilesystemError | undefined> {
    using over = abortedAtEnd()
    const ended = leavesState(channel, streamStates.open)
    const silent = this.#silence(channel, over.signal).catch(() => undefined)
    const reason = await Promise.race([ended.then(() => undefined), silent])
    if (!reason) return undefined
    stop(content, channel)
    await ended
    return reason
  }

  /** Resolves when nothing has come for too long. */
  async #silence(channel: StreamChannel, signal: AbortSignal): Promise<FilesystemError> {
    const { longestSilence } = this.#options
    for (let seen = -1; seen !== bytesRead(channel);) {
      seen = bytesRead(channel)
      await this.#clock.sleep(longestSilence, { signal })
    }
    return new FilesystemError('STREAM_SILENT', { seconds: Math.round(longestSilence / 1000) })
  }

  #stop(): void {
    for (const [content, channel] of this.#running) stop(content, channel)
  }

  #stat(type: 'file' | 'dir'): EntryStat {
    const mode = type === 'file' ? 0o100600 : 0o040700
    const time = this.#time
    const times = { atime: time, mtime: time, ctime: time }
    return { type, mode, uid: 0, gid: 0, inode: 0n, deviceId: 0n, links: 0n, device: 0n, size: 0n, ...times }
  }
}

function stop(content: StreamContent, channel: StreamChannel): void {
  content.stop()
  stopReading(channel)
}

function place(root: Folder, file: StreamFile): void {
  const components = file.path.split('/')
  if (components.some((part) => part === '' || part === '.' || part === '..' || part.includes('\0')))
    throw new FilesystemError('FILENAME_INVALID', { filename: file.path })
  let folder = root
  const name = components.pop() as string
  for (const part of components) {
    const path = Buffer.from(`${folder === root ? '' : folder.path.toString()}/${part}`)
    const inner = folder.entries.get(part) ?? { path, entries: new Map() }
    if (!('entries' in inner)) throw new FilesystemError('TARGET_TWICE', { path: file.path })
    folder.entries.set(part, inner)
    folder = inner
  }
  if (folder.entries.has(name)) throw new FilesystemError('TARGET_TWICE', { path: file.path })
  folder.entries.set(name, file)
}

function abortedAtEnd(): { readonly signal: AbortSignal } & Disposable {
  const controller = new AbortController()
  return { signal: controller.signal, [Symbol.dispose]: () => controller.abort() }
}
