import assert from 'node:assert/strict'
import { test } from 'node:test'
import { noon, view } from '../testing.ts'
import { day, hour } from '../units.ts'
import type { OwnBackupView } from '../view.ts'
import { ownBackupFindings } from './own-backup.ts'

const well: OwnBackupView = {
  since: noon - 100 * day,
  lastComplete: noon - hour,
  reason: null,
  isPasswordKnown: true,
  isOnSameDisk: false,
}

const situations: readonly (readonly [situation: string, changes: Partial<OwnBackupView>, said: readonly string[]])[] =
  [
    ['the server has backed itself up elsewhere, and somebody knows the password', {}, []],
    ['it did so last yesterday', { lastComplete: noon - day }, ['own_backup_late warning']],
    ['it has not for a week', { lastComplete: noon - 7 * day }, ['own_backup_late critical']],
    ['it never has', { lastComplete: null }, ['own_backup_late critical']],
    ['nobody knows the password', { isPasswordKnown: false }, ['own_backup_unusable warning']],
    ['it lies on the server’s own disk', { isOnSameDisk: true }, ['own_backup_unusable notice']],
    [
      'the server is new, and nobody has looked after it yet',
      { since: noon - hour, lastComplete: null, isPasswordKnown: false, isOnSameDisk: true },
      [],
    ],
  ]

for (const [situation, changes, said] of situations) {
  test(`${situation}: ${said.join(', ') || 'nothing is said'}`, () => {
    const found = ownBackupFindings({ ...view().server, ownBackup: { ...well, ...changes } }, noon)
    const holding = found.flatMap(({ condition }) =>
      condition && condition !== 'unsure' ? [`${condition.kind} ${condition.severity}`] : [],
    )
    assert.deepEqual(holding, said)
  })
}
