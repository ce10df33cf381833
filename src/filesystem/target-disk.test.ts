import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

import { LinuxDisk } from './target-disk-linux.ts'
import { PortableDisk } from './target-disk-portable.ts'

const kinds = [
  {
    name: 'by handles',
    open: (root: string) => new LinuxDisk(root),
    skip: process.platform === 'linux' ? false : 'needs Linux',
  },
  { name: 'by paths', open: (root: string) => new PortableDisk(root), skip: false },
]

for (const { name, open, skip } of kinds) {
  test(`a target disk ${name} makes, lists, replaces and removes entries, and follows no link`, { skip }, (t) => {
    const base = fs.mkdtempSync(join(tmpdir(), 'understudy-disk-'))
    t.after(() => fs.rmSync(base, { recursive: true, force: true }))
    fs.mkdirSync(join(base, 'outside'))
    const root = join(base, 'root')
    using disk = open(root)
    disk.makeFolder(disk.folder(''), Buffer.from('a'), 0o700)
    disk.makeFolder(disk.folder('a'), Buffer.from('b'), 0o700)
    const file = disk.create(disk.folder('a/b'), Buffer.from('new'))
    disk.write(file, Buffer.from('content'), 2)
    disk.metadataOf({ open: file }).setTimes(1_000_000_000n, 5_000_000_000n)
    disk.metadataOf({ open: file }).chmod(0o640)
    disk.close(file)
    assert.throws(() => disk.create(disk.folder('a/b'), Buffer.from('new')), { code: 'EEXIST' })
    const stat = disk.stat(disk.folder('a/b'), Buffer.from('new'))
    assert.deepEqual([stat?.kind, stat?.size, stat?.mtime], ['file', 9, 5_000_000_000n])

    const into = Buffer.alloc(20)
    const reading = disk.open(disk.folder('a/b'), Buffer.from('new'), 'read')
    assert.equal(disk.read(reading, into, 0), 9)
    disk.close(reading)
    assert.equal(into.toString('latin1', 0, 9), '\0\0content')

    fs.writeFileSync(join(root, 'a', 'b', 'taken'), 'x')
    const [from, to] = [Buffer.from('new'), Buffer.from('taken')]
    assert.throws(() => disk.rename(disk.folder('a/b'), from, to, false), { code: 'EEXIST' })
    disk.rename(disk.folder('a/b'), from, to, true)
    assert.deepEqual(disk.list(disk.folder('a/b')).map(String), ['taken'])

    disk.makeSymlink(disk.folder('a'), Buffer.from('link'), Buffer.from('../../outside'))
    assert.equal(disk.stat(disk.folder('a'), Buffer.from('link'))?.kind, 'symlink')
    assert.throws(() => disk.folder('a/link'))
    assert.throws(() => disk.open(disk.folder('a'), Buffer.from('link'), 'write'))
    assert.throws(() => disk.open(disk.folder('a'), Buffer.from('b'), 'read'))
    disk.link('a/b', to, 'a', Buffer.from('second'))
    assert.equal(disk.stat(disk.folder('a'), Buffer.from('second'))?.links, 2)
    disk.removeFile(disk.folder('a'), Buffer.from('second'))
    disk.removeFile(disk.folder('a'), Buffer.from('link'))
    disk.removeFile(disk.folder('a/b'), to)
    disk.forget('a/b')
    disk.removeFolder(disk.folder('a'), Buffer.from('b'))
    assert.deepEqual(disk.list(disk.folder('a')), [])
    assert.equal(disk.stat(disk.folder('a'), Buffer.from('b')), undefined)
    assert.ok(disk.free() > 0)
  })
}

test(
  'folders deeper than any path may be long are made, reached and closed again',
  { skip: kinds[0]?.skip ?? false },
  (t) => {
    const root = fs.mkdtempSync(join(tmpdir(), 'understudy-deep-'))
    t.after(() => fs.rmSync(root, { recursive: true, force: true }))
    const open = () => fs.readdirSync('/proc/self/fd').length
    const before = open()
    const name = 'n'.repeat(200)
    const depth = 100 // 20,000 bytes of path
    {
      using disk = new LinuxDisk(root)
      let path = ''
      for (let level = 0; level < depth; level++) {
        disk.makeFolder(disk.folder(path), Buffer.from(name), 0o700)
        path = path === '' ? name : `${path}/${name}`
      }
      disk.close(disk.create(disk.folder(path), Buffer.from('bottom')))
      assert.equal(disk.stat(disk.folder(path), Buffer.from('bottom'))?.kind, 'file')
      disk.removeFile(disk.folder(path), Buffer.from('bottom'))
      for (let level = depth; level > 0; level--) {
        disk.forget(path)
        path = path.slice(0, Math.max(0, path.length - name.length - 1))
        disk.removeFolder(disk.folder(path), Buffer.from(name))
      }
    }
    assert.deepEqual(fs.readdirSync(root), [])
    assert.equal(open(), before)
  },
)
