/**
 * `npm run torture:fuzz`: mutates the parts of a repository, seals them with its real key so that every mutation reaches the parser,
 * and compares what restic and Understudy make of them. Both refuse, or both accept and read the same; a difference must
 * be one of those that `fuzz/compare.ts` explains. Never may ours crash, hang, or fill the memory.
 */
import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { randomInt } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { peer } from '../helpers/peers.ts'
import { run } from '../helpers/run.ts'
import { Batch, environment, makeBase } from './fuzz/base.ts'
import type { Base } from './fuzz/base.ts'
import { judge } from './fuzz/compare.ts'
import type { Difference } from './fuzz/compare.ts'
import type { FuzzKind, Verdicts } from './fuzz/kind.ts'
import { fuzzKinds } from './fuzz/kinds/index.ts'
import type { Answer, Question } from './fuzz/subject.ts'
import { derivedSeed, randomFrom } from './random.ts'

export interface FuzzOptions {
  readonly seed: number
  readonly seconds: number
  /** Ends after so many batches of each kind. */
  readonly batches: number
  readonly kinds: readonly string[]
  readonly say: (line: string) => void
}

export interface FuzzResult {
  readonly mutants: ReadonlyMap<string, number>
  /** Differences that are meant, by their reason. */
  readonly allowed: ReadonlyMap<string, number>
  /** What must not be: each a paragraph. */
  readonly findings: readonly string[]
}

/** More memory than this, for objects of a few kilobytes, is a bomb that went off. */
const mostMemory = 500 << 20
const longestAnswer = 60_000

export async function fuzz(options: FuzzOptions): Promise<FuzzResult> {
  options.say(`seed ${options.seed}`)
  const folder = mkdtempSync(join(tmpdir(), 'understudy-fuzz-'))
  const result = { mutants: new Map<string, number>(), allowed: new Map<string, number>(), findings: [] as string[] }
  const began = performance.now()
  const hasTime = () => performance.now() - began < options.seconds * 1000
  const subject = new Subject()
  try {
    using base = await makeBase(folder)
    const kinds = fuzzKinds.filter(({ name }) => options.kinds.length === 0 || options.kinds.includes(name))
    for (let batch = 0; batch < options.batches && hasTime(); batch++) {
      for (const [i, kind] of kinds.entries()) {
        if (!hasTime()) break
        const seed = derivedSeed(options.seed, batch * 100 + i)
        await fuzzBatch(result, { base, kind, seed, subject, folder })
      }
    }
  } finally {
    subject[Symbol.dispose]()
    rmSync(folder, { recursive: true, force: true })
  }
  return result
}

interface Work {
  readonly base: Base
  readonly kind: FuzzKind
  readonly seed: number
  readonly subject: Subject
  readonly folder: string
}

interface Results {
  readonly mutants: Map<string, number>
  readonly allowed: Map<string, number>
  readonly findings: string[]
}

async function fuzzBatch(results: Results, work: Work): Promise<void> {
  const { base, kind, seed } = work
  const random = randomFrom(seed)
  const mutants = Array.from({ length: kind.atOnce }, () => kind.make(random, base))
  results.mutants.set(kind.name, (results.mutants.get(kind.name) ?? 0) + mutants.length)
  await compareMutants(results, work, mutants)
}

/** When one mutant spoils the verdicts on the others, they are tried in halves. */
async function compareMutants(results: Results, work: Work, mutants: readonly Buffer[]): Promise<void> {
  const { base, kind, subject, folder, seed } = work
  using batch = new Batch(base, `${folder}/batch`)
  const names = kind.put(batch, mutants)
  const runRestic = async (...args: readonly string[]) => {
    const ran = await run(peer('restic'), args, { env: environment(batch.folder, folder), timeout: longestAnswer })
    if (ran.signal) throw new Error(`restic ${args.join(' ')} was ended by ${ran.signal}:\n${ran.stderr}`)
    return ran
  }
  const answer = await subject.ask({ kind: kind.name, folder: batch.folder, names })
  if ('crash' in answer && mutants.length > 1) return await inHalves(results, work, mutants)
  if ('crash' in answer) {
    results.findings.push(`${kind.name}, seed ${seed}: ours crashed on ${show(mutants[0])}:\n${answer.crash}`)
    return
  }
  const theirs = await kind.theirs(batch, names, runRestic)
  if (Object.keys(theirs).length === 0 && mutants.length > 1) return await inHalves(results, work, mutants)
  if (answer.peak > mostMemory) results.findings.push(`${kind.name}, seed ${seed}: ours took ${answer.peak >> 20} MiB`)
  note(results, work, { names, mutants, ours: answer.verdicts, theirs })
}

