import type { EntryTable } from '#repository/format'
import type { EntryStat } from '#archiver'

import { addressOf, check, libcFunctions } from './libc.ts'
import { O_DIRECTORY, O_NOATIME, O_NOFOLLOW, O_NONBLOCK, openPath } from './linux-path.ts'
import { fillStat, statAt, statDescriptor } from './linux-stat.ts'
import { fromRaw } from './platform.ts'
import type { OpenFolder, OpenOptions } from './platform.ts'

const libc = libcFunctions({
  close: 'int close(int fd)',
  getdents64: 'long getdents64(int fd, void *into, unsigned long size)',
})

/** One `getdents64` fills this; larger ones made no difference, smaller ones cost more calls. */
const batch = Buffer.alloc(65536)
const words = new DataView(batch.buffer, batch.byteOffset, batch.byteLength)

/** Longest name in bytes (NAME_MAX), with room for the NUL; a few file systems allow four times as much. */
const nameBuffer = Buffer.alloc(1024 + 1)

export function openLinuxFolder(path: string, options: OpenOptions = {}): OpenFolder {
  const fd = openQuietly(path, O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK, options)
  try {
    return folderOf(fd, path)
  } catch (error) {
    libc().close(fd)
    throw error
  }
}

function folderOf(fd: number, path: string): OpenFolder {
  return {
    stat: statDescriptor(fd),
    names: () => readNames(fd, path),
    statEntry: (name) => statName(fd, name),
    fill: (table, isWanted) => fillTable(fd, table, isWanted),
    [Symbol.dispose]: () => void libc().close(fd),
  }
}

/** Opens without touching the access time where that is allowed (to the owner and to root). */
export function openQuietly(path: string, flags: number, options: OpenOptions): number {
  try {
    return openPath(path, flags | O_NOATIME, options)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error
    return openPath(path, flags, options)
  }
}

function readNames(fd: number, path: string): string[] {
  const names: string[] = []
  for (;;) {
    const filled = check(libc().getdents64(fd, batch, batch.length), 'getdents64', fromRaw(path))
    if (filled === 0) break
    parseEntries(filled, names)
  }
  // Strings of one character a byte: the default order, which the engine sorts fastest, is the order of the bytes.
  return names.sort()
}

/** Smaller rooms than this may not take even one name. */
const leastRoom = 2048

export function fillTable(fd: number, table: EntryTable, isWanted?: (name: string) => boolean): boolean {
  const address = addressOf(table.memory)
  let end = table.direntsAt
  for (let filled = -1; filled !== 0; end += filled) {
    if (table.direntsEnd - end < leastRoom) return false
    filled = libc().getdents64(fd, address + end, table.direntsEnd - end)
    if (filled < 0) return false
  }
  const count = table.sort(end)
  if (count === undefined) return false
  for (let place = 0; place < count; place++) {
    if (isWanted && !isWanted(nameIn(table, place))) table.leaveOut(place)
    else if (!fillStat(fd, table, place, address)) return false
  }
  return true
}

/** The raw name of an entry. */
export function nameIn(table: EntryTable, place: number): string {
  const { memory } = table
  const start = table.nameAt(place)
  return memory.toString('latin1', start, memory.indexOf(0, start))
}

/** struct linux_dirent64: inode 8, offset 8, length of the record 2, type 1, then the name and a NUL. */
function parseEntries(filled: number, names: string[]): void {
  for (let at = 0; at < filled; at += words.getUint16(at + 16, true)) {
    const start = at + 19
    const name = batch.toString('latin1', start, batch.indexOf(0, start))
    if (name !== '.' && name !== '..') names.push(name)
  }
}

function statName(fd: number, name: string): EntryStat {
  const length = nameBuffer.write(name, 'latin1')
  nameBuffer[length] = 0
  return statAt(fd, nameBuffer, false)
}
