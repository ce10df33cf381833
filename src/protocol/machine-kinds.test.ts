import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { machineKinds, renderMachineKinds } from './machine-kinds.ts'
import type { MachineKind } from './machine-kinds.ts'

test('the table has a row for each kind of machine and five cells in each row, whatever is in them', () => {
  const [first] = machineKinds as readonly [MachineKind, ...MachineKind[]]
  const odd: MachineKind = { ...first, name: 'a | b\nc' }
  const rows = renderMachineKinds([odd, ...machineKinds])
    .trimEnd()
    .split('\n')
  assert.equal(rows.length, machineKinds.length + 3)
  for (const row of rows) assert.equal(row.match(/(?<!\\)\|/g)?.length, 6, row)
  assert.ok(rows[2]?.startsWith(String.raw`| a \| b c |`))
})

test('every kind is there once, and says in one sentence what it gets and what not', () => {
  assert.equal(new Set(machineKinds.map(({ id }) => id)).size, machineKinds.length)
  for (const { id, files, applications, wholeMachine } of machineKinds) {
    for (const { how } of [files, applications, wholeMachine]) assert.match(how, /^\S.{10,}[^.\s]$/, id)
  }
})

test('the table can be loaded by a browser: it needs nothing', () => {
  assert.doesNotMatch(
    readFileSync(new URL('machine-kinds.ts', import.meta.url), 'utf8'),
    /^import|require\(|process\./m,
  )
})
