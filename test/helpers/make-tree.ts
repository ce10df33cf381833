/**
 * Makes a tree with everything that a backup stumbles over, the same for the same seed: odd names, hard links, symlinks,
 * attributes, ACLs, devices (as root), holes, empty and big files, setuid, times far away, deep folders.
 */
import * as fs from 'node:fs'

import { cString, errnos, lastErrno, libcFunctions } from '../../src/filesystem/platform/libc.ts'
import { randomFrom } from './seed.ts'
import type { Random } from './seed.ts'

export interface MakeTreeOptions {
  readonly seed: number
  /** How many plain files. Default 40. */
  readonly files?: number
  /** Bytes of the biggest plain file. Default 300,000. */
  readonly biggest?: number
  readonly depth?: number
}

const libc = libcFunctions({
  lsetxattr: 'int lsetxattr(const void *path, const void *name, const void *value, unsigned long size, int flags)',
  utimensat: 'int utimensat(int folder, const void *path, const void *times, int flags)',
  mknod: 'int mknod(const void *path, unsigned int mode, uint64_t device)',
})

/** Fills `root`, which is made. */
export function makeTree(root: string, options: MakeTreeOptions): void {
  fs.mkdirSync(root, { recursive: true })
  const random = randomFrom(options.seed)
  const at = (...names: (string | Buffer)[]) =>
    Buffer.concat([Buffer.from(root), ...names.flatMap((name) => [Buffer.from('/'), Buffer.from(name as string)])])
  const isRoot = process.geteuid?.() === 0

  makePlain(at, random, options)
  makeOddNames(at)
  makeLinks(at)
  makeSparse(at, random)
  makeModes(at, isRoot)
  makeAttributes(at, isRoot)
  if (isRoot) makeDevices(at)
  check(libc().mknod(cString(at('fifo')), 0o010640, 0), 'mkfifo')
  makeTimes(at)
  makeDeep(at, options.depth ?? 40)
  fs.mkdirSync(at('closed'), 0o500)
}

type At = (...names: (string | Buffer)[]) => Buffer

function makePlain(at: At, random: Random, { files = 40, biggest = 300_000 }: MakeTreeOptions): void {
  fs.mkdirSync(at('plain'))
  for (let i = 0; i < files; i++) {
    const folder = `folder ${i % 5}`
    fs.mkdirSync(at('plain', folder), { recursive: true })
    const size = i === 0 ? biggest : Math.floor(random.next() ** 4 * biggest)
    fs.writeFileSync(at('plain', folder, `file-${i}`), random.bytes(size))
  }
  fs.writeFileSync(at('plain', 'empty'), '')
  fs.mkdirSync(at('plain', 'empty folder'))
  fs.writeFileSync(at('plain', 'twice the same'), Buffer.alloc(100_000, 'abc'))
  fs.writeFileSync(at('plain', 'the same twice'), Buffer.alloc(100_000, 'abc'))
}

function makeOddNames(at: At): void {
  fs.mkdirSync(at('names'))
  const names: (string | Buffer)[] = [
    ...Array.from({ length: 255 }, (_, i) => i + 1)
      .filter((byte) => byte !== 0x2f && byte !== 0x2e)
      .map((byte) => Buffer.from([byte])),
    '...',
    '..look',
    '-rf',
    'line\nbreak',
    'quote"back\\slash',
    'é as one', // NFC
    'é as one', // NFD
    '‮right to left',
    '\u{e0001}tag',
    'A case',
    'a case',
    'x'.repeat(255),
    Buffer.from('not utf-8 \xff\xfe', 'latin1'),
    '.understudy-part-no',
  ]
  for (const name of names)
    fs.writeFileSync(at('names', name), Buffer.concat([Buffer.from(name as string), Buffer.from('!')]))
}

function makeLinks(at: At): void {
  fs.mkdirSync(at('links', 'sub'), { recursive: true })
  fs.writeFileSync(at('links', 'one'), 'linked')
  fs.linkSync(at('links', 'one'), at('links', 'two'))
  fs.linkSync(at('links', 'one'), at('links', 'sub', 'three'))
  fs.writeFileSync(at('links', 'empty one'), '')
  fs.linkSync(at('links', 'empty one'), at('links', 'empty two'))
  fs.symlinkSync('one', at('links', 'to one'))
  fs.linkSync(at('links', 'to one'), at('links', 'to one again'))
  fs.symlinkSync('nowhere/at all', at('links', 'dangling'))
  fs.symlinkSync('loop', at('links', 'loop'))
  fs.symlinkSync('/', at('links', 'to root'))
  fs.symlinkSync(Buffer.from('\xff', 'latin1'), at('links', 'to bytes'))
}

function makeSparse(at: At, random: Random): void {
  const file = fs.openSync(at('sparse'), 'w')
  fs.ftruncateSync(file, 6 << 20)
  fs.writeSync(file, random.bytes(5000), 0, 5000, 3 << 20)
  fs.closeSync(file)
  fs.writeFileSync(at('only zeros'), '')
  fs.truncateSync(at('only zeros'), 2 << 20)
}

