import type { EntryTable } from '#repository/format'

import { addressOf, check, cString } from './libc.ts'
import { atFlags, openFlags, writeCalls } from './libc-write.ts'
import { fillTable } from './linux-folder.ts'

/** A folder of a target, listed into a table, and its files, opened as they are listed there. */

const selfName = cString('')
const dot = cString('.')
const statxBasic = 0x7ff

/** Where struct statx (man 2 statx) says that a file is the one that was listed, and is as it was, in words of four bytes. */
const identityFields = {
  mode: 28,
  inode: 32,
  inodeHigh: 36,
  size: 40,
  sizeHigh: 44,
  ctime: 96,
  ctimeHigh: 100,
  ctimeFraction: 104,
  deviceMajor: 136,
  deviceMinor: 140,
}
const identityWords = Object.values(identityFields).map((offset) => offset / 4)

export class FolderTable {
  readonly #table: EntryTable
  readonly #words: Uint32Array
  readonly #address: number
  /** Of the file that was opened last. */
  readonly #stat = new Uint32Array(64)
  readonly #statBytes = Buffer.from(this.#stat.buffer)

  /** The memory of `table` must stay where it is. */
  constructor(table: EntryTable) {
    const { memory } = table
    this.#table = table
    this.#address = addressOf(memory)
    this.#words = new Uint32Array(memory.buffer, memory.byteOffset, memory.length >>> 2)
  }

  /** Lists an open folder; false when it does not fit, or an entry went away meanwhile. */
  fill(folder: number): boolean {
    // The handle's own position in the folder is nobody's.
    const flags = openFlags.readOnly | openFlags.directory | openFlags.closeOnExec
    const listed = check(writeCalls().openat(folder, dot, flags, 0), 'openat')
    try {
      return fillTable(listed, this.#table)
    } finally {
      writeCalls().close(listed)
    }
  }

  /** Opens the file at this place of the table for reading; undefined when it is not the one that was listed any more. */
  open(folder: number, place: number): number | undefined {
    // Should something else be there now: no symlink is followed, and no fifo waited for.
    const flags = openFlags.readOnly | openFlags.noFollow | openFlags.nonBlocking | openFlags.closeOnExec
    const file = writeCalls().openat(folder, this.#address + this.#table.nameAt(place), flags, 0)
    if (file < 0) return undefined
    if (this.#isListed(file, place)) return file
    writeCalls().close(file)
    return undefined
  }

  #isListed(file: number, place: number): boolean {
    if (writeCalls().statx(file, selfName, atFlags.emptyPath, statxBasic, this.#statBytes) < 0) return false
    const listed = this.#table.statAt(place) >>> 2
    return identityWords.every((word) => this.#words[listed + word] === this.#stat[word])
  }
}

/** Whether a file or folder has extended attributes; true also when that cannot be told. */
export function mayHaveAttributes(file: number): boolean {
  return writeCalls().flistxattr(file, null, 0) !== 0
}
