/**
 * `npm test`: puts in place what the tests need, builds, and runs them: first those beside the code, then the whole-program
 * stories. Words after `--` choose files: `npm test -- repository` runs the test files whose path contains one of them.
 *
 * Every skipped test is listed with its reason at the end. With CI=true a skip is a failure, unless the reason begins with
 * `kernel:` (what this machine's kernel does not allow, nobody can install).
 */
import { once } from 'node:events'
import { globSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { peersFolder } from '../test/helpers/peers.ts'
import { build } from './build.ts'
import { installPeers } from './install-peers.ts'

const project = join(import.meta.dirname, '..')

/** What runs together; a later phase starts when the one before it has ended. */
const phases: readonly (readonly string[])[] = [
  [
    'src/**/*.test.ts',
    'scripts/*.test.ts',
    'bench/*.test.ts',
    'test/*.test.ts',
    'test/helpers/*.test.ts',
    'test/torture/*.test.ts',
  ],
  ['test/scenarios/**/*.test.ts'],
]

/** The longest that one test may take, in milliseconds. */
const longestTest = 10 * 60_000

/** After so long without a test that ends, what still runs is ended: a file that leaves something open must not hang the run. */
const longestSilence = longestTest + 60_000

interface Skip {
  readonly file: string
  readonly name: string
  readonly reason: string
}

interface Outcome {
  passed: number
  failed: number
  readonly skips: Skip[]
}

async function main(words: readonly string[]): Promise<number> {
  const chosen = phases.map((patterns) => filesOf(patterns, words)).filter((files) => files.length > 0)
  if (chosen.length === 0)
    return refuse(`No test file has ${words.map((word) => `"${word}"`).join(' or ')} in its path.`)

  for (const line of installPeers()) say(`missing: ${line}`)
  await build()
  process.env['PATH'] = [join(peersFolder('current'), 'usr', 'bin'), process.env['PATH']].join(delimiter)
  // A thousand processes would each take types out of the same modules, and compile them: a third of the whole time.
  process.env['NODE_COMPILE_CACHE'] ??= join(project, 'node_modules', '.cache', 'compiled')

  const outcome: Outcome = { passed: 0, failed: 0, skips: [] }
  for (const files of chosen) await runFiles(files, outcome)
  return conclude(outcome)
}

function filesOf(patterns: readonly string[], words: readonly string[]): string[] {
  return globSync(patterns, { cwd: project })
    .filter((file) => words.length === 0 || words.some((word) => file.includes(word)))
    .toSorted()
    .map((file) => join(project, file))
}

/** Runs test files, each in a process of its own, shows them as they go, and adds to `outcome`. */
async function runFiles(files: readonly string[], outcome: Outcome): Promise<void> {
  const silence = new AbortController()
  const timer = setTimeout(() => silence.abort(new Error('no test ended for too long')), longestSilence)
  const events = run({ files: [...files], concurrency: 2, timeout: longestTest, signal: silence.signal, cwd: project })
  events.on('test:complete', () => timer.refresh())
  events.on('test:pass', ({ name, file, skip, details }) => {
    if (skip !== undefined) outcome.skips.push({ name, file: file ?? '', reason: skip === true ? '' : String(skip) })
    else if (details.type !== 'suite') outcome.passed++
  })
  events.on('test:fail', ({ todo, details }) => {
    // A suite that fails only because of its tests is not one failure more.
    if (todo === undefined && failureType(details.error) !== 'subtestsFailed') outcome.failed++
  })
  const shown = events.compose(spec)
  shown.pipe(process.stdout, { end: false })
  await once(shown, 'end')
  clearTimeout(timer)
}

function failureType(error: Error): unknown {
  return 'failureType' in error ? error.failureType : undefined
}

/** Lists what was skipped, says the totals in one line, and gives the exit code. */
function conclude({ passed, failed, skips }: Outcome): number {
  for (const { file, name, reason } of skips) {
    say(`skipped: ${file.replace(`${project}/`, '')}: ${name}: ${reason || 'no reason given'}`)
  }
  const refused = process.env['CI'] === 'true' ? skips.filter(({ reason }) => !reason.startsWith('kernel:')) : []
  if (refused.length > 0) say(`${refused.length} tests were skipped for a reason that does not count with CI=true.`)
  say(`${passed} passed, ${failed} failed, ${skips.length} skipped`)
  return failed > 0 || refused.length > 0 || passed === 0 ? 1 : 0
}

function refuse(sentence: string): number {
  process.stderr.write(`${sentence}\n`)
  return 1
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  process.exitCode = refuse((error as Error).message)
}
