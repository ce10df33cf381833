import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { test } from 'node:test'
import type { ApiCommand, ApiField } from '#protocol'
import { startFakeApi } from '../../../test/helpers/fake-api.ts'
import type { FakeAnswer, FakeCall } from '../../../test/helpers/fake-api.ts'
import { tempFolder } from '../../../test/helpers/temp.ts'
import { CliCommand } from '../command.ts'
import type { CommandContext } from '../context.ts'
import { usage } from '../errors.ts'
import type { Questions } from './ask.ts'
import { Names } from './names.ts'
import { addInput, readInput } from './read-input.ts'
import type { Input } from './read-input.ts'

const [bakery, butcher] = ['b0000000-0000-4000-8000-000000000001', 'b0000000-0000-4000-8000-000000000002']
const [oven, till, knife] = ['1', '2', '3'].map((digit) => `a000000${digit}-0000-4000-8000-000000000000`) as [
  string,
  string,
  string,
]
const [ofBakery, ofButcher] = ['c0000000-0000-4000-8000-000000000001', 'c0000000-0000-4000-8000-000000000002']

const lists: Readonly<Record<string, unknown>> = {
  '/api/clients': [
    { id: bakery, name: 'Bakery' },
    { id: butcher, name: 'Butcher & Sons' },
  ],
  '/api/machines': [
    { id: oven, name: 'oven', clientId: bakery },
    { id: till, name: 'till', clientId: bakery },
    { id: knife, name: 'till', clientId: butcher },
  ],
  [`/api/clients/${bakery}/policies`]: [{ id: ofBakery, clientId: bakery, policy: { name: 'Files' } }],
  [`/api/clients/${butcher}/policies`]: [{ id: ofButcher, clientId: butcher, policy: { name: 'Files' } }],
}

function answer({ path }: FakeCall): FakeAnswer {
  return { json: lists[path] ?? [] }
}

const usual = { isList: false, isRequired: false, isNullable: false }

function command(path: string, more: Partial<ApiCommand> = {}): ApiCommand {
  return {
    command: 'thing do',
    method: 'POST',
    path,
    summary: 'Does.',
    query: [],
    isOperation: false,
    bySession: false,
    ...more,
  }
}

function withBody(path: string, fields: readonly ApiField[], file: 'no' | 'may' | 'must' = 'no'): ApiCommand {
  return command(path, { body: { fields, file } })
}

/** What a line becomes. */
async function read(about: ApiCommand, line: readonly string[], secrets: readonly string[] = []): Promise<Input> {
  await using api = await startFakeApi(answer)
  const { signal } = new AbortController()
  const parsed = new CliCommand('do').exitOverride().action(() => undefined)
  parsed.configureOutput({ writeErr: () => undefined })
  addInput(parsed, about)
  parsed.parse(line, { from: 'user' })
  const left = [...secrets]
  const asked: Questions = {
    isTerminal: false,
    ask: () => Promise.reject(new Error('nothing is asked openly')),
    askSecret: () => Promise.resolve(left.shift() ?? ''),
  }
  const context = { refuse: (reason: string) => usage('thing do', reason) } as CommandContext
  const names = new Names(api, {}, { signal })
  return await readInput(context, about, { args: parsed.args, flags: parsed.opts(), names, questions: asked })
}

test('things are called by name, by id, or by the first digits of it', async () => {
  const approve = command('/api/machines/:machine/approve')
  for (const name of ['oven', oven, 'a0000001'])
    assert.equal((await read(approve, [name])).path, `/api/machines/${oven}/approve`)
  const rename = command('/api/clients/:client')
  assert.equal((await read(rename, ['Butcher & Sons'])).path, `/api/clients/${butcher}`)
})

test('a name that nothing has, or several things have, is refused', async () => {
  const approve = command('/api/machines/:machine/approve')
  await assert.rejects(read(approve, ['fridge']), { code: 'NAME_UNKNOWN' })
  await assert.rejects(read(approve, ['till']), { code: 'NAME_AMBIGUOUS', message: new RegExp(`${till}, ${knife}`) })
  await assert.rejects(read(approve, ['a00000']), { code: 'NAME_AMBIGUOUS' })
})

