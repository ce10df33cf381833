/**
 * `npm run torture`: a random engine against a model of what must exist. It writes trees, backs up, restores, forgets, prunes,
 * checks and copies, alone and several at once, while processes are killed, disks fill up, lines fail and clocks jump; restic is a
 * second writer and the judge. What was reported as stored must come back equal, until it is forgotten.
 *
 * The seed is printed first: the same seed makes the same decisions. Each round has a repository of its own. When something is not as
 * it must be, everything is kept as it is, and the command that repeats the round is printed.
 */
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { TortureFailure } from './failure.ts'
import { Journal, readLastRound } from './journal.ts'
import { parseOptions } from './options.ts'
import type { TortureOptions } from './options.ts'
import { copyProgram } from './programs.ts'
import { derivedSeed } from './random.ts'
import { plannedSteps, runRound, storageShare } from './round.ts'
import type { PlannedStep } from './round.ts'
import { storages } from './storage/index.ts'
import type { Storage } from './storage/index.ts'
import { Tally } from './tally.ts'
import { World } from './world.ts'

export interface TortureResult {
  readonly tally: Tally
  /** What was found, if anything. */
  readonly failure: Error | undefined
  /** Kinds of storage that this machine has not. */
  readonly without: ReadonlyMap<string, string>
}

export interface TortureInput extends TortureOptions {
  readonly say: (line: string) => void
  readonly signal?: AbortSignal
}

interface Run {
  readonly folder: string
  readonly program: string
  readonly journal: Journal
  readonly tally: Tally
  readonly without: Map<string, string>
  readonly hasTime: () => boolean
}

/** Runs rounds until the time is up, or until something is found. */
export async function torture(options: TortureInput): Promise<TortureResult> {
  const { say } = options
  say(`seed ${options.seed}`)
  const folder = mkdtempSync(join(options.place, 'understudy-torture-'))
  const run = await beginRun(folder, options)
  let failure: Error | undefined
  try {
    if (options.replay === undefined) await runRounds(run, options)
    else await replay(run, options, options.replay)
  } catch (thrown) {
    failure = thrown as Error
    run.journal.note('FAILURE', { message: failure.message, stack: failure.stack })
  }
  if (!failure && !options.keep) rmSync(folder, { recursive: true, force: true })
  return { tally: run.tally, failure, without: run.without }
}

async function beginRun(folder: string, { seconds, steps, signal, program }: TortureInput): Promise<Run> {
  const tally = new Tally()
  const began = performance.now()
  return {
    folder,
    program: await copyProgram(`${folder}/program`, program),
    journal: new Journal(`${folder}/journal.jsonl`),
    tally,
    without: new Map(),
    hasTime: () => performance.now() - began < seconds * 1000 && tally.totals.steps < steps && signal?.aborted !== true,
  }
}

async function runRounds(run: Run, options: TortureInput): Promise<void> {
  const first = options.round ?? 1
  for (let round = first; run.hasTime() && (options.round === undefined || round === first); round++) {
    const seed = derivedSeed(options.seed, round)
    const kinds = chooseStorage(seed, options.storage)
    await oneRound(run, options, { round, seed, kinds, steps: plannedSteps(seed) })
  }
}

async function replay(run: Run, options: TortureInput, path: string): Promise<void> {
  const { round, seed, storage, steps } = readLastRound(path)
  await oneRound(run, options, { round, seed, kinds: [storage], steps })
}

interface Round {
  readonly round: number
  readonly seed: number
  /** Kinds of storage, the first that this machine has is taken. */
  readonly kinds: readonly string[]
  readonly steps: Iterable<PlannedStep>
}

async function oneRound(run: Run, options: TortureInput, { round, seed, kinds, steps }: Round): Promise<void> {
  const { journal, tally, program, hasTime } = run
  const folder = `${run.folder}/round-${round}`
  mkdirSync(folder)
  const storage = await openStorage(run, kinds, folder)
  journal.round({ round, seed, storage: storage.kind })
  tally.round(storage.kind)
  const world = await World.open({ folder, seed, program, journal, tally }, storage)
  try {
    await runRound(world, { round, steps, hasTime })
  } catch (thrown) {
    options.say(`round ${round} on ${storage.kind}: ${(thrown as Error).message}`)
    explain(run, options, { round, thrown })
    keepRepository(world)
    await world[Symbol.asyncDispose]()
    throw thrown
  }
  await world[Symbol.asyncDispose]()
  if (!options.keep) rmSync(folder, { recursive: true, force: true })
  const { steps: done, snapshotsVerified, kills, faults } = tally.totals
  options.say(
    `round ${round} on ${storage.kind}: well (${done} steps, ${kills} kills, ${faults} faults, ${snapshotsVerified} restores compared so far)`,
  )
}

/** A repository that goes with its disk or server is put beside everything else that is kept. */
function keepRepository({ folder, repositories }: World): void {
  const lies = repositories[0].storage.folder
  if (lies !== `${folder}/repository`)
    cpSync(lies, `${folder}/repository`, { recursive: true, preserveTimestamps: true })
}

function explain(
  { folder, journal }: Run,
  { say, seed }: TortureInput,
  { round, thrown }: { round: number; thrown: unknown },
) {
  if (thrown instanceof TortureFailure) for (const line of thrown.evidence.slice(0, 60)) say(`    ${line}`)
  else say(String((thrown as Error).stack))
  say(`kept as it is: ${folder}/round-${round}`)
  say(`to see it again: npm run torture -- --seed ${seed} --round ${round}`)
  say(`the same steps:  npm run torture -- --replay ${journal.path}`)
}

/** The kind that the seed says, then the others, for machines that have it not. */
function chooseStorage(roundSeed: number, wanted: string | undefined): string[] {
  if (wanted !== undefined) return [wanted]
  const entries = Object.entries(storages)
  let left = storageShare(roundSeed) * entries.reduce((sum, [, { weight }]) => sum + weight, 0)
  const chosen = entries.find(([, { weight }]) => (left -= weight) < 0)?.[0] ?? 'local'
  return [chosen, 'local']
}

async function openStorage({ without }: Run, kinds: readonly string[], folder: string): Promise<Storage> {
  for (const kind of kinds) {
    const storage = storages[kind]
    if (!storage) throw new Error(`There is no storage "${kind}"; there are ${Object.keys(storages).join(', ')}.`)
    const opened = await storage.open(folder)
    if (typeof opened !== 'string') return opened
    without.set(kind, opened)
  }
  throw new Error(`No storage can be used here: ${[...without.values()].join('; ')}`)
}

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2))
  const say = (line: string) => void process.stdout.write(`${line}\n`)
  const stop = new AbortController()
  process.once('SIGINT', () => {
    say('the round is ended early, and judged')
    stop.abort()
  })
  const began = performance.now()
  const { tally, failure, without } = await torture({ ...options, say, signal: stop.signal })
  const seconds = (performance.now() - began) / 1000
  for (const [kind, reason] of without) say(`without ${kind}: ${reason}`)
  for (const line of tally.lines()) say(line)
  if (failure) {
    say(`FAILED: ${failure.message}`)
    return 1
  }
  say('For docs/reliability.md:')
  say(tally.sentence({ seed: options.seed, seconds, date: new Date().toISOString().slice(0, 10) }))
  return 0
}

if (import.meta.main) {
  try {
    process.exitCode = await main()
  } catch (thrown) {
    process.stderr.write(`${(thrown as Error).message}\n`)
    process.exitCode = 1
  }
}