async function inHalves(results: Results, work: Work, mutants: readonly Buffer[]): Promise<void> {
  const half = mutants.length >> 1
  await compareMutants(results, work, mutants.slice(0, half))
  await compareMutants(results, work, mutants.slice(half))
}

interface Seen {
  readonly names: readonly string[]
  readonly mutants: readonly Buffer[]
  readonly ours: Verdicts
  readonly theirs: Verdicts
}

function note({ allowed, findings }: Results, { kind, seed }: Work, { names, mutants, ours, theirs }: Seen): void {
  names.forEach((name, i) => {
    const difference: Difference = {
      kind: kind.name,
      name,
      mutant: mutants[i] as Buffer,
      ours: ours[name] ?? { accepted: false, why: 'nothing was said' },
      theirs: theirs[name] ?? { accepted: false, why: 'panic' },
    }
    const { judged, because = '' } = judge(difference)
    if (judged === 'allowed') allowed.set(because, (allowed.get(because) ?? 0) + 1)
    if (judged === 'different') findings.push(describe(difference, seed))
  })
}

function describe({ kind, mutant, ours, theirs }: Difference, seed: number): string {
  return `${kind}, seed ${seed}:\n  ${show(mutant)}\n  ours:   ${JSON.stringify(ours)}\n  theirs: ${JSON.stringify(theirs)}`
}

function show(mutant: Buffer | undefined): string {
  return JSON.stringify(mutant?.toString('latin1').slice(0, 3000))
}

/** The process with our parsers. A new one is started when one has ended. */
class Subject implements Disposable {
  #child: ChildProcess | undefined

  async ask(question: Question): Promise<Answer> {
    const child = (this.#child ??= start())
    return await new Promise((resolve) => {
      const end = (answer: Answer) => {
        clearTimeout(timer)
        child.removeAllListeners()
        resolve(answer)
      }
      const timer = setTimeout(() => {
        this[Symbol.dispose]()
        end({ crash: `no answer within ${longestAnswer} ms` })
      }, longestAnswer)
      child.once('message', (answer) => end(answer as Answer))
      child.once('exit', (code, signal) => {
        this.#child = undefined
        end({ crash: `the process ended with ${signal ?? code}` })
      })
      child.send(question)
    })
  }

  [Symbol.dispose](): void {
    this.#child?.removeAllListeners()
    this.#child?.kill('SIGKILL')
    this.#child = undefined
  }
}

function start(): ChildProcess {
  const subject = fileURLToPath(new URL('fuzz/subject.ts', import.meta.url))
  return fork(subject, { execArgv: ['--max-old-space-size=256'], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { seconds: { type: 'string' }, seed: { type: 'string' }, kind: { type: 'string', multiple: true } },
  })
  const say = (line: string) => void process.stdout.write(`${line}\n`)
  const seed = Number(values.seed ?? randomInt(2 ** 31))
  const options = { seed, seconds: Number(values.seconds ?? 300), batches: Infinity, kinds: values.kind ?? [], say }
  const { mutants, allowed, findings } = await fuzz(options)
  for (const finding of findings) say(finding)
  for (const [because, count] of allowed) say(`${count} differ as they should: ${because}`)
  say(`mutants: ${[...mutants].map(([kind, count]) => `${kind} ${count}`).join(', ')}`)
  say(findings.length === 0 ? 'no difference that is not meant' : `${findings.length} FINDINGS (seed ${seed})`)
  return findings.length === 0 ? 0 : 1
}

if (import.meta.main) process.exitCode = await main()
