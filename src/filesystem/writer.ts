import { hasCode } from '#base'
import type { ContentWriter, CreateContentWriter } from '#restorer'

import { compileAttributeNames } from './attribute-filter.ts'
import type { AttributeNames, TakesAttribute } from './attribute-filter.ts'
import { FilesystemError } from './errors.ts'
import type { PlainMetadata } from './metadata.ts'
import { writeMetadata } from './metadata-write.ts'
import { openTargetDisk } from './target-disk.ts'
import type { FolderHandle, TargetDisk } from './target-disk-types.ts'
import { WriteProblems } from './write-problems.ts'

/** What a thread needs to write into a target. A plain value. */
export interface WriterOptions {
  readonly root: string
  /** Names this run's temporary files. */
  readonly run: string
  readonly sparse: boolean
  readonly foreign: boolean
  /** Default: all. */
  readonly attributes?: AttributeNames | undefined
  /** See `WriteProblems`. */
  readonly problems: SharedArrayBuffer
}

/** A file that comes in one piece. Bytes are latin1 text. */
export interface WholeRef {
  readonly folder: string
  readonly name: string
  /** What the name held before was seen, and is to be replaced. */
  readonly replace: boolean
  readonly metadata: PlainMetadata
}

/** A file that the target has opened for writing, under the name that it has until it is whole. */
export interface PartRef {
  readonly folder: string
  readonly name: string
  /** Which file it was, so that a swapped one is not written to. */
  readonly inode: bigint
  readonly deviceId: bigint
  /** The file was made empty by this run: zeros need not be written. */
  readonly fresh: boolean
  /** The file is patched where it lies: the time that marks it as unfinished, set again after each write. */
  readonly mark: bigint | undefined
}

/**
 * Temporary files of a restore. A restore that comes later recognises them: it goes on with those of big files, and
 * removes the others.
 */
export const temporaryPrefix = '.understudy-part-'

export const createContentWriter: CreateContentWriter = (options) => new FileWriter(options as WriterOptions)

let writersOfThread = 0

export class FileWriter implements ContentWriter {
  readonly #disk: TargetDisk
  readonly #options: WriterOptions
  readonly #problems: WriteProblems
  readonly #takesAttribute: TakesAttribute
  readonly #mine: string
  #made = 0

  constructor(options: WriterOptions) {
    this.#options = options
    this.#disk = openTargetDisk(options.root)
    this.#problems = new WriteProblems(options.problems)
    this.#takesAttribute = compileAttributeNames(options.attributes)
    // Thread ids would do, but a second writer in the same thread must not meet the files of the first.
    this.#mine = `${temporaryPrefix}w-${options.run}-${process.pid}-${threadName()}-${writersOfThread++}`
  }

