import { FormatError } from './errors.ts'
import { GoJsonWriter } from './go-json.ts'
import { JsonReader } from './json-reader.ts'
import { parseTime } from './time.ts'

/** A lock: who uses the repository (restic: internal/repository/lock_file.go). */
export interface LockFile {
  /** When it was made or made anew, RFC 3339. */
  readonly time: string
  readonly exclusive: boolean
  readonly hostname: string
  readonly username: string
  readonly pid: number
  readonly uid: number
  readonly gid: number
}

const largestUint32 = 0xffff_ffff

/** The JSON of a lock, as restic writes it. */
export function encodeLockFile(lock: LockFile): Buffer {
  const writer = new GoJsonWriter()
  writer.ascii('{"time":').string(lock.time).ascii(`,"exclusive":${lock.exclusive}`)
  writer.ascii(',"hostname":').string(lock.hostname).ascii(',"username":').string(lock.username)
  writer.ascii(`,"pid":${lock.pid}`)
  if (lock.uid !== 0) writer.ascii(`,"uid":${lock.uid}`)
  if (lock.gid !== 0) writer.ascii(`,"gid":${lock.gid}`)
  return writer.ascii('}').finish()
}

/** Reads a lock. Throws JSON_INVALID, FIELD_INVALID or TIME_INVALID. */
export function decodeLockFile(bytes: Uint8Array): LockFile {
  const reader = new JsonReader(bytes, 'lock')
  let time: string | undefined
  let exclusive: boolean | undefined
  const texts = { hostname: '', username: '' }
  const numbers = { pid: 0, uid: 0, gid: 0 }
  reader.readObject((key) => {
    if (reader.takeNull()) return
    if (key === 'time') time = reader.readString()
    else if (key === 'exclusive') exclusive = reader.readBoolean()
    else if (key === 'hostname' || key === 'username') texts[key] = reader.readString()
    else if (key === 'pid' || key === 'uid' || key === 'gid') numbers[key] = reader.readUnsigned(largestUint32)
    else reader.skipValue()
  })
  reader.finish()
  if (time === undefined) throw missing('time')
  // Everybody writes it; a snapshot, say, under a lock's name has none.
  if (exclusive === undefined) throw missing('exclusive')
  parseTime(time)
  return { time, exclusive, ...texts, ...numbers }
}

function missing(field: string): FormatError {
  return new FormatError('FIELD_INVALID', { what: 'lock', field, reason: 'is missing' })
}