test('what flags name is of the same client as what the argument named, also where that was an id', async () => {
  const backup = withBody('/api/machines/:machine/backup', [{ name: 'policy', kind: 'id', ...usual, isRequired: true }])
  for (const name of ['oven', oven]) {
    assert.deepEqual((await read(backup, [name, '--policy', 'Files'])).body, { policy: ofBakery })
  }
  assert.deepEqual((await read(backup, [knife, '--policy', 'Files'])).body, { policy: ofButcher })
})

test('what cannot be part of a path is written so that it is one', async () => {
  const { path } = await read(command('/api/operations/:operation'), [oven])
  assert.equal(path, `/api/operations/${oven}`)
  const odd = await read(command('/api/files/:file'), ['a/../b?c'])
  assert.equal(odd.path, '/api/files/a%2F..%2Fb%3Fc')
})

test('flags become values of their kind', async () => {
  const about = withBody('/api/things', [
    { name: 'count', kind: 'number', ...usual },
    { name: 'isFast', kind: 'boolean', ...usual },
    { name: 'until', kind: 'time', ...usual, isNullable: true },
    { name: 'sizes', kind: 'text', words: ['s', 'm'], ...usual, isList: true },
    { name: 'labels', kind: 'text', ...usual, isList: true },
    { name: 'roles', kind: 'grant', ...usual, isList: true },
  ])
  const line = '--count 7 --is-fast --until 2026-01-31T10:00:00Z --sizes s,m --labels a,b --labels c'
  const roles = ['--roles', 'operator@Bakery', '--roles', 'owner@every']
  const { body } = await read(about, [...line.split(' '), ...roles])
  assert.deepEqual(body, {
    count: 7,
    isFast: true,
    until: '2026-01-31T10:00:00Z',
    sizes: ['s', 'm'],
    labels: ['a,b', 'c'],
    roles: [
      { role: 'operator', clientId: bakery },
      { role: 'owner', clientId: '*' },
    ],
  })
  const none = await read(about, ['--until', 'none', '--labels', 'none', '--is-fast=no'])
  assert.deepEqual(none.body, { until: null, labels: [], isFast: false })
  const typed = await read(about, ['--until', '2026-01-31 10:00:00 +0100'])
  assert.deepEqual(typed.body, { until: '2026-01-31T09:00:00.000Z' })
})

test('values that mean nothing, and what is missing, are refused before anything is sent', async () => {
  const about = withBody('/api/things', [
    { name: 'name', kind: 'text', ...usual, isRequired: true },
    { name: 'count', kind: 'number', ...usual },
    { name: 'until', kind: 'time', ...usual },
    { name: 'size', kind: 'text', words: ['s', 'm'], ...usual },
    { name: 'roles', kind: 'grant', ...usual, isList: true },
  ])
  await assert.rejects(read(about, []), { code: 'USAGE', message: /needs --name/ })
  for (const wrong of [
    ['--count', 'seven'],
    ['--until', 'tomorrow'],
    ['--size', 'xl'],
    ['--roles', 'operator'],
    ['--roles', '@Bakery'],
  ]) {
    await assert.rejects(
      read(about, ['--name', 'x', ...wrong]),
      { code: 'USAGE', message: /is no value/ },
      wrong.join(' '),
    )
  }
})

test('what is nested comes from a file; a flag comes before it', async () => {
  await using folder = await tempFolder()
  const file = folder.join('thing.yaml')
  writeFileSync(file, 'name: old\nwhat: { include: [/srv] }\n')
  const about = withBody('/api/things', [{ name: 'name', kind: 'text', ...usual, isRequired: true }], 'must')
  assert.deepEqual((await read(about, ['--file', file, '--name', 'new'])).body, {
    name: 'new',
    what: { include: ['/srv'] },
  })
  assert.equal(((await read(about, ['--file', file])).body as { name: string }).name, 'old')
  await assert.rejects(read(about, ['--name', 'new']), { code: 'USAGE', message: /needs --file/ })
  writeFileSync(file, '- a list\n')
  await assert.rejects(read(about, ['--file', file, '--name', 'new']), { code: 'USAGE' })
})

