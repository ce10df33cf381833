import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import test from 'node:test'

import type { Listing, Problem, Source, SourceEntry, SourceFolder } from '#archiver'

import { tempFolder } from '../../test/helpers/temp.ts'
import { check, cString, libcFunctions } from './platform/libc.ts'
import { createContentReader } from './reader.ts'
import { createFileSource } from './source.ts'
import type { FileSourceOptions } from './source.ts'

const isRoot = process.getuid?.() === 0
const needsRoot = { skip: !isRoot && 'needs root' }
const onLinux = { skip: process.platform !== 'linux' && 'Linux only' }

async function walk(target: Buffer | string, options: FileSourceOptions = {}, visit?: (entry: SourceEntry) => void) {
  const source = await createFileSource([target], options)
  const problems: Problem[] = []
  const entries: SourceEntry[] = []
  const waiting: SourceFolder[] = [source.root]
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const listing: Listing = await source.list(next)
    problems.push(...listing.problems)
    for (const entry of listing.entries) {
      visit?.(entry)
      entries.push(entry)
      if (entry.folder) waiting.push(entry.folder)
    }
  }
  return { source, entries, problems }
}

function below(entries: readonly SourceEntry[], folder: string): string[] {
  const paths = entries.map(({ path }) => path.toString('latin1'))
  return paths.filter((path) => path.startsWith(`${folder}/`)).map((path) => path.slice(folder.length + 1))
}

function readText(source: Source, entry: SourceEntry): string {
  using content = createContentReader(source.reader.options).open(structuredClone(entry.ref))
  assert.deepEqual(content.node.name, entry.name)
  const into = Buffer.alloc(300)
  return into.toString('utf8', 0, content.read(into))
}

test('names keep every byte, and come sorted by their bytes', onLinux, async () => {
  await using folder = await tempFolder()
  const names: Buffer[] = []
  for (let byte = 1; byte < 256; byte++) if (byte !== 0x2f) names.push(Buffer.from([0x6e, byte]))
  names.push(
    ...['a\nb', '-rf', '...', '..x', 'e\u0301', 'é', '\u202etxt.exe', 'ü'.repeat(127) + 'x'].map((name) =>
      Buffer.from(name),
    ),
  )
  for (const name of names) fs.writeFileSync(Buffer.concat([Buffer.from(`${folder.path}/`), name]), name)
  const { source, entries, problems } = await walk(folder.path)
  assert.deepEqual(problems, [])
  const found = entries.filter(({ stat }) => stat.type === 'file')
  assert.deepEqual(
    found.map(({ name }) => name.toString('hex')),
    names.sort((one, other) => one.compare(other)).map((name) => name.toString('hex')),
  )
  for (const entry of found) assert.equal(readText(source, entry), entry.name.toString('utf8'))
})

test('a tree 5,000 folders deep is walked and its file read', { ...onLinux, timeout: 60_000 }, async () => {
  await using folder = await tempFolder()
  const script = `import os
os.chdir(${JSON.stringify(folder.path)})
for i in range(5000):
    os.mkdir("dd%d" % (i % 10)); os.chdir("dd%d" % (i % 10))
open("deep", "w").write("found"); os.symlink("target", "link"); os.setxattr("deep", b"user.x", b"y")`
  execFileSync('python3', ['-c', script])
  try {
    const { source, entries, problems } = await walk(folder.path)
    assert.deepEqual(problems, [])
    const deep = entries.find(({ name }) => name.toString() === 'deep') as SourceEntry
    assert.ok(deep.path.length > 15_000)
    assert.equal(readText(source, deep), 'found')
    using content = createContentReader(source.reader.options).open(deep.ref)
    assert.equal(content.node.extendedAttributes?.length, 1)
    const link = entries.find(({ name }) => name.toString() === 'link') as SourceEntry
    assert.equal((await source.describe(link)).node.linkTarget?.toString(), 'target')
    const lowest = entries.findLast(({ stat }) => stat.type === 'dir')
    if (lowest) assert.deepEqual((await source.describe(lowest)).problems, [])
  } finally {
    execFileSync('rm', ['-rf', folder.path]) // Node's own rm would not reach the bottom
  }
})

