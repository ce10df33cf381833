import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Printer } from '../printer.ts'
import { Terminal } from '../terminal.ts'
import { printText } from './print-text.ts'

test('lines are printed as they come, whole, and none of them steers the terminal', async () => {
  let text = ''
  const out = { isTTY: false, columns: 80, on: () => undefined, write: (part: string) => ((text += part), true) }
  const seen: string[] = []
  const pieces = [
    Buffer.from('first\nsec'),
    Buffer.from('ond \u001b[2J\r\n'),
    Buffer.from('Gr\u00fc\u00dfe').subarray(0, 3),
  ]
  async function* coming() {
    for (const piece of [...pieces, Buffer.from('Gr\u00fc\u00dfe').subarray(3), Buffer.alloc(200_000, 'x')]) {
      yield await Promise.resolve(piece)
      seen.push(text)
    }
  }
  await printText(new Printer(new Terminal(out, out), { verbosity: 1, json: false }), coming())
  assert.equal(seen[0], 'first\n')
  assert.equal(text, `first\nsecond \\u001b[2J\nGr\u00fc\u00dfe${'x'.repeat(200_000)}\n`)
})
