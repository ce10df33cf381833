import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { SharedPackTable, createSharedPacks } from './shared-packs.ts'
import type { SharedPacks } from './shared-packs.ts'

/** What the pack in a buffer says of itself, held against its bytes. */
function assertWhole(table: SharedPackTable, buffer: number): number[] {
  const { bytes, length } = table.content(buffer)
  const blobs = table.blobs(buffer)
  let end = 0
  for (let i = 0; i < blobs.count; i++) {
    assert.equal(blobs.offsets[i], end)
    const sealed = bytes.subarray(end, end + (blobs.lengths[i] as number))
    const number = blobs.entries[i] as number
    assert.ok(sealed.every((byte) => byte === number % 251))
    const id = createHash('sha256').update(`${number}`).digest()
    assert.deepEqual(Buffer.from(blobs.ids.subarray(i * 32, i * 32 + 32)), id)
    end += sealed.length
  }
  assert.equal(length, end)
  return [...blobs.entries]
}

test('threads that append at once lose nothing and mix nothing up', async () => {
  const packs = createSharedPacks(30_000, 2)
  const table = new SharedPackTable(packs)
  const found: number[] = []
  const append = (from: number) =>
    appendInThread(packs, from, (buffer) => {
      found.push(...assertWhole(table, buffer))
      table.release(buffer)
    })
  await Promise.all([append(0), append(1_000), append(2_000)])
  for (const buffer of table.takeOpen()) found.push(...assertWhole(table, buffer))
  assert.equal(new Set(found).size, 1_500)
  assert.equal(found.length, 1_500)
})

/** Appends 500 blobs in a thread of its own; `onComplete` is told of each complete pack. */
function appendInThread(packs: SharedPacks, from: number, onComplete: (buffer: number) => void): Promise<void> {
  const code = `
    import { createHash } from 'node:crypto'
    import { parentPort, workerData } from 'node:worker_threads'
    import { SharedPackTable } from '${new URL('shared-packs.ts', import.meta.url).href}'
    const { packs, from } = workerData
    const table = new SharedPackTable(packs)
    for (let entry = from; entry < from + 500; entry++) {
      const ids = createHash('sha256').update(String(entry)).digest()
      const sealed = Buffer.alloc(100 + (entry % 900), entry % 251)
      const blob = { type: 0, ids, idAt: 0, sealed, plainLength: 1, entry }
      for (;;) {
        const { done, complete } = table.append(blob, Math.random())
        for (const buffer of complete) parentPort.postMessage(buffer)
        if (done) break
        await new Promise((resolve) => setTimeout(resolve, 1))
      }
    }`
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`), {
    workerData: { packs, from },
  })
  worker.on('message', onComplete)
  return new Promise((resolve, reject) => {
    worker.once('error', reject)
    worker.once('exit', () => resolve())
  })
}
