import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findConditions } from './find-conditions.ts'
import { firm, machine, noon, protection, run, view } from './testing.ts'
import { day, hour, minute } from './units.ts'
import type { AlertView, WayView } from './view.ts'

/** What holds, as `kind severity`; without the alerting itself, which has a table of its own. */
function holding(changes: Partial<AlertView>, now = noon): string[] {
  const { conditions } = findConditions(view(changes), now)
  return conditions
    .filter(({ kind }) => kind !== 'outside_watch_missing')
    .map(({ kind, severity }) => `${kind} ${severity}`)
}

const backup = (
  runs: Parameters<typeof protection>[0],
  changes: Parameters<typeof protection>[1] = {},
  on = machine(),
) => ({
  machines: [on],
  protections: [protection(runs, changes)],
})
const failed = (ago: number) => run(ago, { outcome: 'failed', reason: 'No.' })
const usual = [1, 2, 3, 4, 5].map((days) => run(days * day + hour))
const repository = { id: 'r1', name: 'SRV1', client: firm, findings: [] }
const storage = { id: 's1', name: 'NAS', client: null, used: [] }
const certificate = { id: 'c1', name: 'https://b.example', client: null, endsAt: noon + 40 * day, renewsItself: false }
const proof = {
  id: 'x',
  kind: 'check',
  subject: { type: 'repository', id: 'r1', name: 'SRV1', client: firm },
  every: 30 * day,
  activeSince: 0,
  lastPassed: noon - day,
} as const
const pc = { kind: 'pc' } as const

