import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  mistakesOf,
  nextRun,
  refuseMistakes,
  retentionOf,
  type BackupPolicy,
  type Coverage,
  type Hours,
} from './index.ts'

const now = Date.parse('2026-11-23T12:00:00Z')
const wholeDay: Hours = { from: '00:00', to: '24:00' }

const office: BackupPolicy = {
  name: 'Office',
  machines: ['pc', 'laptop'],
  what: {
    include: ['/home', 'D:\\Projects', '\\\\nas\\scans'],
    exclude: ['*.tmp', '/home/*/.cache'],
    excludeCaches: true,
    excludeLargerThan: '20G',
    oneFileSystem: true,
    databases: [{ engine: 'postgresql', which: 'all' }],
    hooks: { before: 'stop-billing', onFailure: 'tell-anna' },
  },
  when: { kind: 'every', minutes: 60, timeZone: 'Europe/Berlin', notBetween: [{ from: '12:00', to: '13:00' }] },
  keep: { last: 24, daily: 14, monthly: 12, yearly: 'unlimited', within: '7d' },
  to: {
    repository: 'office',
    copies: [
      { repository: 'outside', when: { kind: 'daily', at: ['22:00'], timeZone: 'Europe/Berlin' }, keep: { daily: 30 } },
    ],
  },
  limits: { hours: [{ from: '08:00', to: '18:00', days: ['monday'], upload: 512 }] },
  rest: { batteryBelow: 30, onMeteredLine: true },
}

function what(changes: Partial<Coverage>): BackupPolicy {
  return { ...office, what: { ...office.what, ...changes } }
}

/** One row a mistake: the policy, where it is, and the sentence. */
const table: readonly (readonly [policy: BackupPolicy, at: string, sentence: string])[] = [
  [{ ...office, what: { include: [] } }, 'what.include', 'Nothing is included.'],
  [what({ include: ['home'] }), 'what.include.0', '"home" is not an absolute path.'],
  [what({ include: ['/srv/../etc'] }), 'what.include.0', '"/srv/../etc" goes back by "..".'],
  [what({ include: ['/srv\n'] }), 'what.include.0', '"/srv\\u000a" has a control character in it.'],
  [what({ include: ['/srv', '/srv'] }), 'what.include.1', '"/srv" is included twice.'],
  [what({ include: ['/srv'], exclude: ['/srv'] }), 'what.include.0', '"/srv" is included and excluded.'],
  [what({ exclude: [' '] }), 'what.exclude.0', 'A pattern is empty.'],
  [what({ exclude: ['/**'] }), 'what.exclude.0', '"/**" leaves out everything.'],
  [what({ exclude: ['a\u0000'] }), 'what.exclude.0', 'A pattern has a control character in it.'],
  [what({ excludeLargerThan: '0' }), 'what.excludeLargerThan', '"0" is not a size such as 500M or 2G.'],
  [
    what({ databases: [{ engine: 'mariadb', which: [] }] }),
    'what.databases.0.which',
    'No database of mariadb is named.',
  ],
  [
    what({
      databases: [
        { engine: 'sqlite', which: 'all' },
        { engine: 'sqlite', which: ['/a'] },
      ],
    }),
    'what.databases.1',
    'sqlite is named twice.',
  ],
  [
    {
      ...office,
      when: { kind: 'daily', at: ['12:30'], timeZone: 'UTC', notBetween: [{ from: '12:00', to: '13:00' }] },
    },
    'when',
    'The schedule never fires within its hours.',
  ],
  [
    { ...office, when: { ...office.when, onlyBetween: [{ from: '12:00', to: '12:30' }] } },
    'when',
    'The hours forbid every start: no run would ever begin.',
  ],
  [
    { ...office, when: { kind: 'cron', expression: '0 0 31 2 *', timeZone: 'UTC' } },
    'when',
    'The schedule never fires within its hours.',
  ],
  [
    { ...office, when: { kind: 'daily', at: ['02:00'], timeZone: 'Berlin' } },
    'when',
    '"Berlin" is not a time zone. Give a name of the IANA list, such as Europe/Berlin, America/New_York or UTC.',
  ],
  [{ ...office, keep: {} }, 'keep', 'Nothing would be kept: say for how long, such as daily 14 and monthly 12.'],
  [
    { ...office, keep: { daily: 0, within: '0d' } },
    'keep',
    'Nothing would be kept: say for how long, such as daily 14 and monthly 12.',
  ],
  [
    { ...office, keep: { within: '2w' } },
    'keep',
    '"2w" is not a duration: after 2 one of y, m, d, h is expected. Give years, months, days and hours, such as 1y5m7d2h.',
  ],
  [
    { ...office, to: { repository: 'office', copies: [{ repository: 'office' }] } },
    'to.copies.0',
    '"office" is named twice: a copy in the same place is none.',
  ],
  [
    { ...office, to: { repository: 'office', copies: [{ repository: 'outside', keep: {} }] } },
    'to.copies.0.keep',
    'Nothing would be kept: say for how long, such as daily 14 and monthly 12.',
  ],
  [{ ...office, rest: { hours: [wholeDay] } }, 'rest.hours', 'The machine would rest all week.'],
  [
    { ...office, rest: { hours: [{ from: '09:00', to: '09:00' }] } },
    'rest.hours',
    'The hours from 09:00 to 09:00 end where they begin. For the whole day give 00:00 to 24:00.',
  ],
  [{ ...office, limits: { upload: 0 } }, 'limits', 'The upload would be paused all week: nothing would be backed up.'],
  [
    { ...office, limits: { hours: [{ ...wholeDay, download: 0 }] } },
    'limits',
    'The download would be paused all week: nothing could be got back.',
  ],
  [{ ...office, limits: { hours: [wholeDay] } }, 'limits', 'The limit from 00:00 to 24:00 names no rate.'],
]

test('a policy without mistakes has none, and is refused for none', () => {
  assert.deepEqual(mistakesOf(office, now), [])
  assert.deepEqual(
    mistakesOf({ ...office, what: { include: [], databases: [{ engine: 'postgresql', which: 'all' }] } }, now),
    [],
  )
  refuseMistakes('Office', [])
  assert.equal(nextRun(office.when, now), Date.parse('2026-11-23T13:00:00Z'))
})

for (const [policy, at, sentence] of table) {
  test(`one mistake, one sentence: ${JSON.stringify(sentence).slice(1, -1)} (${at})`, () => {
    assert.deepEqual(mistakesOf(policy, now), [{ at, sentence }])
  })
}

test('all mistakes are named at once, and refused together', () => {
  const mistakes = mistakesOf({ ...what({ include: ['a'], excludeLargerThan: 'x' }), keep: {} }, now)
  assert.deepEqual(
    mistakes.map(({ at }) => at),
    ['what.include.0', 'what.excludeLargerThan', 'keep'],
  )
  assert.throws(() => refuseMistakes('Office', mistakes), {
    code: 'BACKUP_POLICY_INVALID',
    message: /^The backup policy "Office" can not be used\. what\.include\.0: "a" is not an absolute path\. what\./,
  })
})

test('what is kept is told in the words of retention', () => {
  assert.deepEqual(retentionOf(office.keep), {
    last: 24,
    counts: { daily: 14, monthly: 12, yearly: 'unlimited' },
    within: { years: 0, months: 0, days: 7, hours: 0 },
  })
})
