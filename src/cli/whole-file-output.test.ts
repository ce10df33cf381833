import assert from 'node:assert/strict'
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import { test } from 'node:test'
import { tempFolder } from '../../test/helpers/temp.ts'
import { Terminal } from './terminal.ts'
import { WholeFileOutput } from './whole-file-output.ts'

test('what the system writes only in part is written to the end', async () => {
  await using folder = await tempFolder()
  const file = openSync(folder.join('output'), 'w')
  const inParts = ((to: number, bytes: Buffer, at: number, length: number) =>
    writeSync(to, bytes, at, Math.min(3, length))) as typeof writeSync
  const terminal = new Terminal(new WholeFileOutput(file, inParts))
  terminal.print('one line')
  await terminal.writeThrough(Buffer.from('and bytes\n'))
  await terminal.flush()
  closeSync(file)
  assert.equal(readFileSync(folder.join('output'), 'utf8'), 'one line\nand bytes\n')
  assert.equal(terminal.outputFailure, undefined)
})

test('what cannot be written any more is known afterwards', async () => {
  const full = Object.assign(new Error('no space left'), { code: 'ENOSPC' })
  const terminal = new Terminal(
    new WholeFileOutput(1, () => {
      throw full
    }),
  )
  terminal.print('lost')
  terminal.print('lost, too')
  await terminal.flush()
  assert.equal(terminal.outputFailure, full)
})
