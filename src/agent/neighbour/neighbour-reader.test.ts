import assert from 'node:assert/strict'
import { test } from 'node:test'
import { start } from '../../../test/helpers/run.ts'
import type { TempFolder } from '../../../test/helpers/temp.ts'
import { tempFolder } from '../../../test/helpers/temp.ts'
import { createContentReader } from './neighbour-reader.ts'

/** Plays rclone for the reader: how one file goes wrong is its name. It runs for itself, because the reader blocks. */
const playedRclone = `
  const head = { 'content-length': 9, 'last-modified': 'Thu, 01 Jan 2026 00:00:00 GMT' }
  const item = { Name: 'x', IsDir: false, Size: 9, ModTime: '2026-01-01T00:00:00Z' }
  const plays = {
    unsized: (response) => { response.write('some '); response.end('text') },
    stuck: (response) => response.writeHead(200, head).write('half'),
    broken: (response) => { response.writeHead(200, head).write('half'); setTimeout(() => response.destroy(), 50) },
    // Its answer comes while the next file is being read.
    late: (response) => { held = () => response.writeHead(200, head).end('too late!') },
    next: (response) => {
      response.writeHead(200, head).flushHeaders()
      held()
      setTimeout(() => response.end('its bytes'), 200)
    },
  }
  let held
  require('node:http').createServer((request, response) => {
    if (request.url === '/operations/stat') return response.end(JSON.stringify({ item }))
    plays[request.url.split('/').at(-1)](response)
  }).listen(process.argv[1], () => console.log('listening'))`

async function playRclone(folder: TempFolder) {
  const socket = folder.join('rc')
  const played = start(process.execPath, ['-e', playedRclone, socket])
  await played.printed(/listening/)
  const lost = new Int32Array(new SharedArrayBuffer(4))
  const reader = createContentReader({ socket, device: 'press-4', fs: 'device:/', patience: 500, lost })
  const read = (name: string) => {
    using content = reader.open({ remote: name, path: `/${name}`, name, size: 9n, mtime: 1_767_225_600_000_000_000n })
    const bytes = Buffer.alloc(9)
    return bytes.toString('latin1', 0, content.read(bytes))
  }
  return { played, lost, read, [Symbol.asyncDispose]: () => played[Symbol.asyncDispose]() }
}

test('a file that gives nothing more, breaks off, or has no known size is a problem of that file alone', async () => {
  await using folder = await tempFolder()
  await using scene = await playRclone(folder)
  const { played, lost, read } = scene
  assert.throws(() => read('stuck'), { code: 'DEVICE_ENTRY_STUCK' })
  assert.throws(() => read('broken'), { code: 'DEVICE_ENTRY_FAILED' })
  assert.throws(() => read('unsized'), { code: 'DEVICE_ENTRY_FAILED' })
  assert.equal(lost[0], 0)
  played.kill()
  await played.result
  assert.throws(() => read('stuck'), { code: 'DEVICE_LOST' })
  assert.equal(lost[0], 1)
})

test('the answer for a file that was given up is never taken for the next file', async () => {
  await using folder = await tempFolder()
  await using scene = await playRclone(folder)
  assert.throws(() => scene.read('late'), { code: 'DEVICE_ENTRY_STUCK' })
  assert.equal(scene.read('next'), 'its bytes')
})
