import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import test from 'node:test'

import type { OpenContent, Source, SourceEntry, SourceFolder } from '#archiver'

import { tempFolder } from '../../test/helpers/temp.ts'
import { createContentReader } from './reader.ts'
import { createFileSource } from './source.ts'

/** The entries of one folder, by name. */
async function list(path: string): Promise<{ source: Source; entries: Map<string, SourceEntry> }> {
  const source = await createFileSource([path])
  let folder: SourceFolder | undefined = source.root
  while (folder && folder.path.toString() !== path) {
    const found: readonly SourceEntry[] = (await source.list(folder)).entries
    folder = found[0]?.folder
  }
  assert.ok(folder)
  const listing = await source.list(folder)
  assert.deepEqual(listing.problems, [])
  return { source, entries: new Map(listing.entries.map((entry) => [entry.name.toString(), entry])) }
}

function open({ source, entries }: Awaited<ReturnType<typeof list>>, name: string): OpenContent {
  const ref: unknown = structuredClone(entries.get(name)?.ref) // as it arrives in a thread
  return createContentReader(source.reader.options).open(ref)
}

function readAll(content: OpenContent): Buffer {
  const pieces: Buffer[] = []
  const into = Buffer.alloc(1000)
  for (let count = content.read(into); count > 0; count = content.read(into))
    pieces.push(Buffer.from(into.subarray(0, count)))
  return Buffer.concat(pieces)
}

test('a file that grows, shrinks or is rewritten while it is read shows as changed, and can be read again', async () => {
  await using folder = await tempFolder()
  const file = folder.join('file')
  const changes: (() => void)[] = [
    () => fs.appendFileSync(file, 'more'),
    () => fs.truncateSync(file, 0),
    () => fs.writeFileSync(file, 'z'.repeat(5000)),
  ]
  for (const change of changes) {
    fs.writeFileSync(file, 'y'.repeat(5000))
    using content = open(await list(folder.path), 'file')
    content.read(Buffer.alloc(1000))
    assert.equal(content.changed(), false)
    fs.utimesSync(file, 1, 1) // so that the change is seen even within one tick of the clock
    change()
    assert.equal(content.changed(), true)
    content.rewind()
    assert.deepEqual(readAll(content), fs.readFileSync(file))
    assert.equal(content.node.size, BigInt(fs.statSync(file).size))
    assert.equal(content.changed(), false)
  }
})

test('a file replaced by a FIFO, a symlink, a socket or a folder is refused at once', { timeout: 10_000 }, async () => {
  await using folder = await tempFolder()
  const file = folder.join('file')
  const secret = folder.join('secret')
  fs.writeFileSync(secret, 'secret')
  const replacements: (() => void)[] = [
    () => execFileSync('mkfifo', [file]),
    () => fs.symlinkSync(secret, file),
    () => fs.symlinkSync('nowhere', file),
    () => fs.mkdirSync(file),
  ]
  for (const replace of replacements) {
    fs.writeFileSync(file, 'x')
    const listing = await list(folder.path)
    fs.rmSync(file)
    replace()
    assert.throws(() => open(listing, 'file'), { code: 'ENTRY_REPLACED' })
    fs.rmSync(file, { recursive: true })
  }
})

test('a file saved anew in its place is read; one reached through a swapped folder is not', async () => {
  await using folder = await tempFolder()
  fs.mkdirSync(folder.join('top/inner'), { recursive: true })
  fs.writeFileSync(folder.join('top/inner/file'), 'old')
  const source = await createFileSource([folder.join('top')])
  const refs: unknown[] = []
  const folders: SourceFolder[] = [source.root]
  for (let next = folders.pop(); next; next = folders.pop()) {
    for (const entry of (await source.list(next)).entries) {
      if (entry.folder) folders.push(entry.folder)
      else refs.push(entry.ref)
    }
  }
  const reader = createContentReader(source.reader.options)

  fs.writeFileSync(folder.join('top/inner/new'), 'new')
  fs.renameSync(folder.join('top/inner/new'), folder.join('top/inner/file'))
  {
    using content = reader.open(refs[0])
    assert.equal(readAll(content).toString(), 'new')
  }
  fs.mkdirSync(folder.join('outside'))
  fs.writeFileSync(folder.join('outside/file'), 'secret')
  fs.renameSync(folder.join('top/inner'), folder.join('top/moved'))
  fs.symlinkSync('../outside', folder.join('top/inner'))
  assert.throws(() => reader.open(refs[0]), { code: 'ENTRY_REPLACED' })
})

test('a sparse file costs time for its data, not for its size', async () => {
  await using folder = await tempFolder()
  const size = 2 ** 40 // 1 TiB
  const fd = fs.openSync(folder.join('file'), 'w')
  fs.writeSync(fd, Buffer.alloc(1 << 20, 'd'), 0, 1 << 20, size / 2)
  fs.ftruncateSync(fd, size)
  fs.closeSync(fd)
  using content = open(await list(folder.path), 'file')
  const into = Buffer.alloc(1 << 20)
  let holes = 0
  let data = 0
  for (;;) {
    const hole = content.holeAhead()
    content.skip(hole)
    holes += hole
    const count = hole > 0 ? 0 : content.read(into)
    data += count
    if (hole === 0 && count === 0) break
  }
  assert.equal(holes + data, size)
  assert.ok(data >= 1 << 20 && data < 4 << 20, `${data} bytes were read`)
  assert.equal(content.read(into), 0)
})

