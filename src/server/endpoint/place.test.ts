import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import { test } from 'node:test'
import { tempFolder } from '../../../test/helpers/temp.ts'
import { placeFile, type PlaceFiles } from './place.ts'

const bytes = Buffer.from('what was uploaded')

test('a file gets its name, whole and read-only, and nothing else stays', async () => {
  await using scene = await open()
  assert.equal(scene.place(), true)
  assert.deepEqual(scene.left(), { name: 'what was uploaded' })
  assert.equal(fs.statSync(scene.target).mode & 0o777, 0o400)
})

test('a name that is taken stays as it is', async () => {
  await using scene = await open()
  fs.writeFileSync(scene.target, 'first')
  assert.equal(scene.place(), false)
  assert.equal(scene.place({ linkSync: failing('EPERM') }), false, 'nor without hard links')
  assert.deepEqual(scene.left(), { name: 'first' })
})

for (const [what, files] of Object.entries({
  'the file cannot be made': { openSync: failing('ENOSPC') },
  'the disk is full': { writeSync: failing('ENOSPC') },
  'the system takes nothing': { writeSync: (() => 0) as unknown as PlaceFiles['writeSync'] },
  'the file cannot be synced': { fsyncSync: failing('EIO') },
  'the file cannot be closed': { closeSync: failing('EDQUOT', fs.closeSync) },
  'the name cannot be given': { linkSync: failing('EROFS') },
})) {
  test(`${what}: it fails, and nothing is there`, async () => {
    await using scene = await open()
    assert.throws(() => scene.place(files), { code: /^(ENOSPC|EIO|EDQUOT|EROFS)$/ })
    assert.deepEqual(scene.left(), {})
  })
}

test('when the folder cannot be synced the file counts as not stored', async () => {
  await using scene = await open()
  let syncs = 0
  const fsyncSync = (fd: number) => {
    if (++syncs === 2) throw systemError('EIO')
    fs.fsyncSync(fd)
  }
  assert.throws(() => scene.place({ fsyncSync }), { code: 'EIO' })
  assert.deepEqual(scene.left(), {})
})

test('file systems without hard links, or without syncs of folders, do', async () => {
  await using scene = await open()
  assert.equal(scene.place({ linkSync: failing('EPERM'), fsyncSync: failing('EINVAL') }), true)
  assert.deepEqual(scene.left(), { name: 'what was uploaded' })
})

test('writes that the system takes in parts are completed', async () => {
  await using scene = await open()
  const writeSync = ((fd: number, from: Uint8Array, offset: number, length: number, position: number) =>
    fs.writeSync(fd, from, offset, Math.min(3, length), position)) as PlaceFiles['writeSync']
  assert.equal(scene.place({ writeSync }), true)
  assert.deepEqual(scene.left(), { name: 'what was uploaded' })
})

async function open() {
  const folder = await tempFolder()
  const [temporary, target] = [folder.join('temporary'), folder.join('name')]
  return {
    target,
    place: (files: Partial<PlaceFiles> = {}) =>
      placeFile({ temporary, target, mode: 0o400, bytes }, { ...fs, ...files }),
    left: () =>
      Object.fromEntries(fs.readdirSync(folder.path).map((name) => [name, fs.readFileSync(folder.join(name), 'utf8')])),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
}

/** A call that fails, having done its work first if that is given. */
function failing(code: string, work?: (...args: never[]) => void) {
  return ((...args: never[]) => {
    work?.(...args)
    throw systemError(code)
  }) as never
}

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: as the test wants it`), { code, syscall: 'test' })
}
