import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hasCode } from '#base'
import { searchAnswerSchema, searchQuerySchema } from '#protocol'
import { encodeNode, encodeTree } from '#repository'
import { aNode } from '../../../test/helpers/fake-repository.ts'
import { idOf } from '../../../test/helpers/memory-repository.ts'
import { SearchHistory } from '../../../test/helpers/search-history.ts'
import type { ModelFile, ModelFolder } from '../../../test/helpers/search-history.ts'
import { TestIndex } from '../../../test/helpers/search-test-index.ts'
import { tempFolder } from '../../../test/helpers/temp.ts'

/** What is found, in which order, and what is told of it. That it is all, and nothing else, is in histories.test.ts. */

const day = 86_400_000
const begin = Date.UTC(2026, 0, 1)
const at = (days: number) => new Date(begin + days * day).toISOString()

interface Made {
  readonly size?: number
  readonly modified?: number
  readonly content?: number
}

function file({ size = 1, modified = begin - day, content = 1 }: Made = {}): ModelFile {
  return { kind: 'file', size, modified, content }
}

/** A folder by the paths of its files, written as UTF-8. */
function tree(files: Readonly<Record<string, ModelFile>>): ModelFolder {
  const root: ModelFolder = new Map()
  for (const [path, entry] of Object.entries(files)) {
    let folder = root
    const names = path.split('/').map((name) => Buffer.from(name).toString('latin1'))
    for (const name of names.slice(0, -1)) {
      const inner = folder.get(name)
      const next: ModelFolder = inner instanceof Map ? inner : new Map()
      folder.set(name, next)
      folder = next
    }
    folder.set(names.at(-1) ?? '', entry)
  }
  return root
}

/** An index of a history: one snapshot a day. */
async function indexOf(...days: readonly Readonly<Record<string, ModelFile>>[]) {
  const folder = await tempFolder()
  const history = await SearchHistory.create()
  for (const [number, files] of days.entries()) await history.add(tree(files), { time: begin + number * day })
  const index = new TestIndex(folder.path)
  await index.update(history)
  return { index, history, [Symbol.asyncDispose]: async () => await folder[Symbol.asyncDispose]() }
}

test('words are found in any part of a path, without regard to case, accents and ways of writing', async () => {
  await using made = await indexOf({
    'Müller/Straße 5/Résumé.DOC': file(),
    'mueller/other.txt': file(),
    'de\u0301ja\u0300 vu.txt': file(),
    'ﬁnance Ⅳ.txt': file(),
    ΟΔΟΣ: file(),
  })
  const { index } = made
  const files = (text: string) => index.paths({ text, types: ['file'] })
  assert.deepEqual(files('muller STRASSE resume'), ['/Müller/Straße 5/Résumé.DOC'])
  assert.deepEqual(files('DÉJÀ'), ['/de\u0301ja\u0300 vu.txt'])
  assert.deepEqual(files('finance iv'), ['/ﬁnance Ⅳ.txt'])
  assert.deepEqual(files('οδοσ'), ['/ΟΔΟΣ'])
  assert.deepEqual(files('muller other'), [])
  assert.deepEqual(index.paths({ text: 'muller', within: 'name' }), ['/Müller'])
})

