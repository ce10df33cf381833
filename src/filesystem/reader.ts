import { messageOf } from '#base'
import { hasCode } from '#base'
import type { ContentReader, CreateContentReader, Node, OpenContent } from '#archiver'

import { FilesystemError } from './errors.ts'
import { buildNode, nameOf } from './node.ts'
import type { FileRef, NodeOptions } from './node.ts'
import { fromRaw, platform } from './platform/index.ts'
import type { Attributes, FileStat } from './platform/index.ts'

/** The reader module of local disks: loaded by each thread that stores files. */
export const createContentReader: CreateContentReader = (options): ContentReader => ({
  open: (ref) => openFile(ref as FileRef, options ?? {}),
  readAt,
})

function readAt(descriptor: number, into: Uint8Array, position: number): number {
  try {
    return platform.read(descriptor, into, position)
  } catch (cause) {
    throw new FilesystemError('FILE_NOT_READ', { offset: position, reason: messageOf(cause), cause })
  }
}

/**
 * Opens the file that the walk saw. Meanwhile it may have been replaced: by a FIFO (never waited for), by a symlink
 * (never followed), or by another file in the same place, which is what programs do to save a file and which is read.
 * What must not happen is that a folder above it has become a symlink that leads elsewhere; so a file with another
 * inode than the one seen is opened again in a way that follows no symlink at all.
 */
function openFile(ref: FileRef, options: NodeOptions): OpenFile {
  const fd = openRegular(ref, {})
  try {
    const stat = platform.statOpen(fd)
    if (stat.type === 'file' && stat.inode === ref.inode && stat.deviceId === ref.deviceId) {
      return new OpenFile(fd, stat, ref, options)
    }
    if (stat.type !== 'file') throw replaced(ref, stat.type)
  } catch (error) {
    platform.close(fd)
    throw error
  }
  platform.close(fd)
  return openReplaced(ref, options)
}

function openReplaced(ref: FileRef, options: NodeOptions): OpenFile {
  const fd = openRegular(ref, { trusted: ref.trusted })
  try {
    const stat = platform.statOpen(fd)
    if (stat.type !== 'file') throw replaced(ref, stat.type)
    return new OpenFile(fd, stat, ref, options)
  } catch (error) {
    platform.close(fd)
    throw error
  }
}

function openRegular(ref: FileRef, options: { readonly trusted?: number }): number {
  try {
    return platform.openFile(ref.path, options)
  } catch (error) {
    // ELOOP: a symlink that O_NOFOLLOW refuses. EXDEV: a path that leaves the trusted folder. ENXIO: a socket.
    if (hasCode(error, 'ELOOP') || hasCode(error, 'EXDEV')) throw replaced(ref, 'symlink', error)
    if (hasCode(error, 'ENXIO')) throw replaced(ref, 'socket', error)
    throw error
  }
}

function replaced(ref: FileRef, type: string, cause?: unknown): FilesystemError {
  return new FilesystemError('ENTRY_REPLACED', { path: fromRaw(ref.path), type, cause })
}

class OpenFile implements OpenContent {
  readonly #fd: number
  readonly #ref: FileRef
  readonly #options: NodeOptions
  #stat: FileStat
  #node: Node | undefined
  #problems: readonly Error[] = []
  #position = 0
  /** Up to here there is data: no need to ask for holes before. */
  #dataUntil = 0
  #closed = false

  constructor(fd: number, stat: FileStat, ref: FileRef, options: NodeOptions) {
    this.#fd = fd
    this.#stat = stat
    this.#ref = ref
    this.#options = options
  }

  get node(): Node {
    return (this.#node ??= this.#describe())
  }

  get problems(): readonly Error[] {
    this.#node ??= this.#describe()
    return this.#problems
  }

  get handle(): number | undefined {
    return this.#stat.sparse ? undefined : this.#fd
  }

  read(into: Uint8Array): number {
    const count = readAt(this.#fd, into, this.#position)
    this.#position += count
    return count
  }

  holeAhead(): number {
    if (!this.#stat.sparse || this.#position < this.#dataUntil) return 0
    const size = Number(this.#stat.size)
    if (this.#position >= size) return 0
    const data = Math.min(platform.seek(this.#fd, 'data', this.#position) ?? size, size)
    if (data > this.#position) return data - this.#position
    this.#dataUntil = platform.seek(this.#fd, 'hole', this.#position) ?? size
    return 0
  }

  skip(bytes: number): void {
    this.#position += bytes
  }

  rewind(): void {
    this.#stat = platform.statOpen(this.#fd)
    this.#position = 0
    this.#dataUntil = 0
    this.#node = undefined
  }

  changed(): boolean {
    const now = platform.statOpen(this.#fd)
    const { size, mtime, ctime } = this.#stat
    return now.size !== size || now.mtime !== mtime || now.ctime !== ctime
  }

  [Symbol.dispose](): void {
    if (this.#closed) return
    this.#closed = true
    platform.close(this.#fd)
  }

  #describe(): Node {
    const { attributes, problems } = this.#attributes()
    this.#problems = problems
    return buildNode({ name: nameOf(this.#ref), stat: this.#stat, attributes }, this.#options)
  }

  #attributes(): Attributes {
    if (this.#options.withoutAttributes) return { attributes: [], problems: [] }
    try {
      return platform.extendedAttributes(this.#fd)
    } catch (error) {
      return { attributes: [], problems: [error as Error] }
    }
  }
}
