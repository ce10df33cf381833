import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'node:test'
import { Semaphore, mapOrdered } from './async.ts'

test('results come in the order of the items, and never more calls run than allowed', async () => {
  let running = 0
  let most = 0
  const work = async (item: number) => {
    most = Math.max(most, ++running)
    await sleep((item * 7) % 5)
    running--
    return item * 2
  }
  const results = await Array.fromAsync(mapOrdered([1, 2, 3, 4, 5, 6, 7, 8], work, { concurrency: 3 }))
  assert.deepEqual(results, [2, 4, 6, 8, 10, 12, 14, 16])
  assert.equal(most, 3)
})

test('after an error nothing runs on behind the back of the caller', async () => {
  let running = 0
  const work = async (item: number) => {
    running++
    await sleep(item === 1 ? 1 : 20)
    running--
    if (item === 1) throw new Error('first')
    return item
  }
  await assert.rejects(Array.fromAsync(mapOrdered([1, 2, 3], work, { concurrency: 3 })), /first/)
  assert.equal(running, 0)
})

test('an aborted signal ends the iteration with its reason', async () => {
  const abort = new AbortController()
  const work = async (item: number) => {
    if (item === 2) abort.abort(new Error('enough'))
    return item
  }
  const options = { concurrency: 1, signal: abort.signal }
  await assert.rejects(Array.fromAsync(mapOrdered([1, 2, 3, 4], work, options)), /enough/)
})

test('a semaphore lets waiting holders in, in the order in which they came', async () => {
  const semaphore = new Semaphore(1)
  const order: number[] = []
  const hold = async (number: number) => {
    using _ = await semaphore.acquire()
    order.push(number)
    await sleep(1)
  }
  await Promise.all([hold(1), hold(2), hold(3)])
  assert.deepEqual(order, [1, 2, 3])
})
