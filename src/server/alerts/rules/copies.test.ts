import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Finding } from '../condition.ts'
import { firm, noon } from '../testing.ts'
import { day, hour } from '../units.ts'
import type { CopyView, DisksView } from '../view.ts'
import { copyFindings, diskFindings, tamperFindings } from './copies.ts'

const destination = { id: 'cellar', name: 'Cellar', client: firm }

/** `unsure`, how bad it is, or that nothing is said. */
function saidBy([found, ...more]: readonly Finding[]): string {
  assert.equal(more.length, 0)
  const { condition } = found as Finding
  return condition === null || condition === 'unsure' ? String(condition) : condition.severity
}

const copies: readonly (readonly [situation: string, copy: Partial<CopyView>, said: string])[] = [
  ['a copy has what it should have', {}, 'null'],
  ['a copy is behind since an hour', { dueSince: noon - hour }, 'null'],
  ['a copy is behind since a day', { dueSince: noon - day }, 'warning'],
  ['a copy is behind since a day, and is being made', { dueSince: noon - day, isRunning: true }, 'unsure'],
  ['a copy has been in the making for a week', { dueSince: noon - 7 * day, isRunning: true }, 'warning'],
  ['a copy is behind since a week', { dueSince: noon - 7 * day }, 'critical'],
]

for (const [situation, changes, said] of copies) {
  test(`${situation}: ${said === 'null' ? 'nothing is said' : said}`, () => {
    const nothing = { dueSince: undefined, lastComplete: null, reason: null, isRunning: false }
    const copy = { id: 'r1', destination, repository: 'SRV1', ...nothing, ...changes }
    assert.equal(saidBy(copyFindings(copy, noon)), said)
  })
}

const disks: readonly (readonly [situation: string, changes: Partial<DisksView>, said: string])[] = [
  ['a disk was there yesterday', { lastSeen: noon - day }, 'null'],
  ['no disk was there for longer than is wished', { lastSeen: noon - 8 * day }, 'warning'],
  ['no disk was there for weeks', { lastSeen: noon - 22 * day }, 'critical'],
  ['no disk was ever there, and the destination is new', { since: noon - day }, 'null'],
  ['no disk was ever there', { since: noon - 8 * day }, 'warning'],
]

for (const [situation, changes, said] of disks) {
  test(`${situation}: ${said === 'null' ? 'nothing is said' : said}`, () => {
    const view = { destination, lastSeen: null, since: noon - 100 * day, remindAfter: 7 * day, ...changes }
    assert.equal(saidBy(diskFindings(view, noon)), said)
  })
}

test('a place that is said to keep what it has and does not is a warning; a machine that could destroy its backups is critical', () => {
  const elsewhere = { subject: { type: 'destination', ...destination }, by: 'writer', testedAt: noon } as const
  const here = { subject: { type: 'repository', ...destination }, by: 'machine', testedAt: noon } as const
  assert.equal(saidBy(tamperFindings({ ...elsewhere, isRefused: true })), 'null')
  assert.equal(saidBy(tamperFindings({ ...elsewhere, isRefused: false })), 'warning')
  assert.equal(saidBy(tamperFindings({ ...here, isRefused: false })), 'critical')
})
