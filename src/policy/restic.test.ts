/** The judge: on the same snapshots and policy, real restic keeps and removes the same, for the same reasons. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { forEachConcurrent } from '#base'
import fc from 'fast-check'
import { cheapenKey } from '../../test/helpers/cheap-key.ts'
import { missing, peer } from '../../test/helpers/peers.ts'
import { runOk } from '../../test/helpers/run.ts'
import { testSeed } from '../../test/helpers/seed.ts'
import { tempFolder, type TempFolder } from '../../test/helpers/temp.ts'
import {
  formatDurationUnits,
  isEmptyPolicy,
  parseDuration,
  parseGroupBy,
  planForget,
  type CalendarDuration,
  type KeepCount,
  type Period,
  type PolicySnapshot,
  type RetentionPolicy,
} from './index.ts'

/** Where and when the snapshots are made: borders of every calendar there is. */
const moments: readonly (readonly [timeZone: string, time: string])[] = [
  ...[
    '2024-03-31 01:59:59',
    '2024-03-31 03:00:00',
    '2024-10-27 01:30:00',
    '2024-10-27 02:30:00',
    '2024-10-27 03:00:00',
  ].map((time) => ['Europe/Berlin', time] as const),
  ...['2024-03-10 01:59:59', '2024-03-10 03:00:01', '2024-11-03 01:15:00'].map(
    (time) => ['America/New_York', time] as const,
  ),
  ...[
    '2020-02-28 12:00:00',
    '2020-02-29 00:00:00',
    '2020-02-29 23:59:59',
    '2020-03-01 00:00:00',
    '2024-02-29 08:00:00',
  ].map((time) => ['UTC', time] as const),
  // 2020 has an ISO week 53, which reaches into 2021; 30 December 2024 is in week 1 of 2025.
  ...[
    '2020-12-27 23:59:59',
    '2020-12-28 00:00:00',
    '2020-12-31 23:00:00',
    '2021-01-03 23:59:59',
    '2021-01-04 00:00:00',
  ].map((time) => ['UTC', time] as const),
  ...['2024-12-29 23:59:59', '2024-12-30 00:00:00', '2025-01-01 00:00:00'].map(
    (time) => ['Pacific/Kiritimati', time] as const,
  ),
  ...['2024-12-31 23:30:00', '2025-01-01 00:30:00'].map((time) => ['America/St_Johns', time] as const),
  ...[
    '2025-03-31 10:00:00',
    '2025-03-31 10:20:00',
    '2025-03-31 11:00:00',
    '2025-03-30 10:00:00',
    '2025-02-28 10:00:00',
  ].map((time) => ['Asia/Kathmandu', time] as const),
  ...['1970-01-01 00:00:00', '1969-12-31 23:59:59', '1999-12-31 23:59:59', '2000-01-01 00:00:00'].map(
    (time) => ['UTC', time] as const,
  ),
]

const hosts = ['alpha', 'beta']
const tagSets = [[], ['a'], ['a', 'b'], ['b']]

describe('restic decides the same', { skip: missing('restic') }, () => {
  let folder: TempFolder
  let snapshots: PolicySnapshot[]

  before(async () => {
    folder = await tempFolder()
    await restic(folder, ['init'])
    cheapenKey(folder.join('repository'), 'secret')
    writeFileSync(folder.join('one'), 'one')
    writeFileSync(folder.join('two'), 'two')
    await forEachConcurrent(moments.entries(), (moment) => backUp(folder, ...moment), { concurrency: 6 })
    snapshots = JSON.parse(await restic(folder, ['snapshots', '--json'])) as PolicySnapshot[]
  })
  after(() => folder[Symbol.asyncDispose]())

  test('on snapshots around clock changes, leap days, week 53 and far time zones, for random policies', async () => {
    assert.equal(snapshots.length, moments.length)
    const property = fc.asyncProperty(policies, groupings, async (policy, groupBy) => {
      assert.deepEqual(ours(snapshots, policy, groupBy), await theirs(folder, policy, groupBy))
    })
    await fc.assert(property, { seed: testSeed(), numRuns: 60 })
  })

  test('on a policy that would empty a group: both refuse', async () => {
    const policy = { tags: [['no such tag']] }
    assert.throws(() => ours(snapshots, policy, 'host'), { code: 'GROUP_WOULD_BE_EMPTIED' })
    await assert.rejects(theirs(folder, policy, 'host'), /refusing to delete last snapshot of snapshot group/)
  })

  test('on a policy that keeps nothing: both refuse', async () => {
    assert.throws(() => ours(snapshots, { last: 0 }, 'host'), { code: 'POLICY_EMPTY' })
    await assert.rejects(theirs(folder, { last: 0 }, 'host'), /no policy was specified/)
  })

  test('on snapshots of the future, where ours keeps at least as much', async () => {
    await restic(folder, ['backup', '--time', '2990-01-01 00:00:00', '--host', 'alpha', 'one'])
    const all = JSON.parse(await restic(folder, ['snapshots', '--json'])) as PolicySnapshot[]
    const property = fc.asyncProperty(policies, async (policy) => {
      const [[mine], [other]] = [ours(all, policy, ''), await theirs(folder, policy, '')]
      const without = ours(snapshots, policy, '')[0]
      const expected = new Set([...(other?.keep ?? []), ...(without?.keep ?? [])])
      assert.deepEqual(new Set(mine?.keep), expected)
    })
    await fc.assert(property, { seed: testSeed(), numRuns: 15 })
  })
})

