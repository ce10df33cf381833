import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Printer } from '../printer.ts'
import { Terminal } from '../terminal.ts'
import { listColumns } from './list-columns.ts'
import { showAnswer } from './show-answer.ts'
import type { ListOptions } from './show-list.ts'
import { apiCommands } from './table.ts'

async function shown(
  answer: unknown,
  json = false,
  { isTTY = false, ...options }: ListOptions & { readonly isTTY?: boolean } = {},
): Promise<string> {
  let text = ''
  const out = { isTTY, columns: 40, on: () => undefined, write: (part: string) => ((text += part), true) }
  await showAnswer(new Printer(new Terminal(out, out), { verbosity: 1, json }), answer, options)
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
  for (const answer of [{ name: evil }, [{ name: evil }], [evil], [{ long: evil.repeat(50) }], evil]) {
    for (const json of [false, true]) assert.doesNotMatch(await shown(answer, json), /[\u001b\u202e]/)
  }
})

test('for programs it is the answer itself', async () => {
  assert.deepEqual(JSON.parse(await shown([{ id: 'x', list: [null] }], true)), [{ id: 'x', list: [null] }])
})

const bakery = 'b0000000-0000-4000-8000-000000000001'
const known = new Map([
  [`client ${bakery}`, 'Bakery'],
  ['person p1', 'anna@example.org'],
])
const nameOf = async (kind: string, id: string) => await Promise.resolve(known.get(`${kind} ${id}`))

test('things are called as people call them, roles as they are typed; yes and no, sizes and times are words', async () => {
  const list = [
    {
      clientId: bakery,
      machineId: 'a0000000-0000-4000-8000-000000000001',
      who: 'person:p1',
      held: false,
      usedBytes: 2048,
      roles: [
        { role: 'owner', clientId: '*' },
        { role: 'operator', clientId: bakery },
      ],
      at: '2026-01-31T12:00:00Z',
    },
  ]
  const text = await shown(list, false, { nameOf })
  assert.match(text, /^Client {2}Machine {3}Who +Held {2}Used bytes {2}Roles +At/)
  assert.match(
    text,
    /Bakery {2}a0000000 {2}anna@example\.org {2}no {4}2\.000 KiB {3}owner@every, operator@Bakery {2}2026/,
  )
  assert.match(text, new RegExp(`Times are those of ${Intl.DateTimeFormat().resolvedOptions().timeZone}\\.\n$`))
})

test('what does not fit into a line of the screen, or is a sentence, is a block, and nothing of it is cut off', async () => {
  const sentence = 'No person with a channel is set up here: when a backup fails, nobody hears of it.'
  assert.equal(
    await shown([
      { title: 'A', sentence },
      { title: 'B', sentence: '' },
    ]),
    `Title     A\nSentence  ${sentence}\n\nTitle     B\n`,
  )
  const wide = [{ first: 'x'.repeat(25), second: 'y'.repeat(25) }]
  assert.match(await shown(wide, false, { isTTY: true }), /^First {3}x+\nSecond {2}y+\n$/)
  assert.match(await shown(wide), /^First +Second\n/, 'who reads lines gets lines')
})

test('a page of a list is a list, which says how to get the next', async () => {
  const page = { recoveryPoints: [{ id: 'f'.repeat(64), receivedAt: null, content: { host: 'till', bytes: 3 } }] }
  const last = await shown({ ...page, next: null }, false, { command: 'machine snapshots' })
  assert.deepEqual(last.split('\n').slice(0, 3), [
    'Id        Host  Bytes',
    '---------------------',
    'ffffffff  till  3 B',
  ])
  assert.match(await shown({ ...page, next: 'abc' }, false), /There is more: --after abc\n$/)
})

test('columns are chosen for commands that there are', () => {
  const commands = apiCommands.map(({ command }) => command)
  assert.deepEqual(
    Object.keys(listColumns).filter((command) => !commands.includes(command)),
    [],
  )
})
