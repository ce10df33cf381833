import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { hasCode } from '#base'

/**
 * Every change that the index makes on its disk. An interface, so that a test can end the world at each of them. Synchronous:
 * it is used in a thread that has nothing else to do meanwhile.
 */
export interface IndexFiles {
  /** Makes the folder and those above it, readable by nobody else. */
  makeFolder(path: string): void
  /** A new file, readable by nobody else. */
  create(path: string): number
  write(file: number, bytes: Uint8Array): void
  sync(file: number): void
  close(file: number): void
  rename(from: string, to: string): void
  remove(path: string): void
  removeFolder(path: string): void
  /** Makes names in the folder durable. */
  syncFolder(path: string): void
}

export const systemIndexFiles: IndexFiles = {
  makeFolder: (path) => void mkdirSync(path, { recursive: true, mode: 0o700 }),
  create: (path) => openSync(path, 'wx', 0o600),
  write(file, bytes) {
    for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at)
  },
  sync: fsyncSync,
  close: closeSync,
  rename: renameSync,
  remove: unlinkSync,
  removeFolder: (path) => rmSync(path, { recursive: true, force: true }),
  syncFolder(path) {
    if (process.platform === 'win32') return // names are durable there, and folders cannot be opened
    const folder = openSync(path, 'r')
    try {
      fsyncSync(folder)
    } finally {
      closeSync(folder)
    }
  },
}

/** The names in a folder; none when it is not there. */
export function listFolder(path: string): string[] {
  try {
    return readdirSync(path)
  } catch (thrown) {
    if (hasCode(thrown, 'ENOENT')) return []
    throw thrown
  }
}