test('a secret is no flag: it is asked for, unless the file has it', async () => {
  await using folder = await tempFolder()
  const file = folder.join('channel.yaml')
  writeFileSync(file, 'password: from the file\n')
  const about = withBody('/api/things', [{ name: 'password', kind: 'secret', ...usual, isRequired: true }], 'may')
  assert.deepEqual((await read(about, [], ['typed'])).body, { password: 'typed' })
  assert.deepEqual((await read(about, ['--file', file], ['typed'])).body, { password: 'from the file' })
  await assert.rejects(read(about, ['--password', 'x']), /unknown option/)
})

test('what is asked for in a query stands in the path', async () => {
  const list = command('/api/machines', {
    query: [
      { name: 'client', kind: 'id', ...usual },
      { name: 'text', kind: 'text', ...usual },
    ],
  })
  assert.deepEqual(await read(list, ['--client', 'Bakery', '--text', 'a&b=c']), {
    path: `/api/machines?client=${bakery}&text=a%26b%3Dc`,
  })
})

const [newest, before, removed] = ['1a2b3c4d', '1a2b3c99', 'ffff0000'].map((start) => start.padEnd(64, '0')) as [
  string,
  string,
  string,
]

test('a snapshot is called by the first digits of its id, or as the latest, of the machine whose data it is', async () => {
  const [first, second] = [`/api/machines/${oven}/snapshots?limit=500`, `/api/machines/${knife}/snapshots?limit=500`]
  const page = (ids: readonly string[], next: string | null) => ({
    recoveryPoints: ids.map((id) => ({ id, receivedAt: id === removed ? null : '2026-01-01T00:00:00Z', stored: true })),
    next,
  })
  const pages: Readonly<Record<string, unknown>> = {
    [first]: page([removed, newest], newest),
    [`${first}&after=${newest}`]: page([before], null),
    [second]: page([before], null),
  }
  await using api = await startFakeApi(({ path }) => ({ json: pages[path] ?? lists[path] ?? [] }))
  const { signal } = new AbortController()
  const names = new Names(api, {}, { signal })
  const ofOven = { kind: 'machine', id: oven }
  assert.equal(await names.findSnapshot(ofOven, 'latest'), newest)
  assert.equal(await names.findSnapshot(ofOven, '1a2b3c9'), before)
  assert.equal(await names.findSnapshot({ kind: 'machine', id: knife }, 'latest'), before)
  assert.equal(await names.findSnapshot(ofOven, newest), newest)
  await assert.rejects(names.findSnapshot(ofOven, '1a2b3c'), { code: 'NAME_AMBIGUOUS' })
  for (const wrong of ['1a2b3', 'abcdef0', '../x']) {
    await assert.rejects(names.findSnapshot(ofOven, wrong), { code: 'SNAPSHOT_UNKNOWN' })
  }
})

test('a word may stand for a thing; what only one shape of a choice has says that it is meant', async () => {
  const within = { in: 'to', key: 'how' }
  const about = withBody(
    '/api/machines/:machine/restore',
    [
      { name: 'from', kind: 'id', thing: 'machine', ...usual },
      { name: 'where', kind: 'id', thing: 'machine', words: ['server'], ...usual },
      { name: 'to', kind: 'text', words: ['new folder', 'in place'], ...usual, within },
      { name: 'below', kind: 'text', ...usual, within: { ...within, word: 'new folder' } },
    ],
    'may',
  )
  const body = async (...line: string[]) => (await read(about, ['oven', ...line])).body
  assert.deepEqual(await body('--from', 'till', '--where', 'server'), { from: till, where: 'server' })
  assert.deepEqual(await body('--where', 'till'), { where: till })
  assert.deepEqual(await body('--to', 'in place'), { to: { how: 'in place' } })
  assert.deepEqual(await body('--below', '/srv/back'), { to: { how: 'new folder', below: '/srv/back' } })
  await assert.rejects(body('--to', 'nowhere'), /"new folder", "in place"/)
})
