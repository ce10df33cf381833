import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { systemClock } from '#base'
import type { Clock } from '#base'
import { TimeLimit } from './time-limit.ts'

/** A clock whose sleeps end when a test says so. */
class HandClock implements Clock {
  #time = 0
  readonly sleeps: { readonly milliseconds: number; readonly wake: () => void }[] = []

  now = systemClock.now
  monotonic = () => this.#time

  pass(milliseconds: number): void {
    this.#time += milliseconds
  }

  async sleep(milliseconds: number): Promise<void> {
    await new Promise<void>((wake) => this.sleeps.push({ milliseconds, wake }))
  }
}

test('only the time between pauses counts', async () => {
  const clock = new HandClock()
  let expired = 0
  using limit = new TimeLimit(1000, () => expired++, { clock })
  clock.pass(400)
  limit.pause()
  clock.pass(10_000)
  limit.resume()
  assert.deepEqual(
    clock.sleeps.map(({ milliseconds }) => milliseconds),
    [1000, 600],
  )

  clock.sleeps[0]?.wake()
  await turn()
  assert.equal(expired, 0, 'the sleep before the pause does not count any more')
  clock.sleeps[1]?.wake()
  await turn()
  assert.equal(expired, 1)
})

test('a limit that is over, or was left, does not expire', async () => {
  const clock = new HandClock()
  {
    using _ = new TimeLimit(1000, () => assert.fail('expired'), { clock })
  }
  clock.sleeps[0]?.wake()
  await turn()
})
