import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { BackendError, type FileRef, MemoryBackend } from '#backend'
import { tombstonesIn } from '../../../test/helpers/endpoint-store.ts'
import { until } from '../../../test/helpers/until.ts'
import { BackendStorage, type BackendStorageOptions } from './backend-storage.ts'
import { fileNamed, pathOf, startEndpoint } from '../../../test/helpers/endpoint-server.ts'

const size = 2_000_000

/** Storage whose writes wait until they are let go. */
class SlowBackend extends MemoryBackend {
  readonly gate = Promise.withResolvers<void>()
  writing = 0
  most = 0

  override async write(file: FileRef, bytes: Uint8Array): Promise<void> {
    this.most = Math.max(this.most, ++this.writing)
    await this.gate.promise
    await new Promise((resolve) => setImmediate(resolve))
    await super.write(file, bytes)
    this.writing--
  }
}

test('when the local disk holds as many uploads as it may, others are told to come again', async () => {
  const memory = new SlowBackend()
  await using server = await before(memory, { spoolBytes: 2 * size })
  const uploads = [1, 2, 3].map(() => randomBytes(size))
  const [first, second, third] = uploads.map((body) => ({ path: pathOf(fileNamed('pack', body)), body }))
  assert.ok(first && second && third)
  const sent = [first, second].map(({ path, body }) => server.send(path, { method: 'POST', body }))
  await until(() => memory.writing === 2)
  const refused = await server.send(third.path, { method: 'POST', body: third.body })
  assert.deepEqual([refused.status, refused.code, refused.headers['retry-after']], [503, 'ENDPOINT_SPOOL_FULL', '10'])
  memory.gate.resolve()
  for (const { status } of await Promise.all(sent)) assert.equal(status, 200)
  assert.equal((await server.send(third.path, { method: 'POST', body: third.body })).status, 200)
})

test('no more bytes are in memory on their way to the storage than may be', async () => {
  const memory = new SlowBackend()
  await using server = await before(memory, { memoryBytes: 2 * size + 10 })
  const uploads = Array.from({ length: 7 }, () => randomBytes(size))
  const sent = uploads.map((body) => server.send(pathOf(fileNamed('pack', body)), { method: 'POST', body }))
  await until(() => memory.writing === 2)
  memory.gate.resolve()
  for (const { status } of await Promise.all(sent)) assert.equal(status, 200)
  assert.equal(memory.most, 2)
  for (const body of uploads) assert.ok((await server.send(pathOf(fileNamed('pack', body)))).body.equals(body))
})

test('a machine hears that the storage failed, but not where it is or why', async () => {
  const memory = new (class extends MemoryBackend {
    override async write(): Promise<void> {
      throw new BackendError('ACCESS_DENIED', { location: 's3:secret-host/bucket', reason: 'the key XYZ is wrong' })
    }
  })()
  await using server = await before(memory, {})
  const body = randomBytes(10)
  const answer = await server.send(pathOf(fileNamed('pack', body)), { method: 'POST', body })
  assert.deepEqual([answer.status, answer.code], [503, 'ENDPOINT_STORAGE_FAILED'])
  assert.doesNotMatch(answer.phrase + answer.body.toString(), /secret-host|XYZ/)
})

function before(memory: MemoryBackend, options: Partial<BackendStorageOptions>) {
  return startEndpoint({
    openStorage: (folder) =>
      BackendStorage.open({
        open: () => memory,
        openTombstones: tombstonesIn(folder),
        folder,
        keepFree: 0,
        ...options,
      }),
  })
}