function makeModes(at: At, isRoot: boolean): void {
  fs.mkdirSync(at('modes'))
  for (const mode of [0o000, 0o200, 0o400, 0o444, 0o755, 0o777, 0o4755, 0o2755, 0o6711, 0o1644]) {
    const path = at('modes', `m${mode.toString(8)}`)
    fs.writeFileSync(path, mode.toString(8))
    if (isRoot) fs.chownSync(path, 1000 + mode, 2_000_000_000)
    fs.chmodSync(path, mode)
  }
  fs.mkdirSync(at('modes', 'sticky'))
  fs.chmodSync(at('modes', 'sticky'), 0o3777)
}

function makeAttributes(at: At, isRoot: boolean): void {
  fs.mkdirSync(at('attributes'))
  fs.writeFileSync(at('attributes', 'file'), 'x')
  setAttribute(at('attributes', 'file'), 'user.plain', 'value')
  setAttribute(at('attributes', 'file'), 'user.empty', '')
  setAttribute(at('attributes', 'file'), 'user.bytes', Buffer.from([0, 255, 10, 0]))
  setAttribute(at('attributes'), 'user.folder', 'of a folder')
  const entry = (tag: number, bits: number, id = 0xffffffff) => {
    const bytes = Buffer.alloc(8)
    bytes.writeUInt16LE(tag, 0)
    bytes.writeUInt16LE(bits, 2)
    bytes.writeUInt32LE(id, 4)
    return bytes
  }
  // The kernel's form of an ACL: version 2, then owner, a user, owning group, mask, others.
  const head = Buffer.from([2, 0, 0, 0])
  const acl = Buffer.concat([head, entry(1, 6), entry(2, 4, 1234), entry(4, 4), entry(0x10, 4), entry(0x20, 0)])
  fs.writeFileSync(at('attributes', 'acl'), 'x')
  setAttribute(at('attributes', 'acl'), 'system.posix_acl_access', acl)
  fs.mkdirSync(at('attributes', 'default acl'))
  setAttribute(at('attributes', 'default acl'), 'system.posix_acl_default', acl)
  fs.writeFileSync(at('attributes', 'default acl', 'inherits'), 'x')
  if (!isRoot) return
  setAttribute(at('attributes', 'file'), 'trusted.of root', 'secret')
  fs.symlinkSync('x', at('attributes', 'symlink'))
  setAttribute(at('attributes', 'symlink'), 'trusted.link', 'on a symlink')
  fs.writeFileSync(at('attributes', 'capable'), 'x')
  // vfs_cap_data, revision 2: cap_net_bind_service permitted.
  setAttribute(
    at('attributes', 'capable'),
    'security.capability',
    Buffer.from('0000000200040000000000000000000000000000', 'hex'),
  )
}

/** File systems without that kind of attribute are passed over. */
function setAttribute(path: Buffer, name: string, value: string | Buffer): void {
  const bytes = Buffer.from(value as string)
  const result = libc().lsetxattr(cString(path), cString(name), bytes, bytes.length, 0)
  if (result < 0 && ![errnos.ENOTSUP, errnos.EPERM].includes(lastErrno() as 95))
    throw new Error(`lsetxattr ${name}: ${lastErrno()}`)
}

function makeDevices(at: At): void {
  fs.mkdirSync(at('devices'))
  check(libc().mknod(cString(at('devices', 'null')), 0o020666, 0x103), 'mknod')
  check(libc().mknod(cString(at('devices', 'disk')), 0o060600, 0x700), 'mknod')
}

function makeTimes(at: At): void {
  fs.mkdirSync(at('times'))
  const times = {
    ns: 1_600_000_000_123_456_789n,
    past: -1_500_000_000n * 1_000_000_000n + 1n,
    future: 4_000_000_000_000_000_001n,
  }
  for (const [name, time] of Object.entries(times)) {
    fs.writeFileSync(at('times', name), name)
    setTime(at('times', name), time)
  }
  fs.symlinkSync('ns', at('times', 'link'))
  setTime(at('times', 'link'), 1_000_000_000_000_000_007n)
  setTime(at('times'), 1_234_567_890_000_000_001n)
}

function setTime(path: Buffer, time: bigint): void {
  const spec = Buffer.alloc(32)
  const nanoseconds = ((time % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n
  for (const at of [0, 16]) {
    spec.writeBigInt64LE((time - nanoseconds) / 1_000_000_000n, at)
    spec.writeBigInt64LE(nanoseconds, at + 8)
  }
  check(libc().utimensat(-100, cString(path), spec, 0x100), 'utimensat')
}

function makeDeep(at: At, depth: number): void {
  const names: string[] = ['deep']
  for (let i = 0; i < depth; i++) names.push(`level ${i}`)
  fs.mkdirSync(at(...names), { recursive: true })
  fs.writeFileSync(at(...names, 'bottom'), 'here')
}

function check(result: number, call: string): void {
  if (result < 0) throw new Error(`${call}: errno ${lastErrno()}`)
}
