import { arch } from 'node:process'

import { check, cString, errnos, lastErrno, libcFunctions, SystemError } from './libc.ts'

/**
 * The calls that write below an open folder (Linux).
 *
 * Everything is said as "this name in that open folder": a handle stays with the folder that was opened, whoever renames
 * it or puts a symlink in its place, while a path may lead elsewhere from one call to the next.
 */
const libc = libcFunctions({
  openat: 'int openat(int folder, const void *name, int flags, unsigned int mode)',
  close: 'int close(int file)',
  mkdirat: 'int mkdirat(int folder, const void *name, unsigned int mode)',
  symlinkat: 'int symlinkat(const void *target, int folder, const void *name)',
  linkat: 'int linkat(int from, const void *name, int to, const void *newName, int flags)',
  mknodat: 'int mknodat(int folder, const void *name, unsigned int mode, uint64_t device)',
  renameat: 'int renameat(int from, const void *name, int to, const void *newName)',
  unlinkat: 'int unlinkat(int folder, const void *name, int flags)',
  fchownat: 'int fchownat(int folder, const void *name, unsigned int uid, unsigned int gid, int flags)',
  fchmod: 'int fchmod(int file, unsigned int mode)',
  fchmodat: 'int fchmodat(int folder, const void *name, unsigned int mode, int flags)',
  utimensat: 'int utimensat(int folder, const void *name, const void *times, int flags)',
  futimens: 'int futimens(int file, const void *times)',
  statx: 'int statx(int folder, const void *name, int flags, unsigned int mask, void *into)',
  fallocate: 'int fallocate(int file, int mode, long offset, long length)',
  ftruncate: 'int ftruncate(int file, long size)',
  pwrite: 'long pwrite(int file, const void *bytes, unsigned long length, long offset)',
  pread: 'long pread(int file, void *into, unsigned long length, long offset)',
  flistxattr: 'long flistxattr(int file, void *into, unsigned long size)',
  fgetxattr: 'long fgetxattr(int file, const void *name, void *into, unsigned long size)',
  fsetxattr: 'int fsetxattr(int file, const void *name, const void *value, unsigned long size, int flags)',
  fremovexattr: 'int fremovexattr(int file, const void *name)',
  llistxattr: 'long llistxattr(const void *path, void *into, unsigned long size)',
  lgetxattr: 'long lgetxattr(const void *path, const void *name, void *into, unsigned long size)',
  lsetxattr: 'int lsetxattr(const void *path, const void *name, const void *value, unsigned long size, int flags)',
  lremovexattr: 'int lremovexattr(const void *path, const void *name)',
  syncfs: 'int syncfs(int file)',
})

export { libc as writeCalls }

// `syscall` takes what the call takes: one declaration for each of the calls that the C library has no function for.
const openat2 = libcFunctions({
  syscall: 'long syscall(long number, long folder, const void *path, const void *how, unsigned long size)',
})
const getdents64 = libcFunctions({ syscall: 'long syscall(long number, long folder, void *into, unsigned long size)' })
const renameat2 = libcFunctions({
  syscall: 'long syscall(long number, long from, const void *name, long to, const void *newName, unsigned long flags)',
})

/** Flags of `open`. Some differ between architectures. */
const arm = arch === 'arm64' || arch === 'arm'
export const openFlags = {
  readOnly: 0,
  writeOnly: 1,
  create: 0o100,
  exclusive: 0o200,
  nonBlocking: 0o4000,
  directory: arm ? 0o40000 : 0o200000,
  noFollow: arm ? 0o100000 : 0o400000,
  closeOnExec: 0o2000000,
  pathOnly: 0o10000000,
} as const

export const atFlags = { noFollow: 0x100, removeFolder: 0x200, emptyPath: 0x1000 } as const

/** `rename` that fails with EEXIST rather than replace. */
const renameNoReplace = 1

const numbers = {
  x64: { getdents64: 217, renameat2: 316, openat2: 437 },
  arm64: { getdents64: 61, renameat2: 276, openat2: 437 },
} as const
const systemCall = arch === 'arm64' ? numbers.arm64 : numbers.x64
export const hasSystemCalls = arch === 'x64' || arch === 'arm64'

/** Never leave the folder that is given, never follow a symlink on the way, not even those in /proc. */
const resolveBeneath = 0x08
const resolveNoSymlinks = 0x04
const resolveNoMagicLinks = 0x02

let openat2Works = hasSystemCalls

/** False once the kernel has refused `openat2`; folders are then opened step by step. */
export function openat2IsUsed(): boolean {
  return openat2Works
}

/**
 * Opens the folder at `path` (one or more components, no `..`) below the open folder `from`, following no symlink.
 * Throws ENOENT, ENOTDIR or ELOOP.
 */
