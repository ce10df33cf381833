import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { seeded } from '../../test/helpers/seed.ts'
import {
  applyPolicy,
  defaultGroupBy,
  formatDurationUnits,
  groupSnapshots,
  hasTags,
  isEmptyPolicy,
  parseDuration,
  parseGroupBy,
  parseKeepCount,
  planForget,
  policyErrors,
  removedBy,
  type PolicySnapshot,
} from './index.ts'

const now = Date.parse('2025-06-01T00:00:00Z')
const options = { groupBy: parseGroupBy(''), now }

function at(...times: readonly string[]): PolicySnapshot[] {
  return times.map((time) => ({ id: time, time }))
}

/** Times of what is kept, newest first. */
function kept(snapshots: readonly PolicySnapshot[], policy: Parameters<typeof planForget>[1]): string[] {
  return planForget(snapshots, policy, options).groups.flatMap(({ keep }) => keep.map(({ snapshot }) => snapshot.time))
}

test('an empty policy removes nothing, however it is written', () => {
  const snapshots = at('2025-01-01T00:00:00Z')
  for (const policy of [{}, { last: 0 }, { counts: { daily: 0 } }, { within: parseDuration('0d') }, { tags: [] }]) {
    assert.ok(isEmptyPolicy(policy))
    assert.throws(() => planForget(snapshots, policy, options), { code: 'POLICY_EMPTY' })
  }
})

test('all of a group goes only with the flag, and without a policy only what was filtered', () => {
  const snapshots = at('2025-01-01T00:00:00Z', '2025-01-02T00:00:00Z')
  const policy = { tags: [['misspelt']] }
  assert.throws(() => planForget(snapshots, policy, options), { code: 'GROUP_WOULD_BE_EMPTIED' })
  assert.equal(removedBy(planForget(snapshots, policy, { ...options, allowRemoveAll: true })).length, 2)
  assert.throws(() => planForget(snapshots, {}, { ...options, allowRemoveAll: true }), {
    code: 'REMOVE_ALL_UNFILTERED',
  })
  const plan = planForget(snapshots, {}, { ...options, allowRemoveAll: true, filtered: true })
  assert.equal(removedBy(plan).length, 2)
})

test('one group that would be emptied keeps every other group whole as well', () => {
  const snapshots = [
    { id: '1', time: '2025-01-01T00:00:00Z', hostname: 'a', tags: ['x'] },
    { id: '2', time: '2025-01-01T00:00:00Z', hostname: 'b' },
  ]
  assert.throws(() => planForget(snapshots, { tags: [['x']] }, { now, groupBy: defaultGroupBy }), {
    code: 'GROUP_WOULD_BE_EMPTIED',
    message: 'The policy would remove all 1 snapshots of the group of host b, so nothing is removed.',
  })
})

test('a thousand snapshots of the future push out none of the real ones', () => {
  const real = at('2025-05-30T00:00:00Z', '2025-05-31T00:00:00Z')
  const fake = Array.from({ length: 1000 }, (_, day) => new Date(now + (day + 1) * 86_400_000).toISOString())
  const times = kept([...real, ...at(...fake)], { last: 2, counts: { daily: 2 } })
  assert.deepEqual(times.slice(-2), ['2025-05-31T00:00:00Z', '2025-05-30T00:00:00Z'])
})

test('durations count from the newest snapshot that is not in the future', () => {
  const snapshots = at('2024-01-01T00:00:00Z', '2024-01-09T00:00:00Z', '2024-01-10T00:00:00Z', '2031-01-01T00:00:00Z')
  const { keep } = applyPolicy(snapshots, { within: parseDuration('2d') }, now)
  assert.deepEqual(
    keep.map(({ snapshot }) => snapshot.time),
    ['2031-01-01T00:00:00Z', '2024-01-10T00:00:00Z', '2024-01-09T00:00:00Z'],
  )
})

test('when all snapshots are of the future, a duration keeps them all', () => {
  assert.equal(kept(at('2031-01-01T00:00:00Z', '2032-01-01T00:00:00Z'), { within: parseDuration('1h') }).length, 2)
})

test('a day ends at midnight where the snapshot was made', () => {
  const snapshots = at('2025-01-01T23:30:00+14:00', '2025-01-02T00:30:00+14:00')
  assert.equal(kept(snapshots, { counts: { daily: 2 } }).length, 2)
  const sameDay = at('2025-01-01T22:30:00-03:30', '2025-01-01T23:59:59.999999999-03:30', '2025-01-01T00:00:00-03:30')
  assert.deepEqual(kept(sameDay, { counts: { daily: 1 } }), ['2025-01-01T23:59:59.999999999-03:30'])
})