  write(ref: unknown, offset: number, bytes: Uint8Array): void {
    const { folder, name, inode, deviceId, fresh, mark } = ref as PartRef
    const file = this.#disk.open(this.#disk.folder(folder), Buffer.from(name, 'latin1'), 'write')
    try {
      const found = this.#disk.statFile(file)
      if (found.inode !== inode || found.deviceId !== deviceId) {
        throw new FilesystemError('FILE_REPLACED', { path: Buffer.from(shown(folder, name), 'latin1') })
      }
      if (this.#options.sparse) writeSparse(this.#disk, file, bytes, { offset, fresh })
      else this.#disk.write(file, bytes, offset)
      if (mark !== undefined) this.#disk.metadataOf({ open: file }).setTimes(mark, mark)
    } finally {
      this.#disk.close(file)
    }
  }

  writeWhole(ref: unknown, pieces: Iterable<Uint8Array>): void {
    const whole = ref as WholeRef
    const name = Buffer.from(whole.name, 'latin1')
    const folder = this.#disk.folder(whole.folder)
    const temporary = Buffer.from(`${this.#mine}-${this.#made++}`)
    let incomplete: Error | undefined
    try {
      incomplete = this.#makeTemporary(folder, temporary, whole, pieces)
      this.#disk.rename(folder, temporary, name, whole.replace)
    } catch (error) {
      removeQuietly(this.#disk, folder, temporary)
      throw explain(this.#disk, error, whole.folder, name)
    }
    // The content is good and in place all the same.
    if (incomplete) throw incomplete
  }

  /** Returns what went wrong with metadata only. */
  #makeTemporary(
    folder: FolderHandle,
    temporary: Buffer,
    whole: WholeRef,
    pieces: Iterable<Uint8Array>,
  ): Error | undefined {
    const file = this.#disk.create(folder, temporary)
    try {
      let size = 0
      for (const piece of pieces) {
        if (this.#options.sparse) writeSparse(this.#disk, file, piece, { offset: size, fresh: true })
        else this.#disk.write(file, piece, size)
        size += piece.length
      }
      if (this.#options.sparse && size > 0) this.#disk.truncate(file, size)
      return this.#writeMetadata(file, whole)
    } finally {
      this.#disk.close(file)
    }
  }

  #writeMetadata(file: number, whole: WholeRef): Error | undefined {
    const path = shown(whole.folder, whole.name)
    try {
      writeMetadata(this.#disk.metadataOf({ open: file }), whole.metadata, {
        foreign: this.#options.foreign,
        takesAttribute: this.#takesAttribute,
        problems: this.#problems,
        path,
      })
      return undefined
    } catch (error) {
      return error as Error
    }
  }

  [Symbol.dispose](): void {
    this.#disk[Symbol.dispose]()
  }
}

function threadName(): string {
  // Writers of several threads of one process share `run` and process id.
  return Math.floor(Math.random() * 2 ** 40).toString(36)
}

export function shown(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`
}

/** Blocks of zeros that are left out of a sparse file; the size of a block of most file systems. */
const zeros = Buffer.alloc(4096)

/**
 * Writes bytes so that blocks of zeros are holes. A `fresh` file has only zeros there so far; in any other the range is
 * punched out.
 */
function writeSparse(
  disk: TargetDisk,
  file: number,
  bytes: Uint8Array,
  { offset, fresh }: { readonly offset: number; readonly fresh: boolean },
): void {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  for (let at = 0; at < all.length;) {
    const hole = zerosAt(all, at, offset)
    const data = hole > 0 ? 0 : dataAt(all, at, offset)
    const length = hole + data
    const isLeftOut = hole > 0 && (fresh || disk.punchHole(file, offset + at, hole))
    if (!isLeftOut) disk.write(file, all.subarray(at, at + length), offset + at)
    at += length
  }
}

/** Length of the run of whole blocks of zeros at `at`. Blocks count from the start of the file, as on disk. */
function zerosAt(all: Buffer, at: number, offset: number): number {
  let end = at
  while (isZeroBlock(all, end, offset)) end += zeros.length
  return end - at
}

function dataAt(all: Buffer, at: number, offset: number): number {
  let end = at
  while (end < all.length && !isZeroBlock(all, end, offset)) end += zeros.length - ((offset + end) % zeros.length)
  return Math.min(end, all.length) - at
}

function isZeroBlock(all: Buffer, at: number, offset: number): boolean {
  const isBlock = (offset + at) % zeros.length === 0 && at + zeros.length <= all.length
  return isBlock && all.compare(zeros, 0, zeros.length, at, at + zeros.length) === 0
}

export function removeQuietly(disk: TargetDisk, folder: FolderHandle, name: Buffer): void {
  try {
    disk.removeFile(folder, name)
  } catch {
    // It may never have been made; the error that led here says more, and a later restore removes what is left.
  }
}

/** EPERM says little: a mark that even root cannot write against is named. */
export function explain(disk: TargetDisk, error: unknown, path: string, name: Buffer): unknown {
  if (!hasCode(error, 'EPERM')) return error
  const folder = disk.folder(path)
  const culprits = [
    [disk.stat(folder, name), shown(path, name.toString('latin1'))],
    [disk.statFolder(folder), path === '' ? '.' : path],
  ] as const
  for (const [stat, latin1] of culprits) {
    if (!stat?.immutable && !stat?.appendOnly) continue
    const flag = stat.immutable ? 'immutable' : 'append-only'
    return new FilesystemError('ENTRY_IMMUTABLE', { path: Buffer.from(latin1, 'latin1'), flag, cause: error })
  }
  return error
}
