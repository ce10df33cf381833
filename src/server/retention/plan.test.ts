import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { BackupPolicy, Keep, ReceivedSnapshot } from '#policy'
import { seeded } from '../../../test/helpers/seed.ts'
import { planByPolicies } from './plan.ts'

const day = 86_400_000
const now = Date.parse('2026-11-23T12:00:00Z')

function policy(include: readonly string[], keep: Keep): BackupPolicy {
  const when = { kind: 'daily', at: ['03:00'], timeZone: 'UTC' } as const
  return { name: 'Files', what: { include }, when, keep, to: { repository: 'own' } }
}

function snapshot(daysAgo: number, about: Partial<ReceivedSnapshot> = {}): ReceivedSnapshot {
  const received = now - daysAgo * day - 1
  return { id: `${daysAgo}`, received, claimed: received, hostname: 'till', paths: ['/a'], good: true, ...about }
}

function kept(policies: readonly BackupPolicy[], snapshots: readonly ReceivedSnapshot[]): string[] {
  return planByPolicies(policies, snapshots, now).groups.flatMap(({ keep }) => keep.map((one) => one.snapshot.id))
}

test('snapshots go by the policy that names just their folders, and others by all of the machine’s', () => {
  const [short, long] = [policy(['/a/'], { last: 1 }), policy(['/b'], { last: 3 })]
  const snapshots = ['/a', '/b', '/gone'].flatMap((path) =>
    [0, 1, 2, 3].map((at) => snapshot(at, { id: `${path} ${at}`, paths: [path] })),
  )
  assert.deepEqual(kept([short, long], snapshots).toSorted(), [
    '/a 0',
    '/b 0',
    '/b 1',
    '/b 2',
    '/gone 0',
    '/gone 1',
    '/gone 2',
  ])
})

test('the newest good snapshot stays, however many incomplete ones came after it', () => {
  const history = [...Array.from({ length: 9 }, (_, at) => snapshot(at, { good: false })), snapshot(50)]
  assert.deepEqual(kept([policy(['/a'], { last: 2 })], history), ['0', '1', '50'])
})

test('the newest that nobody suspects stays, however many suspect ones came after it', () => {
  const suspects = Array.from({ length: 9 }, (_, at) => snapshot(at, { suspect: true }))
  const history = [...suspects, snapshot(20, { good: false }), snapshot(21, { good: false })]
  assert.deepEqual(kept([policy(['/a'], { last: 1 })], history), ['0', '20'])
})

const anyKeep: fc.Arbitrary<Keep> = fc.record({
  last: fc.nat(3),
  daily: fc.nat(5),
  weekly: fc.integer({ min: 1, max: 3 }),
})
const anySnapshot = fc
  .record({
    id: fc.uuid(),
    received: fc.integer({ min: now - 400 * day, max: now + 400 * day }),
    lie: fc.option(fc.integer({ min: -2_000, max: 2_000 }), { nil: undefined }),
    paths: fc.constantFrom(['/a'], ['/b'], ['/a', '/b'], []),
    good: fc.boolean(),
    suspect: fc.boolean(),
  })
  .map(({ lie, ...same }): ReceivedSnapshot => ({
    ...same,
    hostname: 'till',
    claimed: lie === undefined ? undefined : same.received + lie * day,
  }))

test('whatever the history, the policies and the lies: in no group the last good one goes, nor the last that is not suspect', () => {
  const property = fc.property(
    fc.array(anySnapshot, { maxLength: 40 }),
    fc.array(anyKeep, { minLength: 1, maxLength: 3 }),
    (snapshots, keeps) => {
      const policies = keeps.map((keep, at) => policy([at === 0 ? '/a' : '/b'], keep))
      for (const { keep, remove } of planByPolicies(policies, snapshots, now).groups) {
        const stays = keep.map((one) => one.snapshot)
        for (const isSuch of [
          ({ good, suspect }: ReceivedSnapshot) => good === true && suspect !== true,
          ({ suspect }: ReceivedSnapshot) => suspect !== true,
        ]) {
          const newestGone = Math.max(...remove.filter(isSuch).map(({ received }) => received))
          const newestKept = Math.max(...stays.filter(isSuch).map(({ received }) => received))
          assert.ok(newestKept >= newestGone)
        }
      }
    },
  )
  fc.assert(property, { ...seeded(), numRuns: 300 })
})