test('what vanishes is reported, and the rest is listed', async () => {
  await using folder = await tempFolder()
  for (const name of ['a', 'b', 'c']) fs.mkdirSync(folder.join(name, 'x'), { recursive: true })
  const { entries, problems } = await walk(folder.path, {}, (entry) => {
    if (entry.path.toString() === folder.join('b')) fs.rmSync(folder.join('b'), { recursive: true })
  })
  assert.deepEqual(
    problems.map(({ path }) => path.toString()),
    [folder.join('b')],
  )
  assert.deepEqual(below(entries, folder.path).sort(), ['a', 'a/x', 'b', 'c', 'c/x'])
})

test('a folder that cannot be read is reported as unreadable, not shown as empty', needsRoot, async () => {
  await using folder = await tempFolder()
  fs.chmodSync(folder.path, 0o755)
  fs.mkdirSync(folder.join('closed/inner'), { recursive: true })
  fs.writeFileSync(folder.join('secret'), 'x', { mode: 0o600 })
  fs.chmodSync(folder.join('closed'), 0)
  process.seteuid?.(65534)
  try {
    const source = await createFileSource([folder.path])
    const listings: Listing[] = []
    const waiting: SourceFolder[] = [source.root]
    let secret: SourceEntry | undefined
    for (let next = waiting.pop(); next; next = waiting.pop()) {
      const listing = await source.list(next)
      if (listing.unreadable) listings.push(listing)
      for (const entry of listing.entries) {
        if (entry.folder) waiting.push(entry.folder)
        if (entry.name.toString() === 'secret') secret = entry
      }
    }
    assert.equal(listings.length, 1)
    assert.deepEqual(
      listings[0]?.problems.map(({ path, error }) => [path.toString(), (error as NodeJS.ErrnoException).code]),
      [[folder.join('closed'), 'EACCES']],
    )
    assert.throws(() => createContentReader(source.reader.options).open(secret?.ref), { code: 'EACCES' })
  } finally {
    process.seteuid?.(0)
  }
})

test('FIFOs, devices and sockets are described without being opened', { ...needsRoot, timeout: 10_000 }, async () => {
  await using folder = await tempFolder()
  execFileSync('mkfifo', [folder.join('fifo')])
  execFileSync('mknod', [folder.join('char'), 'c', '1', '300'])
  execFileSync('mknod', [folder.join('block'), 'b', '300', '70000'])
  execFileSync('python3', [
    '-c',
    `import socket; socket.socket(socket.AF_UNIX).bind(${JSON.stringify(folder.join('socket'))})`,
  ])
  const { source, entries } = await walk(folder.path)
  assert.deepEqual(below(entries, folder.path), ['block', 'char', 'fifo']) // a socket is not kept, as restic
  for (const entry of entries) {
    const { node, problems } = await source.describe(entry)
    const stat = fs.lstatSync(entry.path, { bigint: true })
    assert.deepEqual(problems, [])
    assert.deepEqual([node.inode, node.deviceId, node.device], [stat.ino, stat.dev, stat.rdev])
    assert.equal(node.user, 'root')
  }
})

test('hard links share inode and device; symlinks are never followed', async () => {
  await using folder = await tempFolder()
  fs.mkdirSync(folder.join('d'))
  fs.writeFileSync(folder.join('one'), 'x')
  fs.linkSync(folder.join('one'), folder.join('d/two'))
  fs.symlinkSync('..', folder.join('d/loop'))
  fs.linkSync(folder.join('d/loop'), folder.join('d/loop2'))
  const { source, entries } = await walk(folder.path)
  const of = (name: string) => entries.find((entry) => entry.name.toString() === name) as SourceEntry
  assert.equal(of('one').stat.inode, of('two').stat.inode)
  assert.equal(of('one').stat.links, 2n)
  assert.equal((await source.describe(of('loop'))).node.links, 2n)
  assert.deepEqual(below(entries, folder.path).sort(), ['d', 'd/loop', 'd/loop2', 'd/two', 'one'])
})

