import * as fs from 'node:fs'
import { dirname } from 'node:path'
import { hasCode } from '#base'

/** Bytes that have arrived, and the name that they get. */
export interface Placing {
  /** A name on the same file system; gone afterwards, whatever came of it. */
  readonly temporary: string
  readonly target: string
  /** Permission bits. */
  readonly mode: number
  /** What the file holds; absent when it has been written already. */
  readonly bytes?: Uint8Array | undefined
  /** The file that has been written, open. */
  readonly fd?: number | undefined
}

/** The calls that this makes. A parameter, so that tests can have any of them fail. */
export type PlaceFiles = Pick<
  typeof fs,
  'openSync' | 'writeSync' | 'fsyncSync' | 'closeSync' | 'linkSync' | 'renameSync' | 'unlinkSync' | 'lstatSync'
>

/** File systems without hard links (FAT, some network shares) answer with one of these. */
const noLinks = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']

/** File systems that cannot sync a folder or a file and need not (network shares, FUSE) answer with one of these. */
const noSync = ['ENOTSUP', 'EOPNOTSUPP', 'EINVAL']

/**
 * Puts a file in place so that it is absent or whole at every moment, also after a power cut, and never replaces one: written
 * and synced under the temporary name, then named by a link, then the folder synced. False when the name is taken.
 *
 * The calls are synchronous, for a thread: a small upload is a dozen of them, and sending each through the pool of Node took
 * more of the processor than the calls themselves. A failed sync means *not stored*: the kernel may have dropped the pages and
 * says so only once.
 */
export function placeFile({ temporary, target, mode, bytes, fd }: Placing, files: PlaceFiles = fs): boolean {
  try {
    if (bytes) writeFile(files, temporary, { mode, bytes })
    else if (fd !== undefined) sync(files, fd)
    if (!giveName(files, temporary, target)) return false
  } finally {
    removeQuietly(files, temporary)
  }
  try {
    syncFolder(files, dirname(target))
  } catch (thrown) {
    removeQuietly(files, target) // ours, and not certain to be there after a power cut
    throw thrown
  }
  return true
}

function writeFile(
  files: PlaceFiles,
  path: string,
  { mode, bytes }: { readonly mode: number; readonly bytes: Uint8Array },
): void {
  const fd = files.openSync(path, 'wx', mode)
  try {
    for (let at = 0; at < bytes.length;) {
      const written = files.writeSync(fd, bytes, at, bytes.length - at, at)
      if (written === 0) throw Object.assign(new Error('EIO: the system wrote nothing'), { code: 'EIO' })
      at += written
    }
    sync(files, fd)
  } finally {
    files.closeSync(fd) // may fail too (NFS reports a full disk here): then nothing was stored
  }
}

/** A link never replaces what is there, unlike a rename. */
function giveName(files: PlaceFiles, temporary: string, target: string): boolean {
  try {
    files.linkSync(temporary, target)
    return true
  } catch (thrown) {
    if (hasCode(thrown, 'EEXIST')) return false
    if (!noLinks.some((code) => hasCode(thrown, code))) throw thrown
  }
  // The second best: between look and rename somebody else would have to write the same new name.
  if (files.lstatSync(target, { throwIfNoEntry: false })) return false
  files.renameSync(temporary, target)
  return true
}

function syncFolder(files: PlaceFiles, folder: string): void {
  if (process.platform === 'win32') return // Windows has no such call; NTFS journals names itself
  const fd = files.openSync(folder, 'r')
  try {
    sync(files, fd)
  } finally {
    files.closeSync(fd)
  }
}

function sync(files: PlaceFiles, fd: number): void {
  try {
    files.fsyncSync(fd)
  } catch (thrown) {
    if (!noSync.some((code) => hasCode(thrown, code))) throw thrown
  }
}

/** What cannot be removed now goes when the server starts again. */
function removeQuietly(files: PlaceFiles, path: string): void {
  try {
    files.unlinkSync(path)
  } catch {
    // as said
  }
}
