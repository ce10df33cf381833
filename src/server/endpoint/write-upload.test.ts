import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { tempFolder } from '../../../test/helpers/temp.ts'
import { type WriteFiles, WritingUploads } from './write-upload.ts'

const text = 'what arrives in many pieces of many lengths'

test('every byte is written and hashed, however little the system takes at once', async () => {
  let interrupted = 0
  const few: WriteFiles = {
    writevSync: (fd, [first], position) => {
      if (interrupted++ % 2 === 0) throw Object.assign(new Error('EINTR'), { code: 'EINTR' })
      const bytes = first as Uint8Array
      return fs.writeSync(fd, bytes, 0, Math.min(3, bytes.length), position)
    },
  }
  await using scene = await open(few)
  scene.write(0, text.slice(0, 10), text.slice(10, 11))
  scene.write(11, text.slice(11, 30), text.slice(30))
  assert.equal(scene.end(), hash('sha256', text))
  assert.equal(scene.read(), text)
})

test('uploads side by side have a hash each, and one that was ended is forgotten', async () => {
  await using scene = await open()
  scene.uploads.write({ upload: 2, fd: scene.fd, pieces: [bytesOf('another')], position: 1000 })
  scene.write(0, text)
  assert.equal(scene.end(), hash('sha256', text))
  assert.equal(scene.uploads.end(2), hash('sha256', 'another'))
  assert.equal(scene.end(), hash('sha256', ''))
})

test('a system that takes nothing, or fails, is an error and no endless loop', async () => {
  for (const [writevSync, code] of [
    [() => 0, 'EIO'],
    [() => raise('ENOSPC'), 'ENOSPC'],
  ] as const) {
    await using scene = await open({ writevSync })
    assert.throws(() => scene.write(0, text), { code })
  }
})

function raise(code: string): never {
  throw Object.assign(new Error(code), { code })
}

async function open(files?: WriteFiles) {
  const folder = await tempFolder()
  const path = join(folder.path, 'file')
  const fd = fs.openSync(path, 'w')
  const uploads = new WritingUploads(files)
  return {
    uploads,
    fd,
    write: (position: number, ...pieces: readonly string[]) =>
      uploads.write({ upload: 1, fd, position, pieces: pieces.map(bytesOf) }),
    end: () => uploads.end(1),
    read: () => fs.readFileSync(path, 'utf8'),
    async [Symbol.asyncDispose]() {
      fs.closeSync(fd)
      await folder[Symbol.asyncDispose]()
    },
  }
}

/** In memory of its own, as it comes from another thread: it is given back when it is written. */
function bytesOf(piece: string): Uint8Array {
  return new Uint8Array(Buffer.from(piece))
}
