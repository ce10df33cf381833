import { decodePointer, errnos, libcFunctions } from './libc.ts'

/**
 * Names of users and groups, through the C library, so that those from LDAP or SSSD are found as well as those in
 * `/etc/passwd`. Each is asked for once a thread.
 */

const libc = libcFunctions({
  getpwuid_r: 'int getpwuid_r(uint32_t id, void *record, void *strings, unsigned long size, void *found)',
  getgrgid_r: 'int getgrgid_r(uint32_t id, void *record, void *strings, unsigned long size, void *found)',
})

type Lookup = 'getpwuid_r' | 'getgrgid_r'

const users = new Map<number, string>()
const groups = new Map<number, string>()

/** Empty where the user has no name. */
export function userName(uid: number): string {
  return cached(users, 'getpwuid_r', uid)
}

export function groupName(gid: number): string {
  return cached(groups, 'getgrgid_r', gid)
}

function cached(names: Map<number, string>, lookup: Lookup, id: number): string {
  let name = names.get(id)
  if (name === undefined) names.set(id, (name = find(lookup, id)))
  return name
}

/** A group of a large directory lists its members in the same buffer. */
const largestRecord = 16 << 20

function find(lookup: Lookup, id: number): string {
  // struct passwd and struct group both begin with the pointer to the name.
  const record = Buffer.alloc(128)
  const found = Buffer.alloc(8)
  for (let size = 4096; size <= largestRecord; size *= 4) {
    const strings = Buffer.alloc(size)
    const errno = libc()[lookup](id, record, strings, size, found)
    if (errno === errnos.ERANGE) continue
    if (errno !== 0 || found.readBigUInt64LE() === 0n) return ''
    return decodePointer(record)
  }
  return ''
}
