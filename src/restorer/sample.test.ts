import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RandomSample } from './sample.ts'

function draw(seed: string, files: readonly (readonly [path: string, bytes: number])[], mostBytes = 1000) {
  const sample = new RandomSample({ seed, mostFiles: 5, mostBytes })
  for (const [path, bytes] of files) sample.offer(Buffer.from(path), bytes)
  return sample.chosen().map(({ path }) => path.toString())
}

const hundred = Array.from({ length: 100 }, (_, index) => [`/f${index}`, 10] as const)

test('the same seed chooses the same files whatever their order, another seed others', () => {
  assert.deepEqual(draw('a', hundred), draw('a', hundred.toReversed()))
  assert.notDeepEqual(draw('a', hundred), draw('b', hundred))
  assert.equal(draw('a', hundred).length, 5)
})

test('every file is chosen by some seed', () => {
  const chosen = new Set(Array.from({ length: 400 }, (_, seed) => draw(String(seed), hundred)).flat())
  assert.equal(chosen.size, 100)
})

test('a sample never has more bytes than it may', () => {
  assert.equal(draw('a', hundred, 25).length, 2)
  assert.deepEqual(
    draw(
      'a',
      [
        ['/large', 30],
        ['/small', 20],
      ],
      25,
    ),
    ['/small'],
  )
})