const situations: readonly (readonly [situation: string, view: Partial<AlertView>, holds: readonly string[]])[] = [
  ['all is well', backup(usual), []],
  [
    'a new machine has not had time for its first run',
    backup([], { activeSince: noon - day }, machine({ enrolledAt: noon - day })),
    [],
  ],

  ['the newest run failed', backup([failed(hour), ...usual]), ['run_failed warning']],
  [
    'runs fail for more than two intervals',
    backup([failed(hour), failed(day), failed(2 * day), run(3 * day)]),
    ['run_failed critical'],
  ],
  ['no run was ever good', backup([failed(hour)], { activeSince: noon - 3 * day }), ['run_failed critical']],
  ['a run with warnings is a good one', backup([run(hour, { outcome: 'warnings' }), failed(day)]), []],
  [
    'a cancelled run does not hide the failure before it',
    backup([run(hour, { outcome: 'cancelled' }), failed(day), run(day + hour)]),
    ['run_failed warning'],
  ],

  ['nothing ran for less than two intervals', backup([run(2 * day - minute)]), []],
  ['nothing ran for two intervals', backup([run(2 * day + minute)]), ['run_missed warning']],
  ['a planned run is late by half an hour', backup([run(day)], { planned: [noon - 30 * minute, noon + day] }), []],
  [
    'a planned run has not begun for more than an hour, however long the interval',
    backup([run(3 * day)], { planned: [noon - hour - 1], every: 3 * day }),
    ['run_missed warning'],
  ],
  [
    'three days without a run are none too many where none was planned',
    backup([run(3 * day)], { planned: [noon + hour] }),
    [],
  ],
  [
    'four planned runs in a row were left out',
    backup([run(5 * day)], { planned: [4, 3, 2, 1].map((days) => noon - days * day) }),
    ['run_missed critical'],
  ],
  ['nothing is planned any more', backup([run(5 * day)], { planned: [] }), []],
  [
    'a laptop was off when its run was planned',
    backup([run(2 * day)], { planned: [noon - day] }, machine({ kind: 'laptop', lastSeen: noon - 30 * hour })),
    [],
  ],
  ['nothing ran for four intervals', backup([run(4 * day + minute)]), ['run_missed critical']],
  ['nothing ever ran', backup([], { activeSince: noon - 3 * day }), ['run_missed warning']],
  [
    'every run is cancelled',
    backup(
      [1, 2, 3, 4, 5].map((days) => run(days * day, { outcome: 'cancelled' })),
      { activeSince: noon - 5 * day },
    ),
    ['run_missed critical'],
  ],
  ['the policy is switched off', backup([run(50 * day)], { paused: true }), []],
  ['the policy was switched on again yesterday', backup([run(50 * day)], { activeSince: noon - day }), []],
  ['a late run is under way', backup([run(3 * day)], { runningSince: noon - hour }), []],
  [
    'a run has been under way for days',
    backup([run(9 * day)], { runningSince: noon - 3 * day }),
    ['run_missed critical'],
  ],
  [
    'a PC is off since before the run was due',
    backup([run(3 * day)], {}, machine({ ...pc, lastSeen: noon - 2 * day })),
    [],
  ],
  [
    'a PC has just been switched on',
    backup([run(3 * day)], {}, machine({ ...pc, heardSince: noon - 10 * minute })),
    [],
  ],
  [
    'a PC has been on for an hour and did not catch up',
    backup([run(3 * day)], {}, machine({ ...pc, heardSince: noon - hour })),
    ['run_missed warning'],
  ],
  [
    'a PC was on after the run was due, and is off again',
    backup([run(3 * day)], {}, machine({ ...pc, heardSince: noon - 8 * hour, lastSeen: noon - 6 * hour })),
    ['run_missed warning'],
  ],
  [
    'a laptop is away',
    backup([run(20 * day)], {}, machine({ kind: 'laptop', lastSeen: noon - 20 * day, awayUntil: noon + day })),
    [],
  ],
  ['a laptop came back yesterday', backup([run(20 * day)], {}, machine({ kind: 'laptop', awayUntil: noon - day })), []],

  [
    'a server is silent for 16 minutes',
    { machines: [machine({ lastSeen: noon - 16 * minute })] },
    ['machine_unseen critical'],
  ],
  ['a server is silent for 15 minutes', { machines: [machine({ lastSeen: noon - 15 * minute })] }, []],
  ['a PC is off over the weekend', { machines: [machine({ ...pc, lastSeen: noon - 3 * day })] }, []],
  [
    'a PC is silent for five days',
    { machines: [machine({ ...pc, lastSeen: noon - 5 * day })] },
    ['machine_unseen warning'],
  ],
  ['a laptop is silent for a week', { machines: [machine({ kind: 'laptop', lastSeen: noon - 7 * day })] }, []],
  [
    'a laptop is silent for nine days',
    { machines: [machine({ kind: 'laptop', lastSeen: noon - 9 * day })] },
    ['machine_unseen warning'],
  ],
  [
    'a laptop is silent for nine days since it was to be back',
    { machines: [machine({ kind: 'laptop', lastSeen: noon - 90 * day, awayUntil: noon - 9 * day })] },
    ['machine_unseen warning'],
  ],
  [
    'a machine has a limit of its own',
    { machines: [machine({ ...pc, lastSeen: noon - 2 * hour, unseenLimit: hour })] },
    ['machine_unseen warning'],
  ],
  [
    'a machine never reported',
    { machines: [machine({ lastSeen: null, enrolledAt: noon - hour })] },
    ['machine_unseen critical'],
  ],
  ['a clock is five minutes off', { machines: [machine({ clockAhead: -5 * minute })] }, []],
  ['a clock is six minutes behind', { machines: [machine({ clockAhead: -6 * minute })] }, ['clock_wrong warning']],
  [
    'the clock of a storage is two hours ahead',
    { storages: [{ ...storage, clockAhead: 2 * hour }] },
    ['clock_wrong critical'],
  ],

  ['the newest run holds nothing', backup([run(hour, { bytes: 0, files: 0 }), ...usual]), ['backup_empty critical']],
  ['the first run holds nothing', backup([run(hour, { bytes: 0, files: 0 })]), ['backup_empty critical']],
  ['the newest run holds a third', backup([run(hour, { bytes: 333_333 }), ...usual]), ['backup_small warning']],
  [
    'the newest run holds nine files in ten fewer',
    backup([run(hour, { files: 9 }), ...usual]),
    ['backup_small critical'],
  ],
  ['the newest run holds two thirds', backup([run(hour, { bytes: 666_666 }), ...usual]), []],
  ['there is no usual yet to compare with', backup([run(hour, { bytes: 10 }), run(day), run(2 * day)]), []],
  [
    'a third run of half the size since somebody cleared up',
    backup([...[1, 2, 3, 4, 5, 6].map((days) => run(days * hour, { bytes: 300_000 })), ...usual]),
    [],
  ],
  [
    'one run in four failed',
    backup(Array.from({ length: 12 }, (_, index) => (index % 4 === 1 ? failed(index * day) : run(index * day)))),
    ['success_rate warning'],
  ],
  [
    'two runs in three failed',
    backup(Array.from({ length: 12 }, (_, index) => (index % 3 === 0 ? run(index * day) : failed(index * day)))),
    ['success_rate critical'],
  ],
  ['too few runs to speak of a rate', backup([run(0), failed(day), run(2 * day), failed(3 * day)]), []],

  ['a proof is in time', { proofs: [proof] }, []],
  ['a proof is late', { proofs: [{ ...proof, lastPassed: noon - 38 * day }] }, ['proof_overdue warning']],
  ['a proof is very late', { proofs: [{ ...proof, lastPassed: noon - 91 * day }] }, ['proof_overdue critical']],
  [
    'no proof was ever made',
    { proofs: [{ ...proof, activeSince: noon - 38 * day, lastPassed: null }] },
    ['proof_overdue warning'],
  ],
  ['a proof failed', { proofs: [{ ...proof, failed: { at: noon - hour, reason: 'No.' } }] }, ['proof_failed critical']],
  [
    'proofs fail for long',
    { proofs: [{ ...proof, lastPassed: noon - 38 * day, failed: { at: noon - hour, reason: 'No.' } }] },
    ['proof_failed critical', 'proof_overdue warning'],
  ],

  [
    'a storage is nine tenths full and does not grow',
    { storages: [{ ...storage, space: { capacity: 100, free: 11 } }] },
    [],
  ],
  [
    'a storage is more than nine tenths full',
    { storages: [{ ...storage, space: { capacity: 100, free: 9 } }] },
    ['storage_filling warning'],
  ],
  [
    'a storage is as good as full',
    { storages: [{ ...storage, space: { capacity: 100, free: 2 } }] },
    ['storage_filling critical'],
  ],
  [
    'a storage will be full in ten days',
    { storages: [{ ...storage, space: { capacity: 1000, free: 500 }, used: growing(50) }] },
    ['storage_filling warning'],
  ],
  [
    'a storage will be full in three days',
    { storages: [{ ...storage, space: { capacity: 1000, free: 500 }, used: growing(160) }] },
    ['storage_filling critical'],
  ],
  [
    'a storage will be full in two months',
    { storages: [{ ...storage, space: { capacity: 1000, free: 500 }, used: growing(8) }] },
    [],
  ],

  ['a certificate ends in forty days', { certificates: [certificate] }, []],
  [
    'a certificate ends in twenty days',
    { certificates: [{ ...certificate, endsAt: noon + 20 * day }] },
    ['certificate_ending warning'],
  ],
  [
    'a certificate that renews itself ends in twenty days',
    { certificates: [{ ...certificate, endsAt: noon + 20 * day, renewsItself: true }] },
    [],
  ],
  [
    'a certificate that renews itself ends in ten days',
    { certificates: [{ ...certificate, endsAt: noon + 10 * day, renewsItself: true }] },
    ['certificate_ending warning'],
  ],
  [
    'a certificate has ended',
    { certificates: [{ ...certificate, endsAt: noon - minute }] },
    ['certificate_ending critical'],
  ],

  ['a repository is as the ledger says', { repositories: [repository] }, []],
  [
    'snapshots are missing and others invented',
    {
      repositories: [
        {
          ...repository,
          findings: [
            { kind: 'missing', count: 2, foundAt: noon },
            { kind: 'invented', count: 1, foundAt: noon },
          ],
        },
      ],
    },
    ['ledger_disagrees critical', 'ledger_disagrees critical'],
  ],
  [
    'an unusual run holds the retention',
    { repositories: [{ ...repository, held: { since: noon, reason: 'much changed' } }] },
    ['retention_held critical'],
  ],
]

