import { isUtf8 } from 'node:buffer'
import { permissionsOf } from '#repository'
import type { Node } from '#repository'
import { formatAcl } from './acl-text.ts'
import type { ArchiveEntry } from './archive.ts'

/**
 * The headers of a tar file, in the POSIX format (pax): a ustar header, and before it an extended one for whatever that
 * cannot say: https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html. No library for Node takes names and
 * attributes that are bytes and no text.
 */

export const blockLength = 512
const nameLength = 100
const largestOctal = { id: 0o7777777, size: 0o77777777777, time: 0o77777777777, device: 0o7777777 } as const

const typeFlags: Readonly<Partial<Record<Node['type'], string>>> = {
  file: '0',
  symlink: '2',
  chardev: '3',
  dev: '4',
  dir: '5',
  fifo: '6',
}

/** Undefined for what no tar file holds, as sockets. */
export function typeFlagOf({ type }: Node): string | undefined {
  return typeFlags[type]
}

/** The header, or headers, that come before an entry's content. `mtime` in nanoseconds since 1970. */
export function encodeEntryHeaders(entry: ArchiveEntry, mtime: bigint): Buffer {
  const { node, hardLinkTo, size } = entry
  const path = node.type === 'dir' ? Buffer.concat([entry.path, Buffer.from('/')]) : entry.path
  const link = hardLinkTo ?? (node.type === 'symlink' ? node.linkTarget : undefined) ?? Buffer.alloc(0)
  const extended = new Map<string, Uint8Array>()
  putBytes(extended, 'path', path)
  putBytes(extended, 'linkpath', link)
  putNumbers(extended, node, size)
  putText(extended, 'uname', node.user)
  putText(extended, 'gname', node.group)
  const seconds = floorDivide(mtime, 1_000_000_000n)
  if (mtime % 1_000_000_000n !== 0n || seconds < 0n || seconds > largestOctal.time) {
    extended.set('mtime', Buffer.from(formatSeconds(mtime)))
  }
  if (!hardLinkTo) putAttributes(extended, node)
  const header = encodeHeader({
    path,
    link,
    typeFlag: hardLinkTo ? '1' : (typeFlagOf(node) as string),
    mode: permissionsOf(node.mode),
    uid: node.uid,
    gid: node.gid,
    size,
    seconds: Number(seconds),
    user: node.user,
    group: node.group,
    ...(node.type === 'dev' || node.type === 'chardev' ? { device: node.device } : {}),
  })
  return extended.size === 0 ? header : Buffer.concat([encodeExtended(entry.path, extended), header])
}

/** Bytes after the content, up to a whole block. */
export function paddingOf(size: number): Buffer {
  return Buffer.alloc((blockLength - (size % blockLength)) % blockLength)
}

// A name that is no UTF-8 goes as it is where there is room; else it must be said that the extended names are bytes.
function putBytes(extended: Map<string, Uint8Array>, key: string, bytes: Buffer): void {
  const fits = bytes.length <= nameLength
  if (fits && (isAscii(bytes) || !isUtf8(bytes))) return
  if (!isUtf8(bytes)) extended.set('hdrcharset', Buffer.from('BINARY'))
  extended.set(key, bytes)
}

function putText(extended: Map<string, Uint8Array>, key: string, text: string): void {
  const bytes = Buffer.from(text)
  if (bytes.length > 31 || !isAscii(bytes)) extended.set(key, bytes)
}

function putNumbers(extended: Map<string, Uint8Array>, { uid, gid }: Node, size: number): void {
  if (uid > largestOctal.id) extended.set('uid', Buffer.from(String(uid)))
  if (gid > largestOctal.id) extended.set('gid', Buffer.from(String(gid)))
  if (size > largestOctal.size) extended.set('size', Buffer.from(String(size)))
}

const aclKeys: Readonly<Record<string, string>> = {
  'system.posix_acl_access': 'SCHILY.acl.access',
  'system.posix_acl_default': 'SCHILY.acl.default',
}

