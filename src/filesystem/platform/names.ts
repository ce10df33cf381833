import { cString, decodePointer, errnos, libcFunctions } from './libc.ts'

/**
 * Names of users and groups, through the C library, so that those from LDAP or SSSD are found as well as those in
 * `/etc/passwd`. Each is asked for once a thread.
 */

const libc = libcFunctions({
  getpwuid_r: 'int getpwuid_r(uint32_t id, void *record, void *strings, unsigned long size, void *found)',
  getgrgid_r: 'int getgrgid_r(uint32_t id, void *record, void *strings, unsigned long size, void *found)',
  getpwnam_r: 'int getpwnam_r(const void *name, void *record, void *strings, unsigned long size, void *found)',
  getgrnam_r: 'int getgrnam_r(const void *name, void *record, void *strings, unsigned long size, void *found)',
})

type Lookup = 'getpwuid_r' | 'getgrgid_r'
type NameLookup = 'getpwnam_r' | 'getgrnam_r'

const users = new Map<number, string>()
const groups = new Map<number, string>()
const userIds = new Map<string, number | undefined>()
const groupIds = new Map<string, number | undefined>()

/** Empty where the user has no name. */
export function userName(uid: number): string {
  return cached(users, 'getpwuid_r', uid)
}

export function groupName(gid: number): string {
  return cached(groups, 'getgrgid_r', gid)
}

/** Undefined where nobody has the name. */
export function userId(name: string): number | undefined {
  return cachedId(userIds, 'getpwnam_r', name)
}

export function groupId(name: string): number | undefined {
  return cachedId(groupIds, 'getgrnam_r', name)
}

function cachedId(ids: Map<string, number | undefined>, lookup: NameLookup, name: string): number | undefined {
  if (name.includes('\0')) return undefined
  if (!ids.has(name)) {
    ids.set(
      name,
      look(lookup, cString(name), (record) => record.readUInt32LE(idOffset)),
    )
  }
  return ids.get(name)
}

/** In both records two pointers come before the id. */
const idOffset = 16

function cached(names: Map<number, string>, lookup: Lookup, id: number): string {
  let name = names.get(id)
  if (name === undefined) names.set(id, (name = find(lookup, id)))
  return name
}

/** A group of a large directory lists its members in the same buffer. */
const largestRecord = 16 << 20

function find(lookup: Lookup, id: number): string {
  // struct passwd and struct group both begin with the pointer to the name.
  return look(lookup, id, (record) => decodePointer(record)) ?? ''
}

/** What `read` makes of the record, while the memory that it points to is there; undefined where there is none. */
function look<Read>(
  lookup: Lookup | NameLookup,
  key: number | Buffer,
  read: (record: Buffer) => Read,
): Read | undefined {
  const record = Buffer.alloc(128)
  const found = Buffer.alloc(8)
  const call = libc()[lookup] as (key: number | Buffer, record: Buffer, ...rest: unknown[]) => number
  for (let size = 4096; size <= largestRecord; size *= 4) {
    const strings = Buffer.alloc(size)
    const errno = call(key, record, strings, size, found)
    if (errno === errnos.ERANGE) continue
    if (errno !== 0 || found.readBigUInt64LE() === 0n) return undefined
    return read(record)
  }
  return undefined
}
