import assert from 'node:assert/strict'
import { test } from 'node:test'
import { couldBeDestroyed, judgeDestination } from './judge-copies.ts'
import type { Destination } from './judge-copies.ts'

type Copy = Destination['copies'][number]

function copy(repositoryId: string, completeAt: string | null, more: Partial<Copy> = {}): Copy {
  const rest = { machineId: null, diskId: null, snapshots: 1, newestReceivedAt: completeAt, failures: 0 }
  return {
    repositoryId,
    completeAt,
    isBehind: false,
    reason: null,
    nextTryAt: null,
    lockedUntil: null,
    ...rest,
    ...more,
  }
}

const [early, late] = ['2026-11-01T00:00:00Z', '2026-11-20T00:00:00Z']

test('a place is as good, and as old, as the worst of its copies', () => {
  assert.equal(judgeDestination({ copies: [] }).word, 'nothingYet')
  const complete = judgeDestination({ copies: [copy('a', late), copy('b', early)] })
  assert.deepEqual([complete.word, complete.completeAt], ['upToDate', early])
  assert.equal(judgeDestination({ copies: [copy('a', late), copy('b', early, { isBehind: true })] }).word, 'isBehind')
  assert.equal(judgeDestination({ copies: [copy('a', late), copy('b', null)] }).completeAt, null)
})

test('of disks that are carried away in turn the newest copy counts', () => {
  const copies = [copy('a', early, { diskId: 'one', isBehind: true }), copy('a', late, { diskId: 'two' })]
  assert.deepEqual(judgeDestination({ copies }), { is: 'good', word: 'upToDate', completeAt: late })
})

test('one attempt that succeeded is enough to say that copies can be destroyed, and none is no proof', () => {
  const attempt = { credential: 'writer', what: 'delete', said: null } as const
  const after = (...refused: readonly boolean[]) =>
    couldBeDestroyed({ tamperTest: { at: early, attempts: refused.map((each) => ({ ...attempt, refused: each })) } })
  assert.equal(couldBeDestroyed({ tamperTest: null }), null)
  assert.deepEqual([after(true, true), after(true, false)], [false, true])
})
