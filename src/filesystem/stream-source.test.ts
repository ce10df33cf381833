import assert from 'node:assert/strict'
import { closeSync, fstatSync, writeSync } from 'node:fs'
import { once } from 'node:events'
import test from 'node:test'
import { Worker } from 'node:worker_threads'

import type { Listing, SourceFolder } from '#archiver'

import { makePipe } from './platform/pipe.ts'
import { createStreamSource } from './stream-source.ts'
import type { StreamSource } from './stream-source.ts'

const linuxOnly = { skip: process.platform !== 'linux' && 'needs pipes of Linux' }

/** Reads the whole content in a thread, as storing does; gives its length, its beginning and its end. */
const readerThread = `
  const { parentPort, workerData } = require('node:worker_threads')
  import(workerData.module).then(({ createContentReader }) => {
    const content = createContentReader(workerData.options).open({})
    const buffer = Buffer.alloc(100_000)
    let length = 0, first = '', count
    while ((count = content.read(buffer)) > 0) {
      if (length === 0) first = buffer.toString('latin1', 0, Math.min(count, 20))
      length += count
    }
    parentPort.postMessage({ length, first })
  })`

function readInThread({ reader }: StreamSource): Worker {
  return new Worker(readerThread, { eval: true, workerData: { module: reader.module.href, options: reader.options } })
}

async function readAll(source: StreamSource) {
  const [result] = (await once(readInThread(source), 'message')) as [{ length: number; first: string }]
  return result
}

test('what a command prints becomes the content of a file', linuxOnly, async () => {
  const lines: string[] = []
  const command = ['sh', '-c', 'echo warned >&2; head -c 3000000 /dev/zero; echo end']
  await using source = await createStreamSource({
    filename: 'db/dump.sql',
    command,
    onErrorLine: (line) => lines.push(line),
  })
  assert.deepEqual(source.paths, ['/db/dump.sql'])
  assert.equal((await readAll(source)).length, 3_000_004)
  await source.finish?.()
  assert.deepEqual(lines, ['warned'])
})

test('the file lies in the folders that its name has', linuxOnly, async () => {
  await using source = await createStreamSource({ filename: '/a/b/c', command: ['true'], time: 1000.5 })
  const found: string[] = []
  let folder: SourceFolder | undefined = source.root
  while (folder) {
    const listing: Listing = await source.list(folder)
    const [entry] = listing.entries
    assert.ok(entry)
    found.push(`${entry.stat.type} ${entry.path.toString()}`)
    if (entry.folder) assert.equal((await source.describe(entry)).node.mtime, '1970-01-01T00:00:01Z')
    folder = entry.folder
  }
  assert.deepEqual(found, ['dir /a', 'dir /a/b', 'file /a/b/c'])
})

test('a command that fails after printing makes no snapshot', linuxOnly, async () => {
  for (const [script, how] of [
    ['echo half; exit 3', 'exit code 3'],
    ['echo half; kill -9 $$', 'signal SIGKILL'],
  ] as const) {
    await using source = await createStreamSource({ filename: 'x', command: ['sh', '-c', script] })
    assert.equal((await readAll(source)).length, 5)
    await assert.rejects(async () => source.finish?.(), { code: 'COMMAND_FAILED', message: new RegExp(how) })
  }
})

test('a command that prints nothing makes no snapshot', linuxOnly, async () => {
  await using source = await createStreamSource({ filename: 'x', command: ['true'] })
  assert.equal((await readAll(source)).length, 0)
  await assert.rejects(async () => source.finish?.(), { code: 'STREAM_EMPTY' })
})

test('a command that is not there, and a name that is none, are refused', linuxOnly, async () => {
  await assert.rejects(createStreamSource({ filename: 'x', command: ['/no/such'] }), { code: 'COMMAND_NOT_STARTED' })
  await assert.rejects(createStreamSource({ filename: 'x', command: [] }), { code: 'COMMAND_NOT_STARTED' })
  for (const filename of ['', '/', '../x', 'a\0b']) {
    await assert.rejects(createStreamSource({ filename }), { code: 'FILENAME_INVALID' })
  }
})

test('a thread that waits for data that never comes can be ended, and the command with it', linuxOnly, async () => {
  const source = await createStreamSource({ filename: 'x', command: ['sleep', '1000'] })
  const worker = readInThread(source)
  await once(worker, 'online')
  await new Promise((resolve) => setTimeout(resolve, 150))
  await worker.terminate()
  await source[Symbol.asyncDispose]()
  await assert.rejects(async () => source.finish?.(), { code: 'COMMAND_FAILED' })
})

test('a descriptor is read to its end, in whatever pieces the data comes', linuxOnly, async () => {
  const { reading, writing } = makePipe()
  await using source = await createStreamSource({ filename: 'stdin', descriptor: reading })
  const result = readAll(source)
  for (const piece of ['one ', 'two ', 'three']) {
    writeSync(writing, piece)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  closeSync(writing)
  assert.deepEqual(await result, { length: 13, first: 'one two three' })
  assert.ok(fstatSync(reading).isFIFO()) // it stays ours
  closeSync(reading)
})