test('patterns are for whole names, words with slashes for names one below the other, quotation marks for spaces', async () => {
  const names = ['a/b/report.xlsx', 'a/report.xlsx.bak', 'ab/my report', 'b/é.txt', 'x/a/c.txt', 'annual report.txt']
  await using made = await indexOf(Object.fromEntries(names.map((name) => [name, file()])))
  const files = (text: string) => made.index.paths({ text, types: ['file'] }).toSorted()
  assert.deepEqual(files('*.xlsx'), ['/a/b/report.xlsx'])
  assert.deepEqual(files('r*t.*x'), ['/a/b/report.xlsx'])
  assert.deepEqual(files('?.txt'), ['/b/é.txt', '/x/a/c.txt'])
  assert.deepEqual(files('*port*'), ['/a/b/report.xlsx', '/a/report.xlsx.bak', '/ab/my report', '/annual report.txt'])
  assert.deepEqual(files('"my report"'), ['/ab/my report'])
  assert.deepEqual(files('"my rep'), ['/ab/my report'])
  assert.deepEqual(files('/a/b'), ['/a/b/report.xlsx'])
  assert.deepEqual(files('a/b/rep'), ['/a/b/report.xlsx'])
  assert.deepEqual(files('b/my'), ['/ab/my report'])
  assert.deepEqual(files('/b/my'), [])
  assert.deepEqual(files('x/a/*.txt'), ['/x/a/c.txt'])
  assert.equal(files('*').length, names.length)
  assert.deepEqual(files('a**?*'), ['/ab/my report', '/annual report.txt'])
})

test('a pattern made to be slow on a name made for it is not', async () => {
  await using made = await indexOf({ ['a'.repeat(250)]: file() })
  assert.deepEqual(made.index.paths({ text: `${'*a'.repeat(100)}*b` }), [])
  assert.equal(made.index.paths({ text: `${'*a'.repeat(100)}*` }).length, 1)
})

test('what has the words best in its name comes first, then what was modified last', async () => {
  await using made = await indexOf({
    invoice: file(),
    'invoice.pdf': file({ modified: begin - 3 * day }),
    'invoices 2024.pdf': file({ modified: begin - 2 * day }),
    'invoices 2025.pdf': file(),
    'old invoice.pdf': file(),
    'reinvoiced.pdf': file(),
    'in/invoice folder/z.pdf': file(),
  })
  const order = ['/invoice', '/invoice.pdf', '/invoices 2025.pdf', '/invoices 2024.pdf', '/in/invoice folder']
  const rest = ['/old invoice.pdf', '/reinvoiced.pdf', '/in/invoice folder/z.pdf']
  assert.deepEqual(made.index.paths({ text: 'invoice' }), [...order, ...rest])
})

test('a file is told with its versions, each with the recovery points from which it can be restored', async () => {
  const [one, two] = [file({ size: 10, content: 1 }), file({ size: 20, content: 2, modified: begin })]
  await using made = await indexOf({ f: one }, { f: one }, { f: two }, {}, { f: one }, {})
  const { index, history } = made
  const answer = index.search({})
  assert.deepEqual(searchAnswerSchema.parse(answer), answer)
  const point = (number: number) => ({ snapshot: history.snapshots[number]?.id, time: at(number) })
  const version = (size: number, modified: number, [first, last]: readonly [number, number]) => ({
    type: 'file',
    size,
    modified: new Date(modified).toISOString(),
    first: point(first),
    last: point(last),
    recoveryPoints: last - first + 1,
  })
  assert.deepEqual(answer.files, [
    {
      machine: 'of one',
      repository: 'one',
      host: 'host',
      path: '/f',
      rawPath: Buffer.from('/f').toString('base64url'),
      deleted: { after: point(4), before: point(5) },
      versions: [version(10, begin - day, [4, 4]), version(20, begin, [2, 2]), version(10, begin - day, [0, 1])],
      versionCount: 3,
    },
  ])
  assert.deepEqual(answer.searched, [
    { repository: 'one', recoveryPoints: 6, newest: at(5), incomplete: 0, unreadable: 0 },
  ])
  assert.equal(index.search({ versions: 1 }).files[0]?.versions.length, 1)
  assert.equal(index.search({ size: { from: 15 } }).files[0]?.versionCount, 1)
})