test('nanoseconds decide which snapshot is newer', () => {
  const snapshots = at('2025-01-01T00:00:00.000000001Z', '2025-01-01T00:00:00.000000002Z', '2025-01-01T00:00:00Z')
  assert.deepEqual(kept(snapshots, { last: 1 }), ['2025-01-01T00:00:00.000000002Z'])
})

test('a time that cannot be read stops everything: nothing is removed on a guess', () => {
  for (const time of [
    '',
    'yesterday',
    '2025-02-30T00:00:00Z',
    '2025-01-01T24:00:00Z',
    '2025-01-01 00:00:00',
    '2025-01-01T00:00:00',
  ]) {
    assert.throws(() => planForget(at(time), { last: 1 }, options), { code: 'SNAPSHOT_TIME_INVALID' })
  }
})

test('every snapshot is either kept, with a reason, or removed, whatever the policy', () => {
  const time = fc
    .integer({ min: -3_000_000_000, max: 4_000_000_000 })
    .map((seconds) => new Date(seconds * 1000).toISOString())
  const policy = fc.record({ last: fc.nat(3), counts: fc.record({ weekly: fc.nat(3), yearly: fc.nat(3) }) })
  const property = fc.property(fc.array(time, { minLength: 1 }), policy, (times, { last, counts }) => {
    const snapshots = at(...times)
    const { groups } = planForget(snapshots, { last: last + 1, counts }, options)
    const keep = groups.flatMap((group) => group.keep)
    const all = [...keep.map(({ snapshot }) => snapshot), ...groups.flatMap(({ remove }) => remove)]
    assert.equal(new Set(all).size, snapshots.length)
    assert.equal(all.length, snapshots.length)
    assert.ok(keep.every(({ matches }) => matches.length > 0))
  })
  fc.assert(property, seeded())
})

test('groups are made by what is asked for, in any order of paths and tags', () => {
  const snapshots: PolicySnapshot[] = [
    { id: '1', time: '', hostname: 'h', paths: ['/b', '/a'], tags: ['y', 'x'] },
    { id: '2', time: '', hostname: 'h', paths: ['/a', '/b'], tags: ['x', 'y'] },
    { id: '3', time: '', hostname: 'g', paths: ['/a', '/b'], tags: null },
  ]
  const ids = (groupBy: string) =>
    groupSnapshots(snapshots, parseGroupBy(groupBy)).map((group) => group.snapshots.map(({ id }) => id).join(''))
  assert.deepEqual(ids('host,paths'), ['3', '12'])
  assert.deepEqual(ids('path'), ['123'])
  assert.deepEqual(ids('tags').toSorted(), ['12', '3'])
  assert.deepEqual(ids(''), ['123'])
  assert.throws(() => parseGroupBy('host,colour'), { code: 'POLICY_GROUPING_INVALID' })
  assert.throws(() => parseGroupBy('constructor'), { code: 'POLICY_GROUPING_INVALID' })
})

test('an empty tag stands for a snapshot without tags', () => {
  assert.ok(hasTags({ id: '', time: '' }, ['']))
  assert.ok(!hasTags({ id: '', time: '', tags: ['a'] }, ['']))
  assert.ok(hasTags({ id: '', time: '', tags: ['a', 'b'] }, ['b', 'a']))
  assert.ok(!hasTags({ id: '', time: '', tags: ['a'] }, ['a', 'b']))
})

test('durations are read as restic reads them, and others are refused with what is wrong', () => {
  assert.equal(formatDurationUnits(parseDuration(' 2h7d5m1y ')), '1y5m7d2h')
  assert.equal(formatDurationUnits(parseDuration('1d2d')), '2d')
  assert.equal(formatDurationUnits(parseDuration('')), '')
  for (const text of ['7', 'd', '1w', '-1d', '1 d', '1d ,', '99999999d', '1é', '1__proto__']) {
    assert.throws(() => parseDuration(text), { code: 'POLICY_DURATION_INVALID' }, text)
  }
})

test('a number of snapshots is a whole number from 0, or unlimited', () => {
  assert.equal(parseKeepCount('12'), 12)
  assert.equal(parseKeepCount('unlimited'), 'unlimited')
  for (const text of ['', '-1', '1.5', '1e3', 'all', '0x10', '9'.repeat(30)]) {
    assert.throws(() => parseKeepCount(text), { code: 'POLICY_COUNT_INVALID' }, text)
  }
})

test('every error of this room says what to do', () => {
  for (const entry of Object.values(policyErrors)) assert.match(entry.hint, /\.$/)
})
