import { closeSync, constants, fsyncSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { hasCode } from '#base'
import { hasLibc } from './platform/libc.ts'
import { openFolderBelow, openat2IsUsed } from './platform/libc-write.ts'
import { handleDoor } from './platform/metadata-door.ts'

/** What the operating system and the file system of a folder can do for backups, found out by doing it. */
export interface Abilities {
  /** Metadata to the nanosecond, holes, and names of any bytes, through the C library. */
  readonly native: boolean
  /** Folders are opened so that nobody can lead a restore outside (openat2). */
  readonly openat2: boolean
  /** Times and attributes of open files (statx). */
  readonly statx: boolean
  /** Extended attributes can be written and read back; false where the file system has none. */
  readonly attributes: boolean
}

/** Tries them in a new folder inside `folder`, which is removed again. */
export function findAbilities(folder: string): Abilities {
  const place = join(folder, `abilities-${process.pid}`)
  mkdirSync(join(place, 'inner'), { recursive: true })
  try {
    if (!hasLibc) return { native: false, openat2: false, statx: false, attributes: false }
    return { native: true, openat2: triesOpenat2(place), ...triesMetadata(join(place, 'file')) }
  } finally {
    rmSync(place, { recursive: true, force: true })
  }
}

function triesOpenat2(place: string): boolean {
  const from = openSync(place, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    closeSync(openFolderBelow(from, Buffer.from('inner')))
    return openat2IsUsed()
  } finally {
    closeSync(from)
  }
}

function triesMetadata(path: string): { readonly statx: boolean; readonly attributes: boolean } {
  const file = openSync(path, 'w', 0o600)
  try {
    writeSync(file, 'content')
    fsyncSync(file)
    const door = handleDoor(file)
    return { statx: door.stat().size === 7, attributes: keepsAttribute(door) }
  } finally {
    closeSync(file)
  }
}

const kept = Buffer.from('kept')

function keepsAttribute(door: ReturnType<typeof handleDoor>): boolean {
  try {
    door.setAttribute('user.understudy', kept)
  } catch (thrown) {
    if (['EOPNOTSUPP', 'ENOTSUP', 'EPERM', 'ENOSPC'].some((code) => hasCode(thrown, code))) return false
    throw thrown
  }
  return door.listAttributes().includes('user.understudy') && door.getAttribute('user.understudy').equals(kept)
}