function putAttributes(extended: Map<string, Uint8Array>, { extendedAttributes = [] }: Node): void {
  for (const { name, value } of extendedAttributes) {
    const bytes = value ?? Buffer.alloc(0)
    const aclKey = Object.hasOwn(aclKeys, name) ? aclKeys[name] : undefined
    const acl = aclKey === undefined ? undefined : formatAcl(bytes)
    if (aclKey !== undefined && acl !== undefined) extended.set(aclKey, Buffer.from(acl))
    // As GNU tar has names that its records would be cut at.
    else extended.set(`SCHILY.xattr.${name.replaceAll('%', '%25').replaceAll('=', '%3D')}`, bytes)
  }
}

function encodeExtended(path: Buffer, records: ReadonlyMap<string, Uint8Array>): Buffer {
  const body = Buffer.concat([...records].map(([key, value]) => encodeRecord(key, value)))
  const about = Buffer.concat([Buffer.from('PaxHeaders.0/'), path.subarray(path.lastIndexOf(0x2f) + 1)])
  const header = encodeHeader({
    path: about.subarray(0, nameLength),
    link: Buffer.alloc(0),
    typeFlag: 'x',
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: body.length,
    seconds: 0,
    user: '',
    group: '',
  })
  return Buffer.concat([header, body, paddingOf(body.length)])
}

/** `<length> <key>=<value>\n`, where the length counts itself. */
function encodeRecord(key: string, value: Uint8Array): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), value, Buffer.from('\n')])
  let length = rest.length
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length
  return Buffer.concat([Buffer.from(String(length)), rest])
}

interface HeaderFields {
  readonly path: Buffer
  readonly link: Buffer
  readonly typeFlag: string
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly size: number
  readonly seconds: number
  readonly user: string
  readonly group: string
  readonly device?: bigint
}

function encodeHeader(fields: HeaderFields): Buffer {
  const header = Buffer.alloc(blockLength)
  fields.path.copy(header, 0, 0, nameLength)
  putOctal(header, 100, 8, fields.mode)
  putOctal(header, 108, 8, fields.uid <= largestOctal.id ? fields.uid : 0)
  putOctal(header, 116, 8, fields.gid <= largestOctal.id ? fields.gid : 0)
  putOctal(header, 124, 12, fields.size <= largestOctal.size ? fields.size : 0)
  putOctal(header, 136, 12, Math.min(Math.max(fields.seconds, 0), largestOctal.time))
  header.write(fields.typeFlag, 156, 'latin1')
  fields.link.copy(header, 157, 0, nameLength)
  header.write('ustar\u000000', 257, 'latin1')
  Buffer.from(fields.user).copy(header, 265, 0, 31)
  Buffer.from(fields.group).copy(header, 297, 0, 31)
  if (fields.device !== undefined) putDevice(header, fields.device)
  putChecksum(header)
  return header
}

/** Linux's `st_rdev`, taken apart as major(3) and minor(3) do. */
function putDevice(header: Buffer, device: bigint): void {
  const major = ((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xffff_f000n)
  const minor = (device & 0xffn) | ((device >> 12n) & 0xffff_ff00n)
  putOctal(header, 329, 8, Number(major) <= largestOctal.device ? Number(major) : 0)
  putOctal(header, 337, 8, Number(minor) <= largestOctal.device ? Number(minor) : 0)
}

function putChecksum(header: Buffer): void {
  header.fill(0x20, 148, 156)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
}

function putOctal(header: Buffer, at: number, length: number, value: number): void {
  header.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at, 'latin1')
}

function isAscii(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte < 0x80)
}

function floorDivide(value: bigint, by: bigint): bigint {
  return value / by - (value % by < 0n ? 1n : 0n)
}

/** Seconds with their fraction: `-1.5`. */
function formatSeconds(nanoseconds: bigint): string {
  const absolute = nanoseconds < 0n ? -nanoseconds : nanoseconds
  const fraction = String(absolute % 1_000_000_000n)
    .padStart(9, '0')
    .replace(/0+$/, '')
  return `${nanoseconds < 0n ? '-' : ''}${absolute / 1_000_000_000n}${fraction === '' ? '' : `.${fraction}`}`
}