for (const [situation, changes, holds] of situations) {
  test(`${situation}: ${holds.length === 0 ? 'nothing is said' : holds.join(', ')}`, () => {
    assert.deepEqual(holding(changes), holds)
  })
}

/** Twenty days, up to 500 bytes at noon. */
function growing(perDay: number) {
  return Array.from({ length: 20 }, (_, index) => ({
    at: noon - (19 - index) * day,
    bytes: 500 - (19 - index) * perDay,
  }))
}

test('a machine that is removed, paused or away is no longer watched, rather than well', () => {
  const key = 'run_missed/machine/srv1/p1'
  assert.ok(findConditions(view(backup(usual)), noon).watched.has(key))
  assert.ok(!findConditions(view(backup(usual, { paused: true })), noon).watched.has(key))
  assert.ok(!findConditions(view(backup(usual, {}, machine({ awayUntil: noon + day }))), noon).watched.has(key))
  assert.ok(!findConditions(view({ protections: [protection(usual)] }), noon).watched.has(key))
})

test('while a late run is under way it is not known whether the backup is missed', () => {
  const { unsure, conditions } = findConditions(view(backup([run(3 * day)], { runningSince: noon - hour })), noon)
  assert.deepEqual([...unsure], ['run_missed/machine/srv1/p1'])
  assert.deepEqual(
    conditions.map(({ kind }) => kind),
    ['outside_watch_missing'],
  )
})

