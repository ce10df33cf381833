import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import { hasCode, systemClock } from '#base'
import type { Clock } from '#base'
import { searchQuerySchema } from '#protocol'
import { password } from '../../../test/helpers/build-repository.ts'
import { SearchHistory } from '../../../test/helpers/search-history.ts'
import type { ModelFile } from '../../../test/helpers/search-history.ts'
import { oddSource } from '../../../test/helpers/search-odd-source.ts'
import { tempFolder } from '../../../test/helpers/temp.ts'
import { openSearchIndex, repositoryAt } from './index.ts'
import type { IndexGenerations, SearchIndexOptions } from './index.ts'
import { LazyThread } from './lazy-thread.ts'

/** The whole of it, with its threads, over repositories in folders. */

const key = Buffer.alloc(32, 3)
const begin = Date.UTC(2026, 0, 1)
const file: ModelFile = { kind: 'file', size: 1, modified: begin, content: 1 }
const query = (text: string) => searchQuerySchema.parse({ text })

class Generations implements IndexGenerations {
  readonly reached = new Map<string, number>()
  load = async (repository: string) => this.reached.get(repository) ?? 0
  save = async (repository: string, generation: number) => void this.reached.set(repository, generation)
  remove = async (repository: string) => void this.reached.delete(repository)
}

/** A repository in a folder, and an empty place for indexes. */
async function openPlace(options: Partial<SearchIndexOptions> = {}) {
  const folder = await tempFolder()
  const history = await SearchHistory.create()
  const generations = new Generations()
  const index = await openSearchIndex(folder.join('indexes'), { key, generations, ...options })
  const location = folder.join('repository')
  let number = 0
  return {
    index,
    generations,
    folder: folder.join('indexes'),
    source: repositoryAt({ location, password }),
    async add(...names: readonly string[]) {
      await history.add(new Map(names.map((name) => [name, file])), { time: begin + number++ * 3_600_000 })
      await history.source.writeTo(location)
    },
    async [Symbol.asyncDispose]() {
      await index[Symbol.asyncDispose]()
      await folder[Symbol.asyncDispose]()
    },
  }
}

const scope = { repositories: [{ repository: 'r', machine: 'm' }] }

test('a repository is indexed, searched, indexed on, made anew and removed', async () => {
  await using place = await openPlace()
  const { index, source, generations } = place
  await place.add('first')
  const steps: number[] = []
  const first = await index.update('r', source, { onProgress: ({ done }) => steps.push(done) })
  assert.deepEqual(
    [first.added, first.rebuilt, generations.reached.get('r'), steps],
    [1, 'SEARCH_INDEX_MISSING', 1, [0]],
  )
  await place.add('first', 'second')
  assert.equal((await index.update('r', source)).rebuilt, undefined)
  assert.equal((await index.search(query('second'), scope)).files[0]?.machine, 'm')
  assert.equal((await index.rebuild('r', source)).rebuilt, 'asked')
  assert.equal((await index.search(query(''), scope)).total, 2)
  await index.remove('r')
  assert.deepEqual(readdirSync(place.folder), [])
  assert.equal((await index.search(query(''), scope)).notSearched[0]?.code, 'SEARCH_INDEX_MISSING')
  assert.equal(generations.reached.size, 0)
})

test('only what may be seen is searched, and of that only the machines that are asked for', async () => {
  await using place = await openPlace()
  const { index, source } = place
  await place.add('f')
  for (const repository of ['r', 's', 't']) await index.update(repository, source)
  const repositories = ['r', 's'].map((repository) => ({ repository, machine: `m${repository}` }))
  assert.equal((await index.search(query('f'), { repositories })).total, 2)
  const one = await index.search({ ...query('f'), machines: ['ms', 'mt'] }, { repositories })
  assert.deepEqual(
    one.files.map(({ repository }) => repository),
    ['s'],
  )
})

test('a search while the index is updated sees the state before or the state after', async () => {
  await using place = await openPlace()
  const { index, source } = place
  await place.add('f 0')
  await index.update('r', source)
  for (let round = 1; round <= 3; round++) {
    await place.add(...Array.from({ length: round + 1 }, (_, number) => `f ${number}`))
    const updating = index.update('r', source)
    const state = { isOver: false }
    const over = updating.finally(() => (state.isOver = true))
    while (!state.isOver) {
      const { total, notSearched } = await index.search(query('f'), scope)
      assert.deepEqual(notSearched, [])
      assert.ok(total === round || total === round + 1, `${total}`)
    }
    await over
    assert.equal((await index.search(query('f'), scope)).total, round + 1)
  }
})

test('an update that is cancelled ends, leaves the index as it was, and the next one works', async () => {
  await using place = await openPlace()
  const { index, source } = place
  await place.add('f')
  await index.update('r', source)
  const abort = new AbortController()
  const reason = new Error('no longer wanted')
  const updating = index.update('r', oddSource('endless'), {
    signal: abort.signal,
    onProgress: () => abort.abort(reason),
  })
  await assert.rejects(updating, reason)
  assert.equal((await index.search(query('f'), scope)).total, 1)
  assert.equal((await index.update('r', source)).added, 0)
  const cancelled = index.search(query('f'), { ...scope, signal: AbortSignal.abort(reason) })
  await assert.rejects(cancelled, reason)
})

test('a thread that dies fails its call, and the next call has another', async () => {
  await using place = await openPlace()
  const { index, source } = place
  await place.add('f')
  await assert.rejects(index.update('r', oddSource('dies')), (thrown) => hasCode(thrown, 'THREAD_DIED'))
  assert.equal((await index.update('r', source)).added, 1)
})

test('what goes wrong with the repository is told as what it is', async () => {
  await using place = await openPlace()
  await place.add('f')
  const { location } = place.source.options as { readonly location: string }
  const wrong = repositoryAt({ location, password: 'wrong' })
  await assert.rejects(place.index.update('r', wrong), (thrown) => hasCode(thrown, 'PASSWORD_WRONG'))
  const nowhere = repositoryAt({ location: `${location}-not`, password })
  await assert.rejects(place.index.update('r', nowhere), (thrown) => hasCode(thrown, 'REPOSITORY_NOT_FOUND'))
})

test('a key that is none is refused', async () => {
  const options = { key: Buffer.alloc(16), generations: new Generations() }
  await assert.rejects(openSearchIndex('/nowhere', options), (thrown) => hasCode(thrown, 'SEARCH_KEY_INVALID'))
})

test('a thread with nothing to do ends after a while, with all its memory, and comes again when it is needed', async () => {
  const rests: (() => void)[] = []
  const sleep: Clock['sleep'] = (_, { signal } = {}) =>
    new Promise((resolve, reject) => {
      rests.push(resolve)
      signal?.addEventListener('abort', () => reject(signal.reason as Error))
    })
  await using folder = await tempFolder()
  const module = new URL('./search-thread.ts', import.meta.url)
  const data = { folder: folder.path, key, memory: 1 << 20 }
  await using thread = new LazyThread({ module, data, idle: 1000, clock: { ...systemClock, sleep } })
  const cancel = new Int32Array(new SharedArrayBuffer(4))
  const search = async () => await thread.run('search', { query: query(''), scopes: [], cancel })
  assert.equal(thread.isRunning, false)
  await search()
  assert.equal(thread.isRunning, true)
  await search() // the rest before it is broken off
  rests[0]?.()
  assert.equal(thread.isRunning, true)
  rests[1]?.()
  await new Promise(setImmediate)
  assert.equal(thread.isRunning, false)
  await search()
  assert.equal(thread.isRunning, true)
})