function cannotMount(): string | false {
  if (!isRoot) return 'needs root'
  return spawnSync('unshare', ['--mount', 'true']).status !== 0 && 'kernel: mounting is not allowed here'
}

test('one file system: a mount point is kept as an empty folder', { skip: cannotMount() }, async () => {
  await using folder = await tempFolder()
  fs.mkdirSync(folder.join('mnt'))
  fs.writeFileSync(folder.join('bound'), '')
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', folder.join('mnt')])
  try {
    fs.writeFileSync(folder.join('mnt/inside'), '')
    execFileSync('mount', ['--bind', folder.join('mnt/inside'), folder.join('bound')])
    const { entries } = await walk(folder.path, { oneFileSystem: true })
    assert.deepEqual(below(entries, folder.path), ['mnt'])
    assert.deepEqual(below((await walk(folder.path)).entries, folder.path), ['bound', 'mnt', 'mnt/inside'])
    // Named itself, it is wanted.
    assert.deepEqual(below((await walk(folder.join('mnt'), { oneFileSystem: true })).entries, folder.path), [
      'mnt',
      'mnt/inside',
    ])
  } finally {
    spawnSync('umount', [folder.join('bound')])
    execFileSync('umount', [folder.join('mnt')])
  }
})

test('a folder that is mounted inside itself ends', { skip: cannotMount() }, async () => {
  await using folder = await tempFolder()
  fs.mkdirSync(folder.join('a/self'), { recursive: true })
  execFileSync('mount', ['--bind', folder.path, folder.join('a/self')])
  try {
    assert.deepEqual(below((await walk(folder.path)).entries, folder.path), [
      'a',
      'a/self',
      'a/self/a',
      'a/self/a/self',
    ])
  } finally {
    execFileSync('umount', [folder.join('a/self')])
  }
})

const libc = libcFunctions({
  mount: 'int mount(const void *source, const void *target, const void *type, unsigned long flags, const void *data)',
  umount2: 'int umount2(const void *target, int flags)',
})

test(
  'a mount that never answers is reported in time, and the rest is listed',
  { skip: cannotMount() || (!fs.existsSync('/dev/fuse') && 'kernel: it has no FUSE'), timeout: 20_000 },
  async () => {
    await using folder = await tempFolder()
    fs.mkdirSync(folder.join('dead'))
    fs.writeFileSync(folder.join('zz'), '')
    // A FUSE file system whose server, this test, never says a word: every look at it waits, as with a dead NFS server.
    const fuse = fs.openSync('/dev/fuse', 'r+')
    const options = `fd=${fuse},rootmode=40000,user_id=0,group_id=0`
    const target = cString(folder.join('dead'))
    check(libc().mount(cString('dead'), target, cString('fuse'), 0, cString(options)), 'mount')
    try {
      const { entries, problems } = await walk(folder.path, { patience: 300 })
      assert.deepEqual(below(entries, folder.path), ['zz'])
      assert.deepEqual(
        problems.map(({ error }) => (error as NodeJS.ErrnoException).code),
        ['MOUNT_SILENT'],
      )
      await assert.rejects(createFileSource([folder.join('dead/x')], { patience: 300 }), { code: 'TARGETS_MISSING' })
    } finally {
      libc().umount2(target, 2) // detach: an ordinary one would wait as well
      fs.closeSync(fuse)
    }
  },
)

test('a file whose inode number or device has changed is still read: network file systems make them up', async () => {
  await using folder = await tempFolder()
  fs.writeFileSync(folder.join('file'), 'text')
  const { source, entries } = await walk(folder.path)
  const ref = entries.find(({ name }) => name.toString() === 'file')?.ref as object
  const reader = createContentReader(source.reader.options)
  for (const other of [{ inode: 1n }, { deviceId: 1n }]) {
    using content = reader.open({ ...ref, ...other })
    assert.equal(content.node.size, 4n)
  }
})
