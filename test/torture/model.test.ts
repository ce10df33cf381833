import assert from 'node:assert/strict'
import { test } from 'node:test'
import { damaged, decideDamage } from './faults/damage.ts'
import { RepositoryModel } from './model.ts'
import type { Expectation } from './model.ts'
import { randomFrom } from './random.ts'
import { plannedSteps } from './round.ts'

const expectation = (key: string): Expectation => ({ key, reference: 1, busy: false, without: [] })
const listed = (key: string, id: string = key) => ({ key, id, time: '2026-01-01T00:00:00Z' })

test('a snapshot that was promised and is not there is a loss', () => {
  const model = new RepositoryModel()
  model.promised(expectation('a'))
  assert.match(model.settle([]).join(), /^the snapshot a was reported as stored, and is not there$/)
})

test('a snapshot that nothing made, or that was forgotten, may not be there', () => {
  const model = new RepositoryModel()
  model.promised(expectation('a'))
  assert.deepEqual(model.settle([listed('a')]), [])
  model.forgotten(['a'])
  assert.match(model.settle([listed('a')]).join(), /nothing should have made it/)
})

test('what a killed run may have made or removed is known after the next look, and counts from then on', () => {
  const model = new RepositoryModel()
  model.perhaps(expectation('made'))
  model.perhaps(expectation('not made'))
  model.promised(expectation('removed'))
  model.promised(expectation('not removed'))
  model.perhapsForgotten(['removed', 'not removed'])
  assert.ok(!model.isSettled)
  assert.deepEqual(model.settle([listed('made'), listed('not removed')]), [])
  assert.deepEqual(
    model.expectations.map(({ key }) => key),
    ['not removed', 'made'],
  )
  assert.ok(model.isSettled)
  assert.equal(model.settle([]).length, 2)
})

test('a snapshot may have two ids after a run that replaces it was cut off', () => {
  const model = new RepositoryModel()
  model.promised(expectation('a'))
  assert.deepEqual(model.settle([listed('a', 'old'), listed('a', 'new')]), [])
  assert.deepEqual(model.idsOf('a'), ['old', 'new'])
})

test('the same seed makes the same decisions, whatever happens', () => {
  assert.deepEqual([...plannedSteps(7)], [...plannedSteps(7)])
  assert.notDeepEqual([...plannedSteps(7)], [...plannedSteps(8)])
  // What is decided can be written down and done again.
  const steps = [...plannedSteps(7)]
  assert.deepEqual(JSON.parse(JSON.stringify(steps)), steps)
})

test('damage is damage: it never leaves the bytes as they were, but for cuts at the end and zeros that were zeros', () => {
  const random = randomFrom(1)
  for (let i = 0; i < 500; i++) {
    const whole = random.bytes(1 + random.below(2000))
    const damage = decideDamage(random)
    const result = damaged(whole, damage, Buffer.from('other'))
    if (damage.kind !== 'cut' && damage.kind !== 'zeros') assert.ok(!result?.equals(whole), damage.kind)
  }
})
