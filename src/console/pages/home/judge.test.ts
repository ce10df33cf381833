import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MachineGlance } from '#protocol'
import { findNextThing, judgeClients, judgeMachines } from './judge.ts'
import type { Alert, Client, Machine } from './judge.ts'

const now = Date.parse('2026-11-23T08:00:00Z')
const ago = (days: number) => new Date(now - days * 86_400_000).toISOString()

function machine(name: string, more: Partial<Machine> = {}): Machine {
  return {
    id: name,
    clientId: 'bakery',
    name,
    kind: 'server',
    state: 'approved',
    hasAgent: true,
    about: {},
    update: null,
    createdAt: ago(100),
    lastSeenAt: ago(0),
    awayUntil: null,
    clockAhead: null,
    usedByTwo: null,
    ...more,
  }
}

function glance(machineId: string, more: Partial<MachineGlance> = {}): MachineGlance {
  return { machineId, newestAt: ago(0), recoveryPoints: 3, usedBytes: 10, policies: 1, provenAt: ago(2), ...more }
}

function alert(id: string, severity: Alert['severity'], more: Partial<Alert> = {}): Alert {
  const subject = { type: 'machine', id, name: id, clientId: 'bakery' } as const
  const words = { title: 'It failed', sentence: 'It failed twice.', hint: 'Look.' }
  const rest = { since: ago(1), facts: {}, acknowledged: null, muted: null }
  return { key: `${id} ${severity}`, kind: 'run_failed', severity, subject, ...words, ...rest, ...more }
}

const client = (id: string, more: Partial<Client> = {}): Client => ({
  id,
  name: id,
  state: 'normal',
  stateSince: ago(1),
  createdAt: ago(1),
  ...more,
})

test('nothing is called good that is not backed up and proven, and the worst comes first', () => {
  const machines = ['good', 'unproven', 'old', 'empty', 'bare', 'failing', 'broken'].map((name) => machine(name))
  const glances = [
    glance('good'),
    glance('unproven', { provenAt: null }),
    glance('old', { newestAt: ago(40) }),
    glance('empty', { newestAt: null, provenAt: null }),
    glance('bare', { newestAt: null, provenAt: null, policies: 0 }),
    glance('failing'),
    glance('broken'),
  ]
  const alerts = [alert('broken', 'critical'), alert('failing', 'warning'), alert('good', 'notice')]
  const judged = judgeMachines({ machines, glances, alerts }, now)
  assert.deepEqual(
    judged.map(({ machine: { name }, is }) => `${name} ${is}`),
    ['bare bad', 'broken bad', 'failing look', 'old look', 'empty unknown', 'unproven unknown', 'good good'],
  )
})

test('a machine of which nothing is known is not known, and one that was revoked is not in the list', () => {
  const judged = judgeMachines(
    { machines: [machine('a'), machine('b', { state: 'revoked' })], glances: [], alerts: [] },
    now,
  )
  assert.deepEqual(
    judged.map(({ is, because }) => [is, because.kind]),
    [['unknown', 'no backup']],
  )
})

test('a client is as its worst machine; one that may have been attacked is before all', () => {
  const machines = [machine('a'), machine('b', { clientId: 'smithy' })]
  const judged = judgeMachines({ machines, glances: [glance('a'), glance('b', { provenAt: null })], alerts: [] }, now)
  const clients = [client('bakery'), client('smithy'), client('dairy', { state: 'attacked' })]
  assert.deepEqual(
    judgeClients(clients, judged).map(({ client: { name }, good }) => `${name} ${good}`),
    ['dairy 0', 'smithy 0', 'bakery 1'],
  )
})

test('the next thing is the worst that nobody has taken on, and there is none when all is well', () => {
  const next = (known: Parameters<typeof judgeMachines>[0], hasSecondFactor = true) =>
    findNextThing({
      judged: judgeMachines(known, now),
      alerts: known.alerts,
      clients: [client('bakery')],
      hasSecondFactor,
    })
  const [machines, glances] = [[machine('a')], [glance('a')]]
  const takenOn = alert('a', 'critical', { acknowledged: { by: 'x', at: ago(0) } })
  assert.equal(next({ machines: [], glances: [], alerts: [] })?.kind, 'first machine')
  assert.equal(next({ machines, glances, alerts: [alert('a', 'critical')] })?.kind, 'alert')
  assert.equal(next({ machines, glances, alerts: [takenOn] }), undefined)
  assert.equal(next({ machines, glances: [glance('a', { provenAt: null })], alerts: [] })?.kind, 'prove')
  assert.equal(next({ machines, glances, alerts: [] }, false)?.kind, 'second factor')
  assert.equal(next({ machines: [machine('a', { state: 'waiting' })], glances, alerts: [] })?.kind, 'approve')
})
