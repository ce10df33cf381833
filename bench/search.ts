/**
 * `npm run bench:search -- [--files N] [--days N] [--rounds N] [--place FOLDER] [--quick]`: what search costs over so many files
 * and recovery points: making the index, keeping it up to date, its size, its memory, and how long queries take, by their median
 * and their slowest, while the thread that asks is measured too.
 */
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import { formatBytes } from '#base'
import { searchQuerySchema } from '#protocol'
import type { SearchQuery } from '#protocol'
import { openSearchIndex } from '../src/server/search/index.ts'
import type { SearchIndex } from '../src/server/search/index.ts'
import { median } from './figures.ts'
import { MadeUpMachine } from './search-source.ts'

const { values } = parseArgs({
  options: {
    files: { type: 'string' },
    days: { type: 'string' },
    rounds: { type: 'string' },
    place: { type: 'string', default: tmpdir() },
    quick: { type: 'boolean', default: false },
  },
})
const files = Number(values.files ?? (values.quick ? 10_000 : 1_000_000))
const days = Number(values.days ?? (values.quick ? 20 : 400))
const rounds = Number(values.rounds ?? (values.quick ? 3 : 15))

/** The last days come one by one, as they do in life. */
const daysOneByOne = Math.min(5, days - 1)
const repository = 'machine'
const scope = { repositories: [{ repository, machine: 'machine' }] }

const queries: Readonly<Record<string, Record<string, unknown>>> = {
  'a word': { text: 'invoice' },
  'two words, one of a folder': { text: 'budget quarterly' },
  'without accents': { text: 'resume strasse' },
  'a pattern': { text: '*.xlsx' },
  'a letter that is everywhere': { text: 'e' },
  'a name that is not there': { text: 'nosuchname' },
  'one file': { text: '"annual-invoice 4711"' },
  'by size and date': {
    size: { from: 4_990_000 },
    modified: { from: '2025-06-01T00:00:00Z', to: '2025-07-01T00:00:00Z' },
  },
  'deleted since a week': { deletedSince: daysAgo(7) },
  'changed since a day, by pattern': { text: '*.docx', changedSince: daysAgo(1) },
  'there half a year ago': { text: 'report', at: daysAgo(days / 2) },
  everything: {},
}

function daysAgo(count: number): string {
  return new Date(Date.UTC(2025, 0, 1) + (days - 1 - count) * 86_400_000 - 3_600_000).toISOString()
}

function sourceOf(upTo: number) {
  return { module: new URL('./search-source.ts', import.meta.url).href, options: { files, days: upTo } }
}

class Generations {
  readonly #reached = new Map<string, number>()
  load = async (name: string) => this.#reached.get(name) ?? 0
  save = async (name: string, generation: number) => void this.#reached.set(name, generation)
  remove = async (name: string) => void this.#reached.delete(name)
}

async function timed<Result>(
  work: () => Promise<Result>,
): Promise<{ readonly seconds: number; readonly result: Result }> {
  const start = performance.now()
  const result = await work()
  return { seconds: (performance.now() - start) / 1000, result }
}

function percentile(seconds: readonly number[], part: number): number {
  const sorted = seconds.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN
}

function say(what: string, figure: string): void {
  console.log(`  ${what.padEnd(44)} ${figure}`)
}

const inMs = (seconds: number) => `${(seconds * 1000).toFixed(0).padStart(5)} ms`

async function sizeOf(folder: string): Promise<number> {
  const names = await readdir(folder, { recursive: true, withFileTypes: true })
  const sizes = await Promise.all(
    names.filter((entry) => entry.isFile()).map(async (entry) => (await stat(join(entry.parentPath, entry.name))).size),
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}

/** The seconds that go into making up the trees of the first and of a following day, to be taken off. */
function measureMakingUp(): { readonly first: number; readonly following: number } {
  const machine = new MadeUpMachine({ files, days })
  const walk = (id: Buffer, changedOn: number): void => {
    if (id.readUInt32LE(8) !== changedOn) return
    const tree = machine.makeTree(id)
    if (id[0] === 2) return
    for (const [, hex = ''] of tree.toString('latin1').matchAll(/"subtree":"([0-9a-f]{64})"/g))
      walk(Buffer.from(hex, 'hex'), changedOn)
  }
  const root = (day: number) => Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, day & 255, day >> 8, ...Buffer.alloc(22)])
  const measure = (day: number) => {
    const start = performance.now()
    walk(root(day), day)
    return (performance.now() - start) / 1000
  }
  const first = measure(0)
  return { first, following: median([1, 2, 3, 4, 5].map(measure)) }
}

