import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findConditions } from '../find-conditions.ts'
import { noon, view } from '../testing.ts'
import { day } from '../units.ts'

test('the day on which a storage will be full is said', () => {
  const space = { capacity: 1000, free: 500 }
  const used = Array.from({ length: 20 }, (_, index) => ({ at: noon - index * day, bytes: 500 - index * 50 }))
  const storage = { id: 's1', name: 'NAS', client: null, space, used }
  const { conditions } = findConditions(view({ storages: [storage] }), noon)
  const filling = conditions.find(({ kind }) => kind === 'storage_filling')
  assert.deepEqual(filling?.facts, { ...space, fullAt: noon + 10 * day })
})
