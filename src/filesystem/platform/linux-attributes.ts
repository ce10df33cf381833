import type { ExtendedAttribute } from '#archiver'

import { check, cString, errnos, lastErrno, libcFunctions, SystemError } from './libc.ts'
import { withReachablePath } from './linux-path.ts'
import type { Attributes } from './platform.ts'
import { FilesystemError } from '../errors.ts'

/** Extended attributes. POSIX ACLs and file capabilities are extended attributes too (`system.posix_acl_*`, `security.*`). */

const libc = libcFunctions({
  flistxattr: 'long flistxattr(int fd, void *list, unsigned long size)',
  fgetxattr: 'long fgetxattr(int fd, const void *name, void *value, unsigned long size)',
  llistxattr: 'long llistxattr(const void *path, void *list, unsigned long size)',
  lgetxattr: 'long lgetxattr(const void *path, const void *name, void *value, unsigned long size)',
})

/** Linux's limits, both for the list of names and for one value (XATTR_LIST_MAX, XATTR_SIZE_MAX). */
const most = 65536

// Reused: asking for the size first would double the system calls.
const names = Buffer.alloc(most)
const scratch = Buffer.alloc(most)

const none: Attributes = { attributes: [], problems: [] }

type Target = number | Buffer

export function readAttributes(of: number | string): Attributes {
  if (typeof of === 'number') return readAll(of)
  return withReachablePath(of, readAll)
}

function readAll(target: Target): Attributes {
  const length = listNames(target)
  if (length === 0) return none
  const attributes: ExtendedAttribute[] = []
  const problems: Error[] = []
  // Copied: each value is read by the same calls that may list again.
  for (const name of splitNames(Buffer.from(names.subarray(0, length)))) {
    try {
      const attribute = readOne(target, name)
      if (attribute) attributes.push(attribute)
    } catch (error) {
      problems.push(error as Error)
    }
  }
  return { attributes, problems }
}

function listNames(target: Target): number {
  const result =
    typeof target === 'number' ? libc().flistxattr(target, names, most) : libc().llistxattr(target, names, most)
  if (result >= 0) return result
  const errno = lastErrno()
  // "Not supported" comes from file systems without attributes, "no data" from some network file systems.
  if (errno === errnos.ENOTSUP || errno === errnos.ENODATA) return 0
  throw new SystemError(errno, 'listxattr')
}

/** Undefined when the attribute has gone since the names were listed. */
function readOne(target: Target, name: Buffer): ExtendedAttribute | undefined {
  const text = decodeName(name)
  const zeroTerminated = cString(name)
  const length =
    typeof target === 'number'
      ? libc().fgetxattr(target, zeroTerminated, scratch, most)
      : libc().lgetxattr(target, zeroTerminated, scratch, most)
  if (length < 0 && lastErrno() === errnos.ENODATA) return undefined
  check(length, `getxattr ${text}`)
  return { name: text, value: Buffer.from(scratch.subarray(0, length)) }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The format holds names of attributes as JSON text (restic: internal/data/node.go), so only UTF-8 can be stored. */
function decodeName(name: Buffer): string {
  try {
    return utf8.decode(name)
  } catch (cause) {
    throw new FilesystemError('ATTRIBUTE_NAME_NOT_UTF8', { name: name.toString('latin1'), cause })
  }
}

function splitNames(list: Buffer): Buffer[] {
  const found: Buffer[] = []
  for (let start = 0; start < list.length;) {
    const end = list.indexOf(0, start)
    const stop = end < 0 ? list.length : end
    if (stop > start) found.push(list.subarray(start, stop))
    start = stop + 1
  }
  return found
}