test('a file of /proc, whose size is 0, is read to its end', async () => {
  const source = await createFileSource(['/proc/version'])
  const [proc] = (await source.list(source.root)).entries
  const [version] = (await source.list(proc?.folder as SourceFolder)).entries
  using content = createContentReader(source.reader.options).open(version?.ref)
  assert.equal(content.node.size, 0n)
  assert.equal(readAll(content).toString(), fs.readFileSync('/proc/version', 'utf8'))
})

test('a read that fails is an error with the place', async () => {
  const source = await createFileSource(['/proc/self/mem'])
  const refs: unknown[] = []
  const folders: SourceFolder[] = [source.root]
  for (let next = folders.pop(); next; next = folders.pop()) {
    for (const entry of (await source.list(next)).entries) {
      if (entry.folder) folders.push(entry.folder)
      else refs.push(entry.ref)
    }
  }
  using content = createContentReader(source.reader.options).open(refs[0])
  assert.throws(() => content.read(Buffer.alloc(10)), { code: 'FILE_NOT_READ', message: /byte 0: EIO/ })
})

function cannotSetAttributes(): string | false {
  if (process.getuid?.() !== 0) return 'needs root'
  try {
    execFileSync('setfattr', ['--version'], { stdio: 'ignore' })
    execFileSync('setfacl', ['--version'], { stdio: 'ignore' })
    return false
  } catch {
    return 'not on this machine: attr, acl'
  }
}

test(
  'attributes, ACLs and capabilities come along, of files, folders and symlinks',
  { skip: cannotSetAttributes() },
  async () => {
    await using folder = await tempFolder()
    const set = (name: string, value: string, on: string) =>
      execFileSync('setfattr', ['-h', '-n', name, '-v', value, folder.join(on)])
    fs.writeFileSync(folder.join('file'), 'x')
    fs.mkdirSync(folder.join('dir'))
    fs.symlinkSync('a\nb', folder.join('link'))
    set('user.empty', '', 'file')
    set('user.binary', '0s/wAB', 'file')
    set('trusted.t', 'v', 'file')
    set('trusted.t', 'of a link', 'link')
    set('security.capability', '0sAQAAAgAgAAAAAAAAAAAAAAAAAAA=', 'file')
    execFileSync('setfacl', ['-m', 'u:1234:r', folder.join('file')])
    execFileSync('setfacl', ['-d', '-m', 'u:1234:rw', folder.join('dir')])
    const large = Buffer.alloc(3000, 'L')
    set('user.large', large.toString(), 'dir')

    const listing = await list(folder.path)
    using content = open(listing, 'file')
    const values = new Map(content.node.extendedAttributes?.map(({ name, value }) => [name, value?.toString('base64')]))
    assert.equal(values.get('user.empty'), '')
    assert.equal(values.get('user.binary'), '/wAB')
    assert.equal(values.get('trusted.t'), Buffer.from('v').toString('base64'))
    assert.equal(values.get('security.capability'), 'AQAAAgAgAAAAAAAAAAAAAAAAAAA=')
    assert.ok(values.has('system.posix_acl_access'))
    assert.deepEqual(content.problems, [])

    const { node: dir } = await listing.source.describe(listing.entries.get('dir') as SourceEntry)
    const names = dir.extendedAttributes?.map(({ name }) => name)
    assert.deepEqual(names?.sort(), ['system.posix_acl_default', 'user.large'])
    assert.deepEqual(dir.extendedAttributes?.find(({ name }) => name === 'user.large')?.value, large)
    const { node: link } = await listing.source.describe(listing.entries.get('link') as SourceEntry)
    assert.equal(link.linkTarget?.toString(), 'a\nb')
    assert.equal(link.extendedAttributes?.[0]?.value?.toString(), 'of a link')
  },
)

test(
  'a 64 KiB attribute is read whole, and one whose name is no UTF-8 is a problem',
  { skip: cannotSetAttributes() },
  async (t) => {
    await using folder = await tempFolder('/dev/shm')
    fs.writeFileSync(folder.join('file'), 'x')
    const script = `import os; p=${JSON.stringify(folder.join('file'))}
os.setxattr(p, b"trusted.big", b"B" * 65536)
os.setxattr(p, b"trusted.\\xff", b"v")`
    try {
      execFileSync('python3', ['-c', script], { stdio: 'pipe' })
    } catch (error) {
      return t.skip(`kernel: no large attributes here: ${String(error).slice(0, 200)}`)
    }
    using content = open(await list(folder.path), 'file')
    assert.equal(content.node.extendedAttributes?.[0]?.value?.length, 65536)
    assert.equal(content.node.extendedAttributes?.length, 1)
    assert.deepEqual(
      content.problems.map((error) => (error as NodeJS.ErrnoException).code),
      ['ATTRIBUTE_NAME_NOT_UTF8'],
    )
  },
)

test('times before 1970 and far away are kept as far as the format goes', async () => {
  await using folder = await tempFolder('/dev/shm')
  const times: readonly (readonly [touch: string, expected: string])[] = [
    ['1969-12-31T23:59:59.999999999Z', '1969-12-31T23:59:59.999999999Z'],
    ['1901-12-13T20:45:51Z', '1901-12-13T20:45:51Z'],
    ['2262-04-12T00:00:00.5Z', '2262-04-12T00:00:00.5Z'],
    ['@-62200000000', '0000-'],
    ['@400000000000', '9999-'],
  ]
  for (const [touch, expected] of times) {
    execFileSync('touch', ['-d', touch, folder.join('file')])
    using content = open(await list(folder.path), 'file')
    assert.ok(content.node.mtime.startsWith(expected), `${touch} gave ${content.node.mtime}`)
    assert.equal(content.node.atime, content.node.mtime)
  }
})
