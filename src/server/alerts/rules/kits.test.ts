import assert from 'node:assert/strict'
import { test } from 'node:test'
import { firm, noon } from '../testing.ts'
import { day } from '../units.ts'
import type { KitView } from '../view.ts'
import { kitFindings } from './kits.ts'

const situations: readonly (readonly [situation: string, state: KitView['state'], since: number, severity?: string])[] =
  [
    ['a recovery kit is stored', 'stored', 0],
    ['there is no recovery kit yet, since yesterday', 'none', noon - day],
    ['there is no recovery kit, since a week', 'none', noon - 7 * day, 'warning'],
    ['nobody has typed the code of yesterday’s recovery kit back', 'unconfirmed', noon - day],
    ['nobody has typed the code of the recovery kit back, since a week', 'unconfirmed', noon - 7 * day, 'warning'],
    ['the recovery kit was confirmed a year ago', 'confirm-again', noon, 'warning'],
    ['something is not in the recovery kit', 'outdated', noon, 'notice'],
  ]

for (const [situation, state, since, severity] of situations) {
  test(`${situation}: ${severity ?? 'nothing is said'}`, () => {
    const found = kitFindings({ client: firm, state, since }, noon)
    const holding = found.flatMap(({ condition }) => (condition && condition !== 'unsure' ? [condition.severity] : []))
    assert.deepEqual(holding, severity === undefined ? [] : [severity])
  })
}
