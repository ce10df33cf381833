import { check, libcFunctions, lastErrno, errnos, SystemError } from './libc.ts'
import { readAttributes } from './linux-attributes.ts'
import { nameIn, openLinuxFolder, openQuietly } from './linux-folder.ts'
import { O_NOFOLLOW, O_NONBLOCK, withReachablePath } from './linux-path.ts'
import { AT_FDCWD, statAt, statDescriptor, statIn } from './linux-stat.ts'
import { groupId, groupName, userId, userName } from './names.ts'
import { fromRaw, toRaw } from './platform.ts'
import type { Platform } from './platform.ts'

const libc = libcFunctions({
  close: 'int close(int fd)',
  lseek: 'long lseek(int fd, long offset, int whence)',
  pread: 'long pread(int fd, void *into, unsigned long size, long offset)',
  readlink: 'long readlink(const void *path, void *into, unsigned long size)',
})

const SEEK_DATA = 3
const SEEK_HOLE = 4

/** PATH_MAX: the longest target that a symlink can have. */
const linkBuffer = Buffer.alloc(4096)

export const linux: Platform = {
  workingFolder: () => toRaw(readLink('/proc/self/cwd')),
  openFolder: openLinuxFolder,
  readTable: (table, place) => ({ name: nameIn(table, place), stat: statIn(table, place) }),
  openFile: (path, options = {}) => openQuietly(path, O_NOFOLLOW | O_NONBLOCK, options),
  close: (fd) => void libc().close(fd),
  statOpen: statDescriptor,
  stat: (path, { follow }) => withReachablePath(path, (reachable) => statAt(AT_FDCWD, reachable, follow)),
  readLink,
  read,
  seek,
  extendedAttributes: readAttributes,
  userName,
  groupName,
  userId,
  groupId,
}

function readLink(path: string): Buffer {
  const length = withReachablePath(path, (reachable) =>
    check(libc().readlink(reachable, linkBuffer, linkBuffer.length), 'readlink', fromRaw(path)),
  )
  return Buffer.from(linkBuffer.subarray(0, length))
}

function read(fd: number, into: Uint8Array, position: number): number {
  let filled = 0
  while (filled < into.length) {
    const rest = filled === 0 ? into : into.subarray(filled)
    const count = libc().pread(fd, rest, rest.length, position + filled)
    if (count === 0) break
    if (count > 0) filled += count
    else if (lastErrno() !== errnos.EINTR) throw new SystemError(lastErrno(), 'read')
  }
  return filled
}

function seek(fd: number, what: 'data' | 'hole', position: number): number | undefined {
  const found = libc().lseek(fd, position, what === 'data' ? SEEK_DATA : SEEK_HOLE)
  if (found >= 0) return found
  if (lastErrno() === errnos.ENXIO) return undefined
  // A file system without knowledge of holes: everything is data.
  if (lastErrno() === errnos.EINVAL) return what === 'data' ? position : undefined
  throw new SystemError(lastErrno(), 'lseek')
}