test('a condition says since when: of the first failure in a row, of the time when a run was due', () => {
  const { conditions } = findConditions(view(backup([failed(hour), failed(day), run(30 * hour)])), noon)
  assert.equal(conditions[0]?.since, noon - day)
  const missed = findConditions(view(backup([run(3 * day)])), noon)
  assert.equal(missed.conditions[0]?.since, noon - day)
})

test('ids with a slash do not make two things one', () => {
  const two = [machine({ id: 'a/b', lastSeen: null }), machine({ id: 'a%2Fb', lastSeen: null })]
  assert.equal(
    findConditions(view({ machines: two }), noon).conditions.filter(({ kind }) => kind === 'machine_unseen').length,
    2,
  )
})

const way = (changes: Partial<WayView> = {}): WayView => ({
  channel: { id: 'mail', name: 'Mail' },
  kind: 'email',
  person: { id: 'anna', name: 'Anna' },
  clients: 'all',
  hosts: ['smtp.provider.example', 'mx.other.example'],
  ...changes,
})
const phone = way({ channel: { id: 'phone', name: 'Phone' }, kind: 'ntfy', hosts: ['ntfy.sh'] })
const watch = way({
  channel: { id: 'dead-man', name: 'hc.example' },
  kind: 'dead_man',
  person: null,
  clients: [],
  hosts: ['hc.example'],
})
const mailServer = machine({ id: 'mx', name: 'MAIL', addresses: ['mail.miller.example', '192.168.1.5'] })
const broken = { broken: { since: noon, reason: 'No.' } }

const alertings: readonly (readonly [situation: string, view: Partial<AlertView>, holds: readonly string[]])[] = [
  ['two ways that have nothing in common, and an outside watch', { ways: [way(), phone, watch] }, []],
  ['no outside watch', { ways: [way(), phone] }, ['outside_watch_missing notice']],
  ['nobody hears of this client', { ways: [way({ clients: ['other'] }), watch] }, ['alerting_missing critical']],
  ['one channel is broken, another works', { ways: [way(broken), phone, watch] }, ['channel_broken warning']],
  [
    'the only channel is broken',
    { ways: [way({ ...broken, hosts: ['a.example', 'b.test'] }), watch] },
    ['channel_broken critical', 'alerting_dependent notice'],
  ],
  ['the outside watch cannot be called', { ways: [way(), phone, { ...watch, ...broken }] }, ['channel_broken warning']],
  [
    'all mail goes to the mail server that is protected',
    { machines: [mailServer], ways: [way({ hosts: ['smtp.provider.example', 'MAIL.miller.example.'] }), watch] },
    ['alerting_dependent warning'],
  ],
  [
    'a second way does not go through the protected mail server',
    { machines: [mailServer], ways: [way({ hosts: ['192.168.1.5'] }), phone, watch] },
    [],
  ],
  [
    'every way leads through the server itself',
    { ways: [way({ hosts: ['backup.example.com'] }), watch] },
    ['alerting_dependent warning'],
  ],
  [
    'every way leads into the domain of the machines',
    {
      machines: [mailServer],
      ways: [way({ hosts: ['smtp.miller.example'] }), way({ hosts: ['chat.miller.example'] }), watch],
    },
    ['alerting_dependent warning'],
  ],
  [
    'every way leads through one host of others',
    { ways: [way({ hosts: ['smtp.example.com'] }), way({ hosts: ['smtp.example.com'] }), watch] },
    ['alerting_dependent notice'],
  ],
  [
    'every way leads through one domain of others',
    { ways: [way({ hosts: ['a.firm.co.uk'] }), way({ hosts: ['b.firm.co.uk'] }), watch] },
    ['alerting_dependent notice'],
  ],
  [
    'two firms under co.uk have nothing in common',
    { ways: [way({ hosts: ['a.one.co.uk'] }), way({ hosts: ['a.two.co.uk'] }), watch] },
    [],
  ],
]

for (const [situation, changes, holds] of alertings) {
  test(`${situation}: ${holds.length === 0 ? 'nothing is said' : holds.join(', ')}`, () => {
    const { conditions } = findConditions(view({ clients: [firm], ...changes }), noon)
    const ofAlerting = conditions.filter(({ kind }) => kind !== 'machine_unseen')
    assert.deepEqual(
      ofAlerting.map(({ kind, severity }) => `${kind} ${severity}`),
      holds,
    )
  })
}
