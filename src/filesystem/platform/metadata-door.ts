import type { EntryKind, MetadataDoor, TargetStat } from '../target-disk-types.ts'
import { check, cString, errnos, lastErrno, SystemError } from './libc.ts'
import { atFlags, writeCalls } from './libc-write.ts'

/** Metadata on Linux: of what is open, or of an entry by its name in an open folder. */

const kinds: Readonly<Record<number, EntryKind>> = { 0o100000: 'file', 0o040000: 'dir', 0o120000: 'symlink' }

const statxBasic = 0x7ff

// One for each thread: a result is taken out of it before the next call.
const statBuffer = Buffer.alloc(256)
const statView = new DataView(statBuffer.buffer, statBuffer.byteOffset, statBuffer.length)

/** Undefined on failure, with `errno` set. struct statx: the same on all architectures. */
export function readStatx(folder: number, name: Buffer, flags: number): TargetStat | undefined {
  if (writeCalls().statx(folder, name, flags, statxBasic, statBuffer) < 0) return undefined
  const mode = statView.getUint16(28, true)
  const attributes = statView.getUint32(8, true)
  return {
    kind: kinds[mode & 0o170000] ?? 'other',
    mode,
    uid: statView.getUint32(20, true),
    gid: statView.getUint32(24, true),
    inode: statView.getBigUint64(32, true),
    deviceId: deviceNumber(statView.getUint32(136, true), statView.getUint32(140, true)),
    links: statView.getUint32(16, true),
    device: deviceNumber(statView.getUint32(128, true), statView.getUint32(132, true)),
    size: Number(statView.getBigUint64(40, true)),
    atime: statView.getBigInt64(64, true) * 1_000_000_000n + BigInt(statView.getUint32(72, true)),
    mtime: statView.getBigInt64(112, true) * 1_000_000_000n + BigInt(statView.getUint32(120, true)),
    immutable: (attributes & 0x10) !== 0,
    appendOnly: (attributes & 0x20) !== 0,
  }
}

/** `makedev` of glibc. */
function deviceNumber(major: number, minor: number): bigint {
  if (major < 0x1000 && minor < 0x100) return BigInt(major * 256 + minor)
  const [high, low] = [BigInt(major), BigInt(minor)]
  return ((high & 0xfffff000n) << 32n) | ((high & 0xfffn) << 8n) | ((low & 0xffffff00n) << 12n) | (low & 0xffn)
}

const empty = cString('')

/** Of an open file or folder. */
export function handleDoor(file: number): MetadataDoor {
  return {
    stat: () => readStatx(file, empty, atFlags.emptyPath) ?? fail('statx'),
    chown: (uid, gid) => void check(writeCalls().fchownat(file, empty, uid, gid, atFlags.emptyPath), 'fchown'),
    chmod: (mode) => void check(writeCalls().fchmod(file, mode), 'fchmod'),
    setTimes: (atime, mtime) => void check(writeCalls().futimens(file, timespecs(atime, mtime)), 'futimens'),
    listAttributes: () => listAll((into) => writeCalls().flistxattr(file, into, into.length)),
    getAttribute: (name) => readAll((into) => writeCalls().fgetxattr(file, cString(name), into, into.length), name),
    setAttribute: (name, value) =>
      void check(writeCalls().fsetxattr(file, cString(name), value, value.length, 0), 'fsetxattr', name),
    removeAttribute: (name) => void check(writeCalls().fremovexattr(file, cString(name)), 'fremovexattr', name),
  }
}

/**
 * Of a symlink, fifo or device, which is not opened (opening a device may do something). The way through /proc leads to
 * the open folder itself, so that it is as safe as the calls that take the handle.
 */
export function namedDoor(folder: number, name: Buffer): MetadataDoor {
  const terminated = cString(name)
  const path = Buffer.concat([Buffer.from(`/proc/self/fd/${folder}/`), terminated])
  const noFollow = atFlags.noFollow
  return {
    stat: () => readStatx(folder, terminated, noFollow) ?? fail('statx'),
    chown: (uid, gid) => void check(writeCalls().fchownat(folder, terminated, uid, gid, noFollow), 'fchownat', name),
    chmod: (mode) => void check(writeCalls().fchmodat(folder, terminated, mode, noFollow), 'fchmodat', name),
    setTimes: (atime, mtime) =>
      void check(writeCalls().utimensat(folder, terminated, timespecs(atime, mtime), noFollow), 'utimensat', name),
    listAttributes: () => listAll((into) => writeCalls().llistxattr(path, into, into.length)),
    getAttribute: (key) => readAll((into) => writeCalls().lgetxattr(path, cString(key), into, into.length), key),
    setAttribute: (key, value) =>
      void check(writeCalls().lsetxattr(path, cString(key), value, value.length, 0), 'lsetxattr', key),
    removeAttribute: (key) => void check(writeCalls().lremovexattr(path, cString(key)), 'lremovexattr', key),
  }
}

function fail(call: string): never {
  throw new SystemError(lastErrno(), call)
}

const times = Buffer.alloc(32)

/** struct timespec[2]. `BigInt` division rounds to zero; nanoseconds must be 0 to 999,999,999. */
function timespecs(atime: bigint, mtime: bigint): Buffer {
  for (const [at, time] of [atime, mtime].entries()) {
    const nanoseconds = ((time % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n
    times.writeBigInt64LE((time - nanoseconds) / 1_000_000_000n, at * 16)
    times.writeBigInt64LE(nanoseconds, at * 16 + 8)
  }
  return times
}

/** The kernel's limits: 64 KiB for all names, 64 KiB for a value. */
const attributeBuffer = Buffer.alloc(65536)

function listAll(call: (into: Buffer) => number): string[] {
  const bytes = call(attributeBuffer)
  if (bytes === 0) return []
  if (bytes < 0) {
    // Not supported here means that there are none.
    const errno = lastErrno()
    if (errno === errnos.ENOTSUP) return []
    throw new SystemError(errno, 'listxattr')
  }
  return attributeBuffer.toString('utf8', 0, bytes - 1).split('\0')
}

function readAll(call: (into: Buffer) => number, name: string): Buffer {
  return Buffer.from(attributeBuffer.subarray(0, check(call(attributeBuffer), 'getxattr', name)))
}
