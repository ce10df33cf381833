import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ChunkQueue, createSharedChunks } from './shared-chunks.ts'

test('a chunk that is offered is taken once, and its outcome collected once', () => {
  const shared = createSharedChunks()
  const [owner, helper, another] = [new ChunkQueue(shared), new ChunkQueue(shared), new ChunkQueue(shared)]
  const place = owner.offer(Buffer.from('a chunk'))
  assert.equal(helper.take(), place)
  assert.equal(another.take(), -1)
  assert.equal(helper.content(place).toString(), 'a chunk')
  assert.deepEqual(owner.collect(), [])
  helper.id(place).fill(7)
  helper.finish(place, { known: false, stored: 99 })
  const saved = { known: false, stored: 99 }
  assert.deepEqual(owner.collect(), [{ place, id: new Uint8Array(32).fill(7), bytes: 7, saved }])
  assert.deepEqual(owner.collect(), [])
})

test('when all places are taken the owner keeps the chunk', () => {
  const queue = new ChunkQueue(createSharedChunks())
  while (queue.offer(Buffer.from('x')) >= 0);
  assert.equal(queue.offer(Buffer.from('y')), -1)
})

test('a chunk that could not be saved is never taken for saved', () => {
  const queue = new ChunkQueue(createSharedChunks())
  const place = queue.offer(Buffer.from('x'))
  queue.take()
  queue.fail(place)
  assert.equal(queue.collect(), undefined)
})