interface Decision {
  readonly group: unknown
  readonly keep: readonly string[]
  readonly remove: readonly string[]
  readonly reasons: readonly (readonly string[])[]
}

function ours(snapshots: readonly PolicySnapshot[], policy: RetentionPolicy, groupBy: string): Decision[] {
  const { groups } = planForget(snapshots, policy, { groupBy: parseGroupBy(groupBy), now: Date.now() })
  return sorted(
    groups.map(({ key, keep, remove }) => ({
      group: key,
      keep: keep.map(({ snapshot }) => snapshot.id),
      remove: remove.map(({ id }) => id),
      reasons: keep.map(({ matches }) => matches),
    })),
  )
}

async function theirs(folder: TempFolder, policy: RetentionPolicy, groupBy: string): Promise<Decision[]> {
  const args = ['forget', '--dry-run', '--no-lock', '--json', '--group-by', groupBy, ...flags(policy)]
  const groups = JSON.parse(await restic(folder, args)) as {
    host: string
    paths: string[] | null
    tags: string[] | null
    keep: { id: string }[] | null
    remove: { id: string }[] | null
    reasons: { matches: string[] }[]
  }[]
  return sorted(
    groups.map(({ host, paths, tags, keep, remove, reasons }) => ({
      group: { hostname: host, paths, tags },
      keep: (keep ?? []).map(({ id }) => id),
      remove: (remove ?? []).map(({ id }) => id),
      reasons: reasons.map(({ matches }) => matches),
    })),
  )
}

function sorted(decisions: readonly Decision[]): Decision[] {
  return decisions.toSorted((one, other) => (JSON.stringify(one.group) < JSON.stringify(other.group) ? -1 : 1))
}

function flags({ last, counts, within, periodsWithin, tags }: RetentionPolicy): string[] {
  const periods = ['hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const
  const counted = [['last', last] as const, ...periods.map((period) => [period, counts?.[period]] as const)]
  const timed = [['', within] as const, ...periods.map((period) => [`-${period}`, periodsWithin?.[period]] as const)]
  return [
    ...counted.flatMap(([name, count]) => (count === undefined ? [] : [`--keep-${name}=${count}`])),
    ...timed.flatMap(([name, duration]) => (duration ? [`--keep-within${name}=${formatDurationUnits(duration)}`] : [])),
    ...(tags ?? []).map((list) => `--keep-tag=${list.join(',')}`),
  ]
}

/** The offset of the place goes into the snapshot; `forget` runs in UTC, so that calendar arithmetic keeps that offset. */
async function backUp(folder: TempFolder, at: number, [TZ, time]: readonly [string, string]): Promise<void> {
  const host = hosts[at % 2] as string
  const tags = (tagSets[at % 4] as string[]).flatMap((tag) => ['--tag', tag])
  const path = at % 3 === 0 ? 'two' : 'one'
  await restic(folder, ['backup', '--time', time, '--host', host, ...tags, path], TZ)
}

function restic(folder: TempFolder, args: readonly string[], TZ = 'UTC'): Promise<string> {
  const env = {
    TZ,
    RESTIC_REPOSITORY: folder.join('repository'),
    RESTIC_PASSWORD: 'secret',
    RESTIC_PASSWORD_FILE: undefined,
  }
  return runOk(peer('restic'), ['--no-cache', ...args], { cwd: folder.path, env })
}

const groupings = fc.constantFrom('host,paths', 'host', 'paths', 'tags', 'host,tags', '')
const count: fc.Arbitrary<KeepCount> = fc.oneof(fc.nat(8), fc.constant('unlimited' as const))
const durationText = fc.constantFrom('1h', '36h', '1d', '3d', '1m', '1m1d', '11m', '4y', '5y7m30d1h', '60y', '9999y')
const duration: fc.Arbitrary<CalendarDuration> = durationText.map(parseDuration)

const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 2 })

function perPeriod<T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<Partial<Record<Period, T>>> {
  const one = optional(arbitrary)
  const all = fc.record({ hourly: one, daily: one, weekly: one, monthly: one, yearly: one })
  return all.map((periods) => Object.fromEntries(Object.entries(periods).filter(([, value]) => value !== undefined)))
}

/** Random policies that keep something of every group (a `last` or a `within` sees to that). */
const policies: fc.Arbitrary<RetentionPolicy> = fc
  .record({
    last: optional(count),
    counts: perPeriod(count),
    within: optional(duration),
    periodsWithin: perPeriod(duration),
    tags: optional(fc.constantFrom([['a']], [['a', 'b']], [['']], [['b'], ['a']])),
  })
  .map(({ last, within, tags, ...periods }) => ({
    ...periods,
    ...(last !== undefined && { last }),
    ...(within && { within }),
    ...(tags && { tags }),
  }))
  .filter((policy) => !isEmptyPolicy({ ...policy, tags: [] }))
