import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { tempFolder } from '../../test/helpers/temp.ts'
import { fileOf } from './conformance.ts'
import { RateLimit } from './limit.ts'
import type { CreateThreadReader } from './local-thread.ts'
import { openBackend } from './open.ts'

const bytes = randomBytes(100_000)
const pack = fileOf('pack', bytes)

test('a thread reads from a folder what the backend reads, whole and in part, into memory that it is given', async () => {
  await using folder = await tempFolder()
  await using backend = openBackend(folder.path)
  await backend.create()
  await backend.write(pack, bytes)
  const reading = backend.threadReading
  assert.ok(reading)
  const { createThreadReader } = (await import(reading.module)) as { createThreadReader: CreateThreadReader }
  const reader = createThreadReader(structuredClone(reading.options))
  const memory = Buffer.alloc(200_000)
  const whole = reader.read(pack, () => memory)
  assert.deepEqual(whole, bytes)
  assert.equal(whole.buffer, memory.buffer)
  const range = { offset: 5000, length: 777 }
  assert.deepEqual(
    reader.read(pack, (length) => Buffer.alloc(length), range),
    bytes.subarray(5000, 5777),
  )
  const room = () => assert.fail('memory was asked for')
  assert.throws(() => reader.read(pack, room, { offset: 99_999, length: 2 }), /too short/)
  assert.throws(() => reader.read(fileOf('pack', Buffer.from('other')), room), { code: 'ENOENT' })
})

test('what is to be held back is not read behind the back of the limit', async () => {
  await using folder = await tempFolder()
  await using backend = openBackend(folder.path, { limits: { download: new RateLimit(1000) } })
  assert.equal(backend.threadReading, undefined)
})
