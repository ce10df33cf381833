import { constants } from 'node:fs'

import { AT_FDCWD } from './linux-stat.ts'
import { check, cString, errnos, lastErrno, libcFunctions, SystemError } from './libc.ts'
import { fromRaw } from './platform.ts'
import type { OpenOptions } from './platform.ts'

/** Opening by path: also paths longer than the kernel takes, also paths below which no symlink may be followed. */

const libc = libcFunctions({
  openat: 'int openat(int folder, const void *path, int flags, uint32_t mode)',
  close: 'int close(int fd)',
  syscall: 'long syscall(long number, long folder, const void *path, const void *how, long size)',
})

export const { O_DIRECTORY, O_NOATIME, O_NOFOLLOW, O_NONBLOCK } = constants
const O_CLOEXEC = 0o2000000
const O_PATH = 0o10000000

/** The kernel's limit is 4096 with the NUL; some is left for the `/proc/self/fd/…/` in front. */
const longestPath = 4000

/**
 * Runs `use` with a path that the kernel takes. A longer one is walked in pieces: each piece is opened relative to the
 * one before, and `use` gets the rest below `/proc/self/fd/N`.
 */
export function withReachablePath<T>(path: string, use: (path: Buffer) => T): T {
  if (path.length <= longestPath) return use(cString(fromRaw(path)))
  const { folder, rest } = walk(path)
  try {
    return use(cString(fromRaw(`/proc/self/fd/${folder}/${rest}`)))
  } finally {
    libc().close(folder)
  }
}

export function openPath(path: string, flags: number, { trusted }: OpenOptions = {}): number {
  if (trusted !== undefined && trusted < path.length) return openBelow(path, trusted, flags)
  return withReachablePath(path, (reachable) =>
    check(libc().openat(AT_FDCWD, reachable, flags | O_CLOEXEC, 0), 'open', fromRaw(path)),
  )
}

function walk(path: string): { readonly folder: number; readonly rest: string } {
  let folder = AT_FDCWD
  let rest = path
  while (rest.length > longestPath) {
    const cut = rest.lastIndexOf('/', longestPath)
    if (cut <= 0) throw new SystemError(errnos.ENAMETOOLONG, 'open', fromRaw(path))
    const next = libc().openat(folder, cString(fromRaw(rest.slice(0, cut))), O_PATH | O_DIRECTORY | O_CLOEXEC, 0)
    const failure = next < 0 ? new SystemError(lastErrno(), 'open', fromRaw(path)) : undefined
    if (folder !== AT_FDCWD) libc().close(folder)
    if (failure) throw failure
    folder = next
    rest = rest.slice(cut + 1)
  }
  return { folder, rest }
}

const SYS_openat2 = 437
const RESOLVE_NO_MAGICLINKS = 0x02n
const RESOLVE_NO_SYMLINKS = 0x04n
const RESOLVE_BENEATH = 0x08n

function openBelow(path: string, trusted: number, flags: number): number {
  const start = openPath(path.slice(0, trusted) || '/', O_PATH | O_DIRECTORY | O_NOFOLLOW)
  try {
    const resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS
    const how = new Uint8Array(new BigUint64Array([BigInt(flags | O_CLOEXEC), 0n, resolve]).buffer)
    const below = cString(fromRaw(path.slice(trusted).replace(/^\/+/, '')))
    return check(libc().syscall(SYS_openat2, start, below, how, how.byteLength), 'openat2', fromRaw(path))
  } finally {
    libc().close(start)
  }
}