async function buildIndex(place: string): Promise<void> {
  const making = measureMakingUp()
  await using index = await openSearchIndex(place, { key, generations })
  const first = await timed(async () => await index.update(repository, sourceOf(1)))
  say('first recovery point', `${first.seconds.toFixed(1)} s, of which ${making.first.toFixed(1)} s make up its trees`)
  const middle = days - 1 - daysOneByOne
  const most = await timed(async () => await index.update(repository, sourceOf(days - daysOneByOne)))
  const making2 = middle * making.following
  say(`${middle} more at once`, `${most.seconds.toFixed(1)} s, of which ${making2.toFixed(1)} s make up their trees`)
  const single: number[] = []
  for (let upTo = days - daysOneByOne + 1; upTo <= days; upTo++) {
    single.push((await timed(async () => await index.update(repository, sourceOf(upTo)))).seconds)
  }
  say('one more (median of the last)', `${median(single).toFixed(2)} s`)
  say(
    'nothing new',
    `${(await timed(async () => await index.update(repository, sourceOf(days)))).seconds.toFixed(2)} s`,
  )
  say('size on the disk', formatBytes(await sizeOf(place)))
}

async function measureQueries(place: string): Promise<void> {
  const before = process.memoryUsage.rss()
  await using index = await openSearchIndex(place, { key, generations })
  const ask = async (query: Record<string, unknown>) =>
    await timed(async () => await index.search(searchQuerySchema.parse(query), scope))
  const { seconds: cold } = await ask({ text: 'invoice' })
  say('first search, with starting and loading', inMs(cold))
  const loop = monitorEventLoopDelay({ resolution: 1 })
  loop.enable()
  const all: number[] = []
  for (const [name, query] of Object.entries(queries)) {
    const runs: { readonly seconds: number; readonly total: number }[] = []
    for (let round = 0; round < rounds; round++) {
      const { seconds, result } = await ask(query)
      runs.push({ seconds, total: result.total })
    }
    const seconds = runs.map((run) => run.seconds)
    all.push(...seconds)
    say(name, `p50 ${inMs(median(seconds))}  p99 ${inMs(percentile(seconds, 0.99))}  finds ${runs[0]?.total}`)
  }
  say('all queries', `p50 ${inMs(median(all))}  p99 ${inMs(percentile(all, 0.99))}`)
  say('memory after all queries', formatBytes(process.memoryUsage.rss() - before))
  say('event loop of the caller while searching', `p99 ${(loop.percentile(99) / 1e6 - 1).toFixed(1)} ms late`)
  await measureBoth(index)
}

/** The same query while another repository is being read. */
async function measureBoth(index: SearchIndex): Promise<void> {
  const loop = monitorEventLoopDelay({ resolution: 1 })
  loop.enable()
  const query: SearchQuery = searchQuerySchema.parse({ text: 'invoice' })
  const updating = index.update('other', { ...sourceOf(1), options: { files: Math.min(files, 200_000), days: 1 } })
  let isOver = false
  const over = updating.finally(() => (isOver = true))
  const seconds: number[] = []
  while (!isOver) seconds.push((await timed(async () => await index.search(query, scope))).seconds)
  await over
  say('a word, while another index is made', `p50 ${inMs(median(seconds))}  p99 ${inMs(percentile(seconds, 0.99))}`)
  say('event loop of the caller meanwhile', `p99 ${(loop.percentile(99) / 1e6 - 1).toFixed(1)} ms late`)
}

const key = Buffer.alloc(32, 1)
const generations = new Generations()
const place = await mkdtemp(join(values.place, 'understudy-bench-search-'))
try {
  console.log(`${availableParallelism()} × ${cpus()[0]?.model.trim()}, Node ${process.versions.node}`)
  console.log(`${files} files, ${days} recovery points, 1 % changed from one to the next`)
  await buildIndex(place)
  await measureQueries(place)
} finally {
  await rm(place, { recursive: true, force: true })
}
