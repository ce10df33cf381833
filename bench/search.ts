/**
 * `npm run bench:search -- [--files N] [--days N] [--rounds N] [--place FOLDER] [--quick]`: what search costs over so many files
 * and recovery points: making the index, keeping it up to date, its size, its memory, and how long queries take, by their median
 * and their slowest, while the thread that asks is measured too.
 */
import { execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import { formatBytes } from '#base'
import { searchQuerySchema } from '#protocol'
import { openSearchIndex } from '../src/server/search/index.ts'
import type { SearchIndex } from '../src/server/search/index.ts'
import { median } from './figures.ts'
import { generations, key, repository, say, sourceOf, timed } from './search-shared.ts'
import { fileName } from './search-source.ts'

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

const scope = { repositories: [{ repository, machine: 'machine' }] }

const queries: Readonly<Record<string, Record<string, unknown>>> = {
  'a word': { text: 'invoice' },
  'two words, one of a folder': { text: 'budget quarterly' },
  'without accents': { text: 'resume strasse' },
  'a pattern': { text: '*.xlsx' },
  'a letter that is everywhere': { text: 'e' },
  'a name that is not there': { text: 'nosuchname' },
  'one file': { text: `"${fileName(Math.floor(files / 2))}"` },
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

function percentile(seconds: readonly number[], part: number): number {
  const sorted = seconds.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN
}

const inMs = (seconds: number) => `${(seconds * 1000).toFixed(0).padStart(5)} ms`

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
  say('memory that searching takes', formatBytes(process.memoryUsage.rss() - before))
  say('event loop of the caller while searching', `p99 ${(loop.percentile(99) / 1e6 - 1).toFixed(1)} ms late`)
  await measureBoth(index)
}

/** The same query while another repository is being read. */
async function measureBoth(index: SearchIndex): Promise<void> {
  const loop = monitorEventLoopDelay({ resolution: 1 })
  loop.enable()
  const query = searchQuerySchema.parse({ text: 'invoice' })
  const updating = index.update('other', sourceOf({ files: Math.min(files, 200_000), days: 1 }))
  const state = { isOver: false }
  const over = updating.finally(() => (state.isOver = true))
  const seconds: number[] = []
  while (!state.isOver) seconds.push((await timed(async () => await index.search(query, scope))).seconds)
  await over
  say('a word, while another index is made', `p50 ${inMs(median(seconds))}  p99 ${inMs(percentile(seconds, 0.99))}`)
  say('event loop of the caller meanwhile', `p99 ${(loop.percentile(99) / 1e6 - 1).toFixed(1)} ms late`)
}

const place = await mkdtemp(join(values.place, 'understudy-bench-search-'))
try {
  console.log(`${availableParallelism()} × ${cpus()[0]?.model.trim()}, Node ${process.versions.node}`)
  console.log(`${files} files, ${days} recovery points, 1 % changed from one to the next`)
  const build = join(import.meta.dirname, 'search-build.ts')
  execFileSync(process.execPath, [build, place, String(files), String(days)], { stdio: 'inherit' })
  await measureQueries(place)
} finally {
  await rm(place, { recursive: true, force: true })
}
