import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync } from 'node:fs'
import { createInterface } from 'node:readline'

import { messageOf, programModule } from '#base'
import type { Cancellable } from '#base'
import type { Described, EntryStat, Listing, Source, SourceEntry, SourceFolder } from '#archiver'

import { FilesystemError } from './errors.ts'
import { buildNode } from './node.ts'
import { makePipe } from './platform/pipe.ts'
import type { StreamOptions } from './stream-reader.ts'

/**
 * A snapshot of one file whose content comes from standard input or from what a command prints.
 *
 * The content is read by a thread, synchronously, straight from the descriptor: this process's standard input, or the
 * reading end of a pipe whose other end is the command's standard output. The main thread never touches the data, so
 * memory stays bounded by the thread's buffer, and the pipe itself holds back a command that is faster than storing.
 */
export interface StreamSourceOptions extends Cancellable {
  /** Path of the file in the snapshot. */
  readonly filename: string
  /** Without it standard input is read. The first is the program; no shell is involved. */
  readonly command?: readonly string[] | undefined
  /** Descriptor to read instead of standard input, for tests. */
  readonly descriptor?: number | undefined
  /** Milliseconds since 1970, for the file's times. */
  readonly time?: number | undefined
  /** Told of each line that the command prints on its standard error. Default: it goes to this process's. */
  readonly onErrorLine?: (line: string) => void
}

/** A source that must be disposed of, after the threads that read from it: that ends the command if it still runs. */
export type StreamSource = Source & AsyncDisposable

/** Starts the command, if any. Throws COMMAND_NOT_STARTED, FILENAME_INVALID. */
export async function createStreamSource(options: StreamSourceOptions): Promise<StreamSource> {
  const components = options.filename.split('/').filter((part) => part !== '' && part !== '.')
  if (components.length === 0 || components.includes('..') || options.filename.includes('\0')) {
    throw new FilesystemError('FILENAME_INVALID', { filename: options.filename })
  }
  const command = options.command ? await startCommand(options.command, options) : undefined
  const descriptor = command?.descriptor ?? options.descriptor ?? 0
  return new Stream(components, { descriptor, command, time: options.time ?? Date.now() })
}

interface RunningCommand {
  readonly name: string
  readonly child: ChildProcess
  /** Reading end of the pipe. */
  readonly descriptor: number
  /** How it ended. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>
}

async function startCommand(command: readonly string[], options: StreamSourceOptions): Promise<RunningCommand> {
  const [name, ...args] = command
  if (!name) throw new FilesystemError('COMMAND_NOT_STARTED', { command: '', reason: 'no command was given' })
  const { reading, writing } = makePipe()
  try {
    const stderr = options.onErrorLine ? 'pipe' : 'inherit'
    const child = spawn(name, args, { stdio: ['ignore', writing, stderr], signal: options.signal })
    const ended = once(child, 'exit').then(([code, signal]) => ({
      code: code as number | null,
      signal: signal as string | null,
    }))
    ended.catch(() => undefined) // whoever finishes the source sees it
    if (child.stderr && options.onErrorLine) createInterface(child.stderr).on('line', options.onErrorLine)
    await once(child, 'spawn')
    child.on('error', () => undefined) // an abort; `ended` tells
    return { name, child, descriptor: reading, ended }
  } catch (cause) {
    closeSync(reading)
    throw new FilesystemError('COMMAND_NOT_STARTED', { command: name, reason: messageOf(cause), cause })
  } finally {
    // Ours must go, or the end of the command would not be the end of the data.
    closeSync(writing)
  }
}

interface StreamParts {
  readonly descriptor: number
  readonly command: RunningCommand | undefined
  readonly time: number
}

class Stream implements StreamSource {
  readonly paths: readonly string[]
  readonly root: SourceFolder = { path: Buffer.from('/') }
  readonly reader: Source['reader']
  readonly #components: readonly string[]
  readonly #time: bigint
  readonly #command: RunningCommand | undefined
  /** Bytes that the thread has read; it is the only one that writes here. */
  readonly #count = new BigInt64Array(new SharedArrayBuffer(8))

  constructor(components: readonly string[], { descriptor, command, time }: StreamParts) {
    this.paths = [`/${components.join('/')}`]
    this.#components = components
    this.#command = command
    this.#time = BigInt(Math.trunc(time)) * 1_000_000n
    const options: StreamOptions = {
      descriptor,
      name: components.at(-1) as string,
      stat: this.#stat('file'),
      count: this.#count,
    }
    this.reader = { module: programModule('filesystem/stream-reader'), options }
  }

  list(folder: SourceFolder): Promise<Listing> {
    const depth = folder === this.root ? 0 : (folder as StreamFolder).depth
    const name = Buffer.from(this.#components[depth] as string)
    const path = Buffer.from(`/${this.#components.slice(0, depth + 1).join('/')}`)
    const isFile = depth === this.#components.length - 1
    const entry: SourceEntry = isFile
      ? { name, path, stat: this.#stat('file'), ref: {} }
      : {
          name,
          path,
          stat: this.#stat('dir'),
          folder: { path, depth: depth + 1 } satisfies StreamFolder as SourceFolder,
        }
    return Promise.resolve({ entries: [entry], problems: [] })
  }

  describe({ name, stat }: SourceEntry): Promise<Described> {
    return Promise.resolve({ node: buildNode({ name, stat }, {}), problems: [] })
  }

  /** Throws COMMAND_FAILED, or STREAM_EMPTY: an empty backup of a database is no backup (as restic). */
  async finish(): Promise<void> {
    if (this.#command) await checkEnd(this.#command)
    if (this.#count[0] === 0n) throw new FilesystemError('STREAM_EMPTY')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#command) return
    const { child, ended, descriptor } = this.#command
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
    await ended.catch(() => undefined)
    closeSync(descriptor)
  }

  #stat(type: 'file' | 'dir'): EntryStat {
    const mode = type === 'file' ? 0o100644 : 0o040755
    const time = this.#time
    const times = { atime: time, mtime: time, ctime: time }
    return { type, mode, uid: 0, gid: 0, inode: 0n, deviceId: 0n, links: 0n, device: 0n, size: 0n, ...times }
  }
}

interface StreamFolder extends SourceFolder {
  readonly depth: number
}

async function checkEnd({ name, ended }: RunningCommand): Promise<void> {
  const { code, signal } = await ended
  if (code === 0) return
  throw new FilesystemError('COMMAND_FAILED', { command: name, how: signal ? `signal ${signal}` : `exit code ${code}` })
}