test('a name that is no text is told by its bytes, and its folder can be asked for by them', async () => {
  const folder = await tempFolder()
  await using _ = folder
  const history = await SearchHistory.create()
  await history.add(new Map([['\xff\xfe', new Map([['\xe9', file()]])]]), { time: begin })
  const index = new TestIndex(folder.path)
  await index.update(history)
  const found = index.search({ types: ['file'] }).files[0]
  assert.equal(Buffer.from(found?.rawPath ?? '', 'base64url').toString('latin1'), '/\xff\xfe/\xe9')
  const rawFolder = Buffer.from('/\xff\xfe', 'latin1').toString('base64url')
  assert.equal(index.search({ rawFolder }).total, 1)
  assert.throws(
    () => index.search({ rawFolder, folder: '/' }),
    (thrown) => hasCode(thrown, 'SEARCH_QUERY_INVALID'),
  )
})

test('what was deleted or changed lately in a folder is found, by when that was seen', async () => {
  const all = { 'in/a': file(), 'in/b': file(), 'in/c': file(), 'out/a': file() }
  await using made = await indexOf(
    all,
    { ...all, 'in/b': file({ content: 2 }) },
    { 'in/b': file({ content: 2 }), 'in/c': file(), 'out/b': file() },
    { 'in/b': file({ content: 3 }), 'in/c': file(), 'in/new': file() },
  )
  const { index } = made
  assert.deepEqual(index.paths({ folder: '/in', deletedSince: at(1) }), ['/in/a'])
  assert.deepEqual(index.paths({ folder: '/in', deletedSince: at(2) }), [])
  assert.deepEqual(index.paths({ folder: '/in/', changedSince: at(2) }), ['/in/b', '/in/new'])
  assert.deepEqual(index.paths({ folder: '/in', changedSince: at(1), deletedSince: at(1) }), [
    '/in/b',
    '/in/new',
    '/in/a',
  ])
  assert.deepEqual(index.paths({ folder: '/nowhere' }), [])
  assert.deepEqual(index.paths({ folder: '/in', at: at(0.5) }), ['/in/a', '/in/b', '/in/c'])
})

test('the first recovery point is no change, and a policy that backs up more than before deletes and changes nothing', async () => {
  await using folder = await tempFolder()
  const history = await SearchHistory.create()
  await history.add(tree({ 'd/f': file() }), { time: begin, paths: ['/d'] })
  await history.add(tree({ 'd/f': file(), 'e/f': file() }), { time: begin + day, paths: ['/d', '/e'] })
  const index = new TestIndex(folder.path)
  await index.update(history)
  assert.deepEqual(index.paths({ changedSince: at(-1), deletedSince: at(-1) }), [])
  const [found] = index.search({ text: 'd/f' }).files
  assert.deepEqual([found?.versionCount, found?.versions[0]?.recoveryPoints, found?.deleted], [1, 2, null])
})

test('a folder that cannot be read proves nothing: what was in it is neither deleted nor new, in each snapshot that has it', async () => {
  await using folder = await tempFolder()
  const history = await SearchHistory.create()
  const whole = tree({ 'a/b/f': file(), g: file() })
  await history.add(whole, { time: begin })
  const damaged = await history.add(whole, { time: begin + day, lost: ['/a/b'] })
  const index = new TestIndex(folder.path)
  assert.equal((await index.update(history)).incomplete, 1)
  // The same tree again, in a snapshot of its own, and in one that is not the newest.
  await history.add(whole, { time: begin + 3 * day, lost: [] })
  await index.update(history)
  await history.changeTags(damaged, ['kept'])
  await index.update(history)
  assert.equal(index.search({}).searched[0]?.incomplete, 1)
  assert.deepEqual(index.paths({ deletedSince: at(-1), changedSince: at(-1) }), [])
  const [found] = index.search({ text: 'f' }).files
  assert.deepEqual([found?.versionCount, found?.versions[0]?.recoveryPoints, found?.deleted], [1, 2, null])
})