export function openFolderBelow(from: number, path: Uint8Array): number {
  const flags = openFlags.readOnly | openFlags.directory | openFlags.noFollow | openFlags.closeOnExec
  if (openat2Works) {
    const how = Buffer.alloc(24)
    how.writeBigUInt64LE(BigInt(flags), 0)
    how.writeBigUInt64LE(BigInt(resolveBeneath | resolveNoSymlinks | resolveNoMagicLinks), 16)
    for (let attempt = 0; ; attempt++) {
      const handle = openat2().syscall(systemCall.openat2, from, cString(path), how, how.length)
      if (handle >= 0) return handle
      const errno = lastErrno()
      // EAGAIN: something was renamed on the way just now, and the kernel cannot rule out an escape.
      if ((errno === errnos.EAGAIN || errno === errnos.EINTR) && attempt < 100) continue
      // Older kernels, and sandboxes that forbid calls that they do not know.
      if (errno !== errnos.ENOSYS && errno !== errnos.EPERM && errno !== errnos.EINVAL)
        throw new SystemError(errno, 'openat2', path)
      openat2Works = false
      break
    }
  }
  return openFolderStepwise(from, path, flags)
}

/** The same for kernels before 5.6: component by component, each opened from the last and never through a symlink. */
export function openFolderStepwise(from: number, path: Uint8Array, flags: number): number {
  let handle = from
  for (const name of splitPath(path)) {
    try {
      if (name.length === 2 && name[0] === 0x2e && name[1] === 0x2e)
        throw new SystemError(errnos.EINVAL, 'openat', path)
      const next = libc().openat(handle, cString(name), flags, 0)
      if (next < 0) throw new SystemError(lastErrno(), 'openat', path)
      if (handle !== from) libc().close(handle)
      handle = next
    } catch (error) {
      if (handle !== from) libc().close(handle)
      throw error
    }
  }
  return handle
}

/** The components of a path, without empty ones. */
function splitPath(path: Uint8Array): Buffer[] {
  const bytes = Buffer.from(path.buffer, path.byteOffset, path.length)
  const parts: Buffer[] = []
  let start = 0
  while (start < bytes.length) {
    const slash = bytes.indexOf(0x2f, start)
    const end = slash < 0 ? bytes.length : slash
    if (end > start) parts.push(bytes.subarray(start, end))
    start = end + 1
  }
  return parts
}

let noReplaceWorks = hasSystemCalls

/** Moves `name` to `newName` in the same folder. Without `replace` it throws EEXIST when that is taken. */
export function renameWithin(folder: number, name: Uint8Array, newName: Uint8Array, replace: boolean): void {
  const to = cString(newName)
  if (replace) {
    check(libc().renameat(folder, cString(name), folder, to), 'renameat', newName)
    return
  }
  if (noReplaceWorks) {
    const from = cString(name)
    if (renameat2().syscall(systemCall.renameat2, folder, from, folder, to, renameNoReplace) >= 0) return
    const errno = lastErrno()
    if (errno !== errnos.ENOSYS && errno !== errnos.EINVAL) throw new SystemError(errno, 'renameat2', newName)
    // EINVAL: this file system cannot. Not remembered, as the next folder may lie on another.
    if (errno === errnos.ENOSYS) noReplaceWorks = false
  }
  if (exists(folder, newName)) throw new SystemError(errnos.EEXIST, 'renameat', newName)
  check(libc().renameat(folder, cString(name), folder, to), 'renameat', newName)
}

function exists(folder: number, name: Uint8Array): boolean {
  const into = Buffer.allocUnsafe(256)
  return libc().statx(folder, cString(name), atFlags.noFollow, 0, into) >= 0
}

/** The names in an open folder, without `.` and `..`. The handle is read from its start. */
export function listNames(folder: number, shown: Uint8Array): Buffer[] {
  const flags = openFlags.readOnly | openFlags.directory | openFlags.closeOnExec
  const handle = check(libc().openat(folder, cString('.'), flags, 0), 'openat', shown)
  const names: Buffer[] = []
  try {
    const entries = Buffer.allocUnsafe(64 * 1024)
    for (;;) {
      const bytes = getdents64().syscall(systemCall.getdents64, handle, entries, entries.length)
      if (bytes === 0) return names
      check(bytes, 'getdents64', shown)
      collectNames(entries.subarray(0, bytes), names)
    }
  } finally {
    libc().close(handle)
  }
}

// struct linux_dirent64: inode (8), offset (8), length of the record (2), type (1), name up to its NUL.
function collectNames(entries: Buffer, names: Buffer[]): void {
  for (let at = 0; at < entries.length; at += entries.readUInt16LE(at + 16)) {
    const end = entries.indexOf(0, at + 19)
    const name = Buffer.from(entries.subarray(at + 19, end))
    const dots = name[0] === 0x2e && (name.length === 1 || (name.length === 2 && name[1] === 0x2e))
    if (!dots) names.push(name)
  }
}
