import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Printer } from '../printer.ts'
import { Terminal } from '../terminal.ts'
import { showAnswer } from './show-answer.ts'

async function shown(answer: unknown, json = false): Promise<string> {
  let text = ''
  const out = { isTTY: false, columns: 80, on: () => undefined, write: (part: string) => ((text += part), true) }
  await showAnswer(new Printer(new Terminal(out, out), { verbosity: 1, json }), answer)
  return text
}

test('a list is a table: ids by their first digits, of a thing within its name, and no column that is empty', async () => {
  const list = [
    {
      id: 'b0000000-0000-4000-8000-000000000001',
      state: null,
      policy: { name: 'Files', what: {} },
      scopes: ['see', 'read'],
    },
    { id: 'b0000000-0000-4000-8000-000000000002', state: null, policy: { name: 'Mail', what: {} }, scopes: [] },
  ]
  assert.deepEqual((await shown(list)).split('\n'), [
    'Id        Policy  Scopes',
    '---------------------------',
    'b0000000  Files   see, read',
    'b0000000  Mail',
    '---------------------------',
    '',
  ])
  assert.equal(await shown([]), 'There is nothing to show.\n')
})

test('a thing is YAML, as it may be given back; what is only done is said so', async () => {
  assert.equal(await shown({ name: 'Files', at: ['03:00'] }), 'name: Files\nat:\n  - 03:00\n')
  assert.equal(await shown({ done: true }), 'Done.\n')
})

test('nothing that a terminal would act on is printed', async () => {
  const evil = 'a\u001b[2J\u202eb'
  for (const answer of [{ name: evil }, [{ name: evil }], [evil], evil]) {
    for (const json of [false, true]) assert.doesNotMatch(await shown(answer, json), /[\u001b\u202e]/)
  }
})

test('for programs it is the answer itself', async () => {
  assert.deepEqual(JSON.parse(await shown([{ id: 'x', list: [null] }], true)), [{ id: 'x', list: [null] }])
})