test('an unreadable folder below unchanged ones is looked for again in the next snapshot', async () => {
  await using folder = await tempFolder()
  const history = await SearchHistory.create()
  const first = await history.add(tree({ 'a/b/f': file() }), { time: begin, lost: ['/a/b'] })
  const { source } = history
  const index = new TestIndex(folder.path)
  await index.update(history)
  const second = await source.saveSnapshotOf(first.tree, at(1))
  assert.ok(second)
  assert.equal((await index.update(history)).incomplete, 1)
  assert.equal(index.search({}).searched[0]?.incomplete, 2)
})

test('snapshot files that are damaged are counted, and read as soon as they can be', async () => {
  await using folder = await tempFolder()
  const history = await SearchHistory.create()
  const { id } = await history.add(tree({ f: file() }), { time: begin })
  const stored = history.source.backend.files.get(`snapshot/${id}`) as Buffer
  history.source.backend.files.set(`snapshot/${id}`, stored.subarray(1))
  const index = new TestIndex(folder.path)
  assert.equal((await index.update(history)).unreadable, 1)
  assert.equal(index.search({}).searched[0]?.unreadable, 1)
  history.source.backend.files.set(`snapshot/${id}`, stored)
  assert.deepEqual([(await index.update(history)).unreadable, index.paths({})], [0, ['/f']])
})

test('an update reads only trees that are not the same as before', async (t) => {
  await using made = await indexOf({ 'a/f': file(), 'b/f': file() })
  const { index, history } = made
  await history.add(tree({ 'a/f': file(), 'b/f': file({ content: 2 }) }), { time: begin + day })
  const opened = t.mock.method(history.source.repository.codec, 'open')
  await index.update(history)
  assert.equal(opened.mock.callCount(), 2, 'the root and b')
})

test('forgotten recovery points leave: their files are not found, and what only they had goes from the disk', async () => {
  const days = Array.from({ length: 30 }, (_, number) => ({ [`only on day ${number}`]: file(), always: file() }))
  await using made = await indexOf(...days)
  const { index, history } = made
  const before = index.store('one').readManifest().extent
  for (const snapshot of history.snapshots.slice(0, 20)) await history.forget(snapshot)
  assert.equal((await index.update(history)).removed, 20)
  assert.equal(index.search({ text: 'only' }).total, 10)
  assert.equal(index.search({ text: 'always' }).files[0]?.versions[0]?.first.time, at(20))
  const after = index.store('one').readManifest().extent
  assert.equal(before.paths - after.paths, 20)
})

test('hostile trees: names that lead elsewhere are left out, trees shared without end are refused in words', async () => {
  await using folder = await tempFolder()
  const history = await SearchHistory.create()
  const { source } = history
  const evil = encodeTree(['..', '.', 'a/b', 'good'].toSorted().map((name) => encodeNode(aNode(name))))
  let inner = encodeTree([encodeNode(aNode('leaf'))])
  const trees = [evil, inner]
  for (let depth = 0; depth < 40; depth++) {
    const subtree = idOf(inner)
    inner = encodeTree(['l', 'r'].map((name) => encodeNode(aNode(name, { type: 'dir', content: null, subtree }))))
    trees.push(inner)
  }
  await source.saveBlobs('tree', trees)
  const index = new TestIndex(folder.path)
  await source.saveSnapshotOf(idOf(evil), at(0))
  assert.equal((await index.update(history)).skipped, 3)
  assert.deepEqual(index.paths({}), ['/good'])
  await source.saveSnapshotOf(idOf(inner), at(1))
  await assert.rejects(index.update(history, { mostRows: 10_000 }), (thrown) =>
    hasCode(thrown, 'SEARCH_INDEX_TOO_LARGE'),
  )
  assert.deepEqual(index.paths({}), ['/good'])
})

test('folders nested without end are read as deep as a path of any system goes', async () => {
  await using folder = await tempFolder()
  const history = await SearchHistory.create()
  let inner = encodeTree([])
  const trees = [inner]
  for (let depth = 0; depth < 2000; depth++) {
    inner = encodeTree([encodeNode(aNode('n'.repeat(100), { type: 'dir', content: null, subtree: idOf(inner) }))])
    trees.push(inner)
  }
  await history.source.saveBlobs('tree', trees)
  await history.source.saveSnapshotOf(idOf(inner), at(0))
  const index = new TestIndex(folder.path)
  const { skipped } = await index.update(history)
  assert.equal(skipped, 1)
  const answer = index.search({ limit: 200 })
  assert.equal(answer.total, Math.floor((32_767 * 3) / 101))
})

