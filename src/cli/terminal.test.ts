import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Terminal } from './terminal.ts'
import type { Output } from './terminal.ts'

/** A terminal of 20 columns that keeps what is written to it. */
function screen(isTTY: boolean) {
  const written: string[] = []
  const output: Output = {
    isTTY,
    columns: 20,
    write: (text, done) => {
      written.push(String(text))
      done?.()
      return true
    },
    on: () => undefined,
  }
  return { output, written }
}

test('a message goes above the live block, which is drawn again below it', () => {
  const { output, written } = screen(true)
  const terminal = new Terminal(output, output)
  terminal.setStatus(['one', 'two'])
  terminal.print('message')
  assert.deepEqual(written, ['one\ntwo', '\r\u001b[2K\u001b[1A\r\u001b[2K', 'message\n', 'one\ntwo'])
})

test('lines of the live block never wrap, or clearing them would clear too little', () => {
  const { output, written } = screen(true)
  new Terminal(output, output).setStatus(['x'.repeat(50)])
  assert.deepEqual(written, ['x'.repeat(19)])
})

test('nothing is drawn where there is no terminal', () => {
  const { output, written } = screen(false)
  const terminal = new Terminal(output, output)
  terminal.setStatus(['one'])
  terminal.print('message')
  assert.deepEqual(written, ['message\n'])
})
