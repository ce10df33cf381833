import { hasCode, messageOf } from '#base'

import type { TakesAttribute } from './attribute-filter.ts'
import { FilesystemError } from './errors.ts'
import type { PlainMetadata } from './metadata.ts'
import type { MetadataDoor, TargetStat } from './target-disk-types.ts'
import type { WriteProblems } from './write-problems.ts'

export interface MetadataOptions {
  /** The snapshot comes from elsewhere: owners, setuid, setgid and what is as powerful are left off. */
  readonly foreign: boolean
  /** Attributes of other names are neither set nor removed. */
  readonly takesAttribute: TakesAttribute
  readonly problems: WriteProblems
  /** For `problems`; latin1. */
  readonly path: string
  /** Symlinks have no permissions of their own. */
  readonly isSymlink?: boolean
}

/**
 * Makes the metadata of an entry what the snapshot says, changing only what differs (so that the ctime of what is right
 * already stays, and the next backup need not read it again).
 *
 * Order: the owner first, because a change of owner clears setuid and capabilities; the times last, because everything
 * else moves them. What the file system cannot keep is counted in `problems`; anything else that fails is thrown.
 */
export function writeMetadata(door: MetadataDoor, wanted: PlainMetadata, options: MetadataOptions): void {
  const now = door.stat()
  const owned = options.foreign || writeOwner(door, now, wanted, options)
  const sameOwner = now.uid === wanted.uid && now.gid === wanted.gid
  const changedAttributes = writeAttributes(door, now, wanted, options)
  // A new owner clears setuid, and an ACL changes the permissions: then what was seen before counts for nothing.
  const seenMode = sameOwner && !changedAttributes ? now.mode & 0o7777 : undefined
  if (!options.isSymlink) writeMode(door, wanted, { seenMode, maySet: owned && !options.foreign }, options)
  if (now.mtime !== wanted.mtime) writeTimes(door, wanted, options)
}

/** False when the owner is not who it should be. */
function writeOwner(door: MetadataDoor, now: TargetStat, wanted: PlainMetadata, options: MetadataOptions): boolean {
  if (now.uid === wanted.uid && now.gid === wanted.gid) return true
  try {
    door.chown(wanted.uid, wanted.gid)
    return true
  } catch (error) {
    tolerate(error, 'owner', options)
    return false
  }
}

/** Labels that the system gives by itself; they are set when the snapshot has them, and never removed. */
const systemLabels = new Set(['security.selinux', 'security.ima', 'security.evm', 'security.SMACK64'])

/** True when any was changed. */
function writeAttributes(
  door: MetadataDoor,
  now: TargetStat,
  wanted: PlainMetadata,
  options: MetadataOptions,
): boolean {
  const present = door.listAttributes()
  if (present.length === 0 && wanted.attributes.length === 0) return false
  const { takesAttribute } = options
  let changed = false
  const keep = new Set<string>()
  for (const [name, text] of wanted.attributes) {
    keep.add(name)
    if ((options.foreign && isPowerful(name)) || !takesAttribute(name)) continue
    const value = Buffer.from(text, 'latin1')
    if (present.includes(name) && hasValue(door, name, value)) continue
    changed = true
    changeAttribute(now, name, door, options, () => door.setAttribute(name, value))
  }
  for (const name of present) {
    if (keep.has(name) || systemLabels.has(name) || !takesAttribute(name)) continue
    changed = true
    changeAttribute(now, name, door, options, () => door.removeAttribute(name))
  }
  return changed
}

/** File capabilities are setuid by another name, and `trusted.*` is read by what runs as root. */
function isPowerful(name: string): boolean {
  return name.startsWith('security.') || name.startsWith('trusted.')
}

function hasValue(door: MetadataDoor, name: string, value: Buffer): boolean {
  try {
    return door.getAttribute(name).equals(value)
  } catch {
    return false // it is set then, which says what is wrong
  }
}

function changeAttribute(
  now: TargetStat,
  name: string,
  door: MetadataDoor,
  options: MetadataOptions,
  change: () => void,
): void {
  const kind = name.startsWith('system.posix_acl') ? 'acl' : 'attribute'
  try {
    change()
  } catch (error) {
    if (!hasCode(error, 'EACCES') || options.isSymlink) return tolerateAttribute(error, kind, name, options)
    // A read-only file: its owner may open it up for a moment; the permissions are set after this.
    try {
      door.chmod((now.mode & 0o7777) | 0o600)
      change()
    } catch (again) {
      tolerateAttribute(again, kind, name, options)
    }
  }
}

// ENOSPC means here that the attribute is too big for its place, not that the disk is full: it must not look alike.
function tolerateAttribute(error: unknown, kind: 'acl' | 'attribute', name: string, options: MetadataOptions): void {
  try {
    tolerate(error, kind, options)
  } catch (cause) {
    throw new FilesystemError('ATTRIBUTE_NOT_SET', { name, reason: messageOf(cause), cause })
  }
}

function writeMode(
  door: MetadataDoor,
  wanted: PlainMetadata,
  { seenMode, maySet }: { readonly seenMode: number | undefined; readonly maySet: boolean },
  options: MetadataOptions,
): void {
  // setuid of a file that belongs to somebody else than in the snapshot would lend that other person's rights.
  const mode = maySet ? wanted.mode : wanted.mode & 0o1777
  if (mode !== wanted.mode && !options.foreign) options.problems.add('special', options.path)
  if (seenMode === mode) return
  try {
    door.chmod(mode)
  } catch (error) {
    tolerate(error, 'mode', options)
  }
}

function writeTimes(door: MetadataDoor, wanted: PlainMetadata, options: MetadataOptions): void {
  try {
    door.setTimes(wanted.atime, wanted.mtime)
  } catch (error) {
    tolerate(error, 'times', options)
  }
}

/** EPERM and EACCES: not ours to set; the others: the file system has no such thing (EINVAL: no such owner or kind). */
const expected = ['EPERM', 'EACCES', 'ENOTSUP', 'EOPNOTSUPP', 'EINVAL', 'ENOSYS', 'ENODATA']

function tolerate(error: unknown, problem: Parameters<WriteProblems['add']>[0], options: MetadataOptions): void {
  if (!expected.some((code) => hasCode(error, code))) throw error
  options.problems.add(problem, options.path)
}