test('pages of several repositories follow one another without gap or repeat, whatever comes in between', async () => {
  const folder = await tempFolder()
  await using _ = folder
  const history = await SearchHistory.create()
  const names = Array.from({ length: 50 }, (_unused, number) => `file ${number}`)
  await history.add(tree(Object.fromEntries(names.map((name) => [name, file()]))), { time: begin })
  const index = new TestIndex(folder.path)
  await index.update(history, { repository: 'one' })
  await index.update(history, { repository: 'two' })
  const seen: string[] = []
  let cursor: string | undefined
  for (let pages = 0; pages < 15; pages++) {
    const answer = index.search({ text: 'file', limit: 7, ...(cursor && { cursor }) }, { repositories: ['one', 'two'] })
    assert.equal(answer.total, 100)
    seen.push(...answer.files.map(({ repository, path }) => `${repository} ${path}`))
    cursor = answer.cursor ?? undefined
    if (pages === 5) {
      await index.update(history, { repository: 'one', rebuild: true })
      index.compact()
    }
  }
  assert.equal(cursor, undefined)
  assert.deepEqual([seen.length, new Set(seen).size], [100, 100])
})

test('a cursor tells nothing, belongs to its query, and one that was made up is refused', async () => {
  await using made = await indexOf({ 'canary 1': file(), 'canary 2': file() })
  const { index } = made
  const { cursor } = index.search({ text: 'canary', limit: 1 })
  assert.ok(cursor && !Buffer.from(cursor, 'base64url').includes('canary'))
  const isRefused = (thrown: unknown) => hasCode(thrown, 'SEARCH_CURSOR_INVALID')
  assert.throws(() => index.search({ text: 'other', cursor }), isRefused)
  assert.throws(() => index.search({ text: 'canary', cursor: 'AAAA' }), isRefused)
  assert.equal(index.search({ text: 'canary', limit: 5, cursor }).files[0]?.path, '/canary 2')
})

test('indexes that need more memory together than they may are let go and loaded again', async () => {
  await using folder = await tempFolder()
  const history = await SearchHistory.create()
  const names = Array.from({ length: 300 }, (_, number) => [`file ${number}`, file()] as const)
  await history.add(tree(Object.fromEntries(names)), { time: begin })
  const repositories = ['a', 'b', 'c', 'd', 'e', 'f']
  const wide = new TestIndex(folder.path)
  for (const repository of repositories) await wide.update(history, { repository })
  assert.equal(wide.search({}, { repositories }).total, 1800)
  const tight = new TestIndex(folder.path, { memory: wide.indexes.memory / 2 })
  for (let round = 0; round < 2; round++) {
    assert.equal(tight.search({}, { repositories }).total, 1800)
    assert.ok(tight.indexes.memory <= wide.indexes.memory / 2)
  }
})

test('queries that mean nothing are refused by their schema or in words', async () => {
  await using made = await indexOf({ f: file() })
  const refused = [
    { limit: 0 },
    { limit: 1000 },
    { at: 'yesterday' },
    { words: 'x' },
    { types: [] },
    { size: { from: -1 } },
    { rawFolder: '%' },
  ]
  for (const query of refused) assert.equal(searchQuerySchema.safeParse(query).success, false, JSON.stringify(query))
  const tooMany = { text: Array.from({ length: 17 }, (_, number) => `w${number}`).join(' ') }
  assert.throws(
    () => made.index.search(tooMany),
    (thrown) => hasCode(thrown, 'SEARCH_QUERY_INVALID'),
  )
})
