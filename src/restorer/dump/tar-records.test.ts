import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Node } from '#repository'
import { encodeEntryHeaders, paddingOf } from './tar-records.ts'

const node: Node = {
  name: Buffer.from('name'),
  type: 'file',
  mode: 0o644,
  mtime: '2026-01-02T03:04:05Z',
  atime: '2026-01-02T03:04:05Z',
  ctime: '2026-01-02T03:04:05Z',
  uid: 1,
  gid: 2,
  user: 'ann',
  group: 'staff',
  inode: 1n,
  deviceId: 1n,
  size: 0n,
  links: 1n,
  device: 0n,
  content: Buffer.alloc(0),
}
const whole = 1_767_323_045n * 1_000_000_000n

interface Written {
  readonly header: Buffer
  readonly extended: ReadonlyMap<string, Buffer>
}

function write(path: Buffer, about: Partial<Node> = {}, { mtime = whole, size = 0 } = {}): Written {
  const headers = encodeEntryHeaders({ path, node: { ...node, ...about }, size }, mtime)
  const header = headers.subarray(-512)
  if (headers.length === 512) return { header, extended: new Map() }
  const length = Number.parseInt(headers.toString('latin1', 124, 135), 8)
  return { header, extended: records(headers.subarray(512, 512 + length)) }
}

function records(body: Buffer): Map<string, Buffer> {
  const found = new Map<string, Buffer>()
  for (let at = 0; at < body.length;) {
    const length = Number.parseInt(body.toString('latin1', at), 10)
    const record = body.subarray(at + String(length).length + 1, at + length)
    const equals = record.indexOf(0x3d)
    assert.equal(record.at(-1), 0x0a)
    found.set(record.toString('latin1', 0, equals), record.subarray(equals + 1, -1))
    at += length
  }
  return found
}

const text = (header: Buffer, at: number, length: number) =>
  header.toString('latin1', at, at + length).replace(/\0.*/s, '')

test('what a plain header can say needs no other', () => {
  const { header, extended } = write(Buffer.from('a/b'))
  assert.equal(extended.size, 0)
  assert.deepEqual(
    [text(header, 0, 100), text(header, 100, 8), text(header, 136, 12)],
    ['a/b', '0000644', (1_767_323_045).toString(8)],
  )
  const sum = header.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 0x20 : byte), 0)
  assert.equal(Number.parseInt(text(header, 148, 8), 8), sum)
})

test('large files, owners and times before 1970 are said in an extended header', () => {
  const about = { uid: 4_000_000_000, gid: 4_000_000_001, user: 'é' }
  const { extended } = write(Buffer.from('a'), about, { mtime: -1_500_000_000n, size: 2 ** 33 })
  const said = Object.fromEntries([...extended].map(([key, value]) => [key, value.toString()]))
  assert.deepEqual(said, { uid: '4000000000', gid: '4000000001', uname: 'é', mtime: '-1.5', size: '8589934592' })
})

test('names are kept to the byte: short ones that are no UTF-8 in the header, others beside it', () => {
  const odd = Buffer.from([0x61, 0xff, 0x62])
  assert.ok(write(odd).header.subarray(0, 3).equals(odd))
  assert.equal(write(odd).extended.size, 0)
  const long = Buffer.concat([Buffer.alloc(200, 'x'), odd])
  const { extended } = write(long)
  assert.ok(extended.get('path')?.equals(long))
  assert.equal(extended.get('hdrcharset')?.toString(), 'BINARY')
  assert.equal(write(Buffer.from('é')).extended.get('path')?.toString(), 'é')
})

test('attributes are kept to the byte, and ACLs as text', () => {
  const acl = Buffer.from(
    '0200000001000600ffffffff02000400d204000004000400ffffffff10000400ffffffff20000000ffffffff',
    'hex',
  )
  const extendedAttributes = [
    { name: 'user.bytes', value: Buffer.from([0, 10, 0xff]) },
    { name: 'user.a=b%', value: null },
    { name: 'system.posix_acl_access', value: acl },
    { name: 'system.posix_acl_default', value: Buffer.from('no ACL') },
  ]
  const { extended } = write(Buffer.from('a'), { extendedAttributes })
  assert.ok(extended.get('SCHILY.xattr.user.bytes')?.equals(Buffer.from([0, 10, 0xff])))
  assert.equal(extended.get('SCHILY.xattr.user.a%3Db%25')?.length, 0)
  const lines = 'user::rw-\nuser:1234:r--\ngroup::r--\nmask::r--\nother::---\n'
  assert.equal(extended.get('SCHILY.acl.access')?.toString(), lines)
  assert.equal(extended.get('SCHILY.xattr.system.posix_acl_default')?.toString(), 'no ACL')
})

test('a record counts the digits of its own length', () => {
  for (let length = 1; length < 1100; length++) {
    const value = Buffer.alloc(length, 'v')
    const { extended } = write(Buffer.from('a'), { extendedAttributes: [{ name: 'n', value }] })
    assert.equal(extended.get('SCHILY.xattr.n')?.length, length)
  }
})

test('contents end at whole blocks', () => {
  assert.deepEqual(
    [0, 1, 511, 512, 513].map((size) => paddingOf(size).length),
    [0, 511, 1, 0, 511],
  )
})
