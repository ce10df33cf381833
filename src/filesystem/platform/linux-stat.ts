import { typeOfMode } from '#repository/format'
import type { EntryTable } from '#repository/format'
import type { EntryStat } from '#archiver'

import { deviceNumber } from './device-number.ts'
import { check, libcFunctions } from './libc.ts'
import type { FileStat } from './platform.ts'

/**
 * `statx(2)`, decoded without one allocation but the result. It costs two thirds of `fs.lstatSync(…, { bigint: true })`,
 * garbage collection counted, because it works relative to an open folder and makes no dates and no numbers unasked.
 */

const libc = libcFunctions({ statx: 'int statx(int folder, const void *path, int flags, uint32_t mask, void *into)' })

export const AT_FDCWD = -100
const AT_SYMLINK_NOFOLLOW = 0x100
/** A look at an automount point must not mount it. */
const AT_NO_AUTOMOUNT = 0x800
const AT_EMPTY_PATH = 0x1000
const STATX_BASIC_STATS = 0x7ff

// struct statx is 256 bytes; the offsets below are in units of 2, 4 and 8 bytes (man 2 statx).
const record = Buffer.from(new ArrayBuffer(256))
const words16 = new Uint16Array(record.buffer)
const words32 = new Uint32Array(record.buffer)
const words64 = new BigInt64Array(record.buffer)
const unsigned64 = new BigUint64Array(record.buffer)

const emptyPath = Buffer.from([0])

/** `path` ends with a NUL. */
export function statAt(folder: number, path: Buffer, follow: boolean): EntryStat {
  const flags = AT_NO_AUTOMOUNT | (follow ? 0 : AT_SYMLINK_NOFOLLOW)
  const result = libc().statx(folder, path, flags, STATX_BASIC_STATS, record)
  return result === 0 ? decode() : fail(result, path)
}

function fail(result: number, path: Buffer): never {
  check(result, 'statx', path.subarray(0, path.indexOf(0)))
  throw new TypeError('statx(2) returns 0 or -1')
}

/** The stat of an entry that `fillStat` has put into a table. */
export function statIn(table: EntryTable, place: number): EntryStat {
  const at = table.statAt(place)
  table.memory.copy(record, 0, at, at + record.length)
  return decode()
}

/** Has the system put the stat of an entry into a table; false when it cannot. `address` is that of the table's memory. */
export function fillStat(folder: number, table: EntryTable, place: number, address: number): boolean {
  const flags = AT_NO_AUTOMOUNT | AT_SYMLINK_NOFOLLOW
  const [name, into] = [address + table.nameAt(place), address + table.statAt(place)]
  return libc().statx(folder, name, flags, STATX_BASIC_STATS, into) === 0
}

export function statDescriptor(fd: number): FileStat {
  check(libc().statx(fd, emptyPath, AT_EMPTY_PATH, STATX_BASIC_STATS, record), 'fstat')
  const blocks = unsigned64[6] as bigint
  const stat = decode()
  return Object.assign(stat, { sparse: blocks * 512n < stat.size })
}

function decode(): EntryStat {
  const mode = words16[14] as number
  return {
    type: typeOfMode(mode),
    mode,
    uid: words32[5] as number,
    gid: words32[6] as number,
    inode: unsigned64[4] as bigint,
    deviceId: device(words32[34] as number, words32[35] as number),
    links: BigInt(words32[4] as number),
    device: device(words32[32] as number, words32[33] as number),
    size: unsigned64[5] as bigint,
    atime: time(8, 18),
    mtime: time(14, 30),
    ctime: time(12, 26),
  }
}

const nanosecondsPerSecond = 1_000_000_000n

function time(seconds: number, nanoseconds: number): bigint {
  return (words64[seconds] as bigint) * nanosecondsPerSecond + BigInt(words32[nanoseconds] as number)
}

// Nearly every entry lies on the device of the one before it, and is itself no device.
let lastMajor = 0
let lastMinor = 0
let lastDevice = 0n

function device(major: number, minor: number): bigint {
  if (major === 0 && minor === 0) return 0n
  if (major !== lastMajor || minor !== lastMinor) {
    lastMajor = major
    lastMinor = minor
    lastDevice = deviceNumber(major, minor)
  }
  return lastDevice
}
