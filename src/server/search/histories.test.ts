import assert from 'node:assert/strict'
import { test } from 'node:test'
import { searchQuerySchema } from '#protocol'
import type { SearchQuery } from '#protocol'
import { SearchHistory, changeFolder, cloneFolder, foldersIn } from '../../../test/helpers/search-history.ts'
import type { ModelFolder } from '../../../test/helpers/search-history.ts'
import { naiveSearch, simplify } from '../../../test/helpers/search-naive.ts'
import { TestIndex } from '../../../test/helpers/search-test-index.ts'
import { randomFrom, testSeed } from '../../../test/helpers/seed.ts'
import type { Random } from '../../../test/helpers/seed.ts'
import { tempFolder } from '../../../test/helpers/temp.ts'

const seed = testSeed()
const day = 86_400_000
const begin = Date.UTC(2026, 0, 1)

function randomQuery(random: Random): SearchQuery {
  const texts = ['report', 'a', '*.xlsx', 'STRASSE', 'resume doc', 'accounts report', '?', 'R*t', 'zzz', '2*4 a']
  const moment = () => new Date(begin + random.below(60) * (day / 2)).toISOString()
  const chance = (one: number) => random.below(one) === 0
  return searchQuerySchema.parse({
    ...(chance(2) && { text: random.pick(texts) }),
    ...(chance(4) && { within: 'name' }),
    ...(chance(4) && { folder: random.pick(['/', '/a', '/accounts', '/report/a', '/2024/a']) }),
    ...(chance(5) && { types: random.pick([['file'], ['folder'], ['link', 'other'], ['file', 'folder']]) }),
    ...(chance(5) && { modified: { from: '2024-01-02T00:00:00Z', ...(chance(2) && { to: '2024-01-04T00:00:00Z' }) } }),
    ...(chance(5) && { size: { from: 100, ...(chance(2) && { to: 200 }) } }),
    ...(chance(4) && { at: moment() }),
    ...(chance(3) && { deletedSince: moment() }),
    ...(chance(3) && { changedSince: moment() }),
    ...(chance(3) && {
      recoveryPoints: {
        ...(chance(2) && { from: moment() }),
        ...(chance(3) && { to: moment() }),
        ...(chance(4) && { hosts: ['host'] }),
        ...(chance(4) && { tags: ['kept'] }),
        ...(chance(4) && { paths: ['/data'] }),
      },
    }),
    limit: 1 + random.below(80),
    versions: 100,
  })
}

async function addSnapshot(history: SearchHistory, random: Random, roots: Map<string, ModelFolder>): Promise<void> {
  const host = random.pick(['host', 'host', 'host', 'other'])
  const root = roots.get(host) ?? new Map()
  roots.set(host, root)
  for (let changes = random.below(6); changes > 0; changes--) changeFolder(root, random)
  const paths = random.pick([['/data'], ['/data'], ['/data', '/more']])
  const folders = foldersIn(root)
  const lost = random.below(8) === 0 ? [random.pick([...folders, ''])] : []
  const time = begin + random.below(60) * (day / 2)
  await history.add(cloneFolder(root), { time, host, paths, tags: random.below(3) === 0 ? ['kept'] : [], lost })
}

async function changeHistory(history: SearchHistory, random: Random, roots: Map<string, ModelFolder>): Promise<void> {
  for (let more = 1 + random.below(4); more > 0; more--) await addSnapshot(history, random, roots)
  for (let less = random.below(3); less > 0 && history.snapshots.length > 0; less--) {
    await history.forget(random.pick(history.snapshots))
  }
  if (random.below(3) === 0 && history.snapshots.length > 0) {
    await history.changeTags(random.pick(history.snapshots), [random.pick(['kept', 'other'])])
  }
}

for (let round = 0; round < 6; round++) {
  test(`the index answers as going through every snapshot does, however the history came about (${round})`, async () => {
    const random = randomFrom(seed + round)
    await using folder = await tempFolder()
    const index = new TestIndex(folder.path)
    const history = await SearchHistory.create()
    const roots = new Map<string, ModelFolder>()
    for (let step = 0; step < 8; step++) {
      await changeHistory(history, random, roots)
      await index.update(history)
      if (random.below(3) === 0) index.compact()
      await index.update(history, { repository: 'rebuilt', rebuild: true })
      for (let i = 0; i < 12; i++) {
        const query = randomQuery(random)
        const expected = naiveSearch(history.snapshots, query)
        const answer = index.searchAll(query)
        const about = `seed ${seed}, round ${round}, step ${step}, query ${JSON.stringify(query)}`
        assert.deepEqual(simplify(answer), expected, about)
        assert.equal(answer.total, expected.length, about)
        assert.deepEqual(
          index.searchAll(query, 'rebuilt').files,
          answer.files.map((file) => ({ ...file, repository: 'rebuilt', machine: 'of rebuilt' })),
          about,
        )
      }
    }
  })
}
