import assert from 'node:assert/strict'
import fs from 'node:fs'
import test from 'node:test'

import { tempFolder } from '../../../test/helpers/temp.ts'
import { deviceNumber } from './device-number.ts'
import { cString, hasLibc, SystemError } from './libc.ts'
import { linux } from './linux.ts'
import { fromRaw, toRaw } from './platform.ts'
import type { FileStat, Platform } from './platform.ts'
import { portable } from './portable.ts'

const onLinux = { skip: !hasLibc && 'Linux only' }

/** Everything that both ways of looking at a folder can tell. */
function look(platform: Platform, path: string) {
  using folder = platform.openFolder(path)
  const names = folder.names()
  return { names, stats: names.map((name) => folder.statEntry(name)) }
}

test('the C library and Node see the same names and the same metadata', onLinux, async () => {
  await using folder = await tempFolder()
  for (const name of ['b', 'a', '\xff\xfe', 'é']) fs.writeFileSync(fromRaw(`${folder.path}/${name}`), name)
  fs.symlinkSync('é', folder.join('link'))
  fs.utimesSync(folder.join('a'), -1.5, -1.5)
  for (const path of [folder.path, '/dev']) {
    const theirs = look(portable, path)
    const stats = theirs.stats.map((stat) => {
      const { sparse: _, ...rest } = stat as FileStat
      return rest
    })
    assert.deepEqual(look(linux, path), { names: theirs.names, stats })
  }
})

test('a folder that is a symlink, or no folder, is not opened', onLinux, async () => {
  await using folder = await tempFolder()
  fs.symlinkSync('/', folder.join('link'))
  fs.writeFileSync(folder.join('file'), '')
  for (const platform of [linux, portable]) {
    for (const name of ['link', 'file'])
      assert.throws(() => platform.openFolder(folder.join(name)), { code: 'ENOTDIR' })
    assert.throws(() => platform.openFolder(folder.join('absent')), { code: 'ENOENT' })
  }
})

test('below what is trusted no symlink is followed, in no component', onLinux, async () => {
  await using folder = await tempFolder()
  fs.mkdirSync(folder.join('real/sub'), { recursive: true })
  fs.writeFileSync(folder.join('real/sub/file'), '')
  fs.symlinkSync('real', folder.join('link'))
  const trusted = folder.path.length
  linux.close(linux.openFile(folder.join('real/sub/file'), { trusted }))
  linux.close(linux.openFile(folder.join('link/sub/file')))
  assert.throws(() => linux.openFile(folder.join('link/sub/file'), { trusted }), { code: 'ELOOP' })
  assert.throws(() => linux.openFile(`${folder.path}/../${folder.path}/x`, { trusted }), { code: 'EXDEV' })
})

test('errors of the C library look like those of Node', onLinux, () => {
  const ours = caught(() => linux.openFile('/no/such'))
  const theirs = caught(() => fs.openSync('/no/such', 'r'))
  assert.ok(ours instanceof SystemError)
  for (const key of ['code', 'errno', 'syscall', 'path', 'message'] as const) assert.equal(ours[key], theirs[key])
})

function caught(work: () => unknown): NodeJS.ErrnoException {
  try {
    work()
  } catch (error) {
    return error as NodeJS.ErrnoException
  }
  throw new Error('nothing was thrown')
}

test('a path with a NUL in it is refused, never cut', () => {
  assert.throws(() => cString('/etc/passwd\0.txt'), { code: 'EINVAL' })
})

test('raw strings keep every byte', () => {
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
  assert.deepEqual(fromRaw(toRaw(bytes)), bytes)
  assert.equal(toRaw('é'), '\xc3\xa9')
})

test('device numbers are put together as glibc does', () => {
  assert.equal(deviceNumber(8, 1), 0x801n)
  assert.equal(deviceNumber(259, 70_000), 0x11110370n)
  assert.equal(deviceNumber(5000, 1 << 19), 0x100080038800n)
})

test('names of users and groups come from the C library; an unknown one is empty', onLinux, () => {
  assert.equal(linux.userName(0), 'root')
  assert.equal(linux.groupName(0), 'root')
  assert.equal(linux.userName(4_000_000_000), '')
})
