import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findConditions } from '../find-conditions.ts'
import { machine, noon, protection, run, view } from '../testing.ts'
import { day, minute } from '../units.ts'

test('a server that was away itself says of nobody that it was silent, until there was time to report', () => {
  const findingsAfter = (ago: number) => {
    const machines = [machine({ lastSeen: noon - day })]
    const server = { ...view().server, lookingSince: noon - ago }
    return findConditions(view({ machines, protections: [protection([run(3 * day)])], server }), noon)
  }
  const keys = ['machine_unseen/machine/srv1', 'run_missed/machine/srv1/p1']
  assert.deepEqual([...findingsAfter(14 * minute).unsure], keys)
  const { unsure, conditions } = findingsAfter(15 * minute)
  assert.equal(unsure.size, 0)
  const found = conditions.map(({ key }) => key)
  assert.ok(keys.every((key) => found.includes(key)))
})
