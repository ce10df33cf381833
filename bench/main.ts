/**
 * `npm run bench`: every kind of work, by Understudy as released, restic, borg and the machine itself, in turn on the same
 * data; medians, ratios, memory, sizes, and what of the targets is reached. `-- --help` lists the options.
 */
import { writeFileSync } from 'node:fs'
import { Bench } from './bench.ts'
import { describeMachine, formatMachine } from './machine.ts'
import { formatMarkdown } from './markdown.ts'
import { chooseWorks, parseOptions, usage } from './options.ts'
import type { BenchOptions } from './options.ts'
import { runWork } from './run-work.ts'
import type { MeasuredWork } from './run-work.ts'
import { formatResult, formatSummary } from './table.ts'
import type { Work } from './work.ts'
import { works } from './works.ts'

/** Runs what was asked for and prints it; returns the exit code: 1 when anything failed. A target that is missed is no failure. */
async function main(args: readonly string[]): Promise<number> {
  const options = parseOptions(args)
  if (options.help) {
    print(usage)
    return 0
  }
  const chosen = chooseWorks(works, options.only)
  await using bench = new Bench(options)
  const machine = describeMachine(options.place)
  print(`${formatMachine(machine)}${describeRun(options)}\n`)
  const results: MeasuredWork[] = []
  for (const [i, work] of chosen.entries()) {
    const before = chosen[i - 1]
    if (before !== undefined && before.data !== work.data) clearUp(bench, before)
    const result = await runWork(bench, work, sayOnTerminal)
    results.push(result)
    print(`${formatResult(result)}\n`)
    // After each work: what has been measured is kept, whatever happens to the next one.
    if (options.json !== undefined) writeJson(options.json, { machine, options, works: results })
    if (options.markdown !== undefined) writeFileSync(options.markdown, formatMarkdown(results))
  }
  const last = chosen.at(-1)
  if (last !== undefined) clearUp(bench, last)
  print(formatSummary(results))
  return results.some(({ failures }) => failures.length > 0) ? 1 : 0
}

/** Frees the disk of what the next work has no use for. */
function clearUp(bench: Bench, { data }: Work): void {
  bench.clear()
  if (data !== undefined && !bench.options.keep) bench.data.remove(data)
}

function describeRun({ rounds, quick, cold, resticCache }: BenchOptions): string {
  const lines = [
    `${rounds} round${rounds === 1 ? '' : 's'}, entrants in turn; ratio: how many times as long as Understudy`,
    'understudy and restic: the same key (scrypt), version 2, --compression auto; borg: zstd,3, its own key derivation',
    cold ? 'page cache emptied before each run' : 'data read once before, so in memory as far as it fits',
    resticCache ? 'restic with its local cache' : '--no-cache for restic; Understudy has none for a folder',
  ]
  if (quick) lines.push('QUICK: small data and keys that cost nothing. These figures prove that it runs, nothing else.')
  return `${lines.join('\n')}\n`
}

function writeJson(file: string, value: unknown): void {
  writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`)
}

function sayOnTerminal(line: string): void {
  process.stderr.write(`${line}\n`)
}

function print(text: string): void {
  process.stdout.write(text)
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`)
  process.exitCode = 1
}
