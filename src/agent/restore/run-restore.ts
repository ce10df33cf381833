import type { Cancellable, Clock } from '#base'
import type { Outcome, Progress } from '#protocol'
import { runOwnProgram } from '../work/own-program.ts'
import type { Message, OwnProgram } from '../work/own-program.ts'

/** One call of the program: what of a snapshot goes where. */
export interface RestoreRun {
  readonly snapshotId: string
  /** The folder of the snapshot that the target stands for. */
  readonly from: string
  readonly target: string
  /** Paths below `from`, beginning with a slash; none: everything. */
  readonly paths: readonly string[]
  readonly foreign: boolean
  /** Reads everything again and compares it. */
  readonly verify: boolean
}

export interface RestoreTools extends Cancellable {
  readonly program: OwnProgram
  /** Where the repository is, and its password, as flags. */
  readonly repository: readonly string[]
  readonly clock: Clock
  readonly report: (progress: Progress) => void
}

export interface Problem {
  readonly path: string
  readonly message: string
}

/** What came of one or several runs. */
export interface Restored {
  readonly outcome: 'whole' | 'partial' | 'failed' | 'cancelled'
  readonly files: number
  readonly bytes: number
  /** What was right already and was not written. */
  readonly bytesSame: number
  readonly seconds: number
  readonly problems: readonly Problem[]
  readonly failure: { readonly message: string; readonly code: string } | undefined
}

/** Problems that are told one by one: the rest is a number. */
const mostProblems = 20

/** Restores by the program itself, as a child, one run after the other. What cannot be restored stops nothing else. */
export async function runRestores(runs: readonly RestoreRun[], tools: RestoreTools): Promise<Restored> {
  const begun = tools.clock.monotonic()
  const done: Omit<Restored, 'seconds'>[] = []
  for (const run of runs) {
    const before = done.reduce((sum, { bytes }) => sum + bytes, 0)
    const one = await runRestore(run, before, tools)
    done.push(one)
    if (one.outcome === 'cancelled') break
  }
  const sum = (of: (one: Omit<Restored, 'seconds'>) => number) => done.reduce((total, one) => total + of(one), 0)
  const outcomes = new Set(done.map(({ outcome }) => outcome))
  const [only] = outcomes
  return {
    outcome: outcomes.has('cancelled') ? 'cancelled' : outcomes.size === 1 && only ? only : 'partial',
    files: sum(({ files }) => files),
    bytes: sum(({ bytes }) => bytes),
    bytesSame: sum(({ bytesSame }) => bytesSame),
    seconds: (tools.clock.monotonic() - begun) / 1000,
    problems: done.flatMap(({ problems }) => problems).slice(0, mostProblems),
    failure: done.find(({ failure }) => failure !== undefined)?.failure,
  }
}

async function runRestore(
  run: RestoreRun,
  before: number,
  { program, repository, signal, report }: RestoreTools,
): Promise<Omit<Restored, 'seconds'>> {
  const { snapshotId, from, target, paths, foreign, verify } = run
  const args = [
    'restore',
    ...repository,
    ...(foreign ? ['--foreign'] : []),
    ...(verify ? ['--verify'] : []),
    // Every item is told, so that a path that is not in the snapshot is noticed.
    ...(paths.length > 0 ? ['--verbose=2'] : []),
    ...paths.flatMap((path) => ['--include', literally(path)]),
    '--target',
    target,
    '--',
    from === '/' ? snapshotId : `${snapshotId}:${from}`,
  ]
  const missing = new Set(paths)
  const problems: Problem[] = []
  const { code, summary, failure, words } = await runOwnProgram(program, args, {
    signal,
    onStatus: (status) => report(progressOf(status, before)),
    onMessage: (message) => {
      for (const path of missing) if (isOf(message, path)) missing.delete(path)
      const problem = problemIn(message)
      if (problem) problems.push(problem)
    },
  })
  const number = (name: string) => (typeof summary?.[name] === 'number' ? summary[name] : 0)
  const [files, bytes] = [number('files_restored'), number('bytes_restored')]
  const figures = { files, bytes, bytesSame: number('bytes_skipped') }
  if (signal?.aborted === true) return { outcome: 'cancelled', ...figures, problems, failure: undefined }
  if (!summary) {
    const message = failure?.message ?? (words.trim().split('\n').at(-1) || `It ended with exit code ${code}.`)
    return { outcome: 'failed', ...figures, problems, failure: { message, code: failure?.code ?? 'UNEXPECTED' } }
  }
  const absent = [...missing].map((path) => ({ path: below(from, path), message: 'It is not in the snapshot.' }))
  const isNothing = paths.length > 0 && missing.size === paths.length
  const outcome = isNothing ? 'failed' : code === 0 && absent.length === 0 ? 'whole' : 'partial'
  const nothing = { message: 'Nothing of what was asked for is in the snapshot.', code: 'NOT_FOUND' }
  return { outcome, ...figures, problems: [...absent, ...problems], failure: isNothing ? nothing : failure }
}

/** How a restore is told to the server. `about`: what else belongs to its result. */
export function outcomeOf(restored: Restored, about: Readonly<Record<string, unknown>>): Outcome {
  const { outcome, files, bytes, bytesSame, seconds, problems, failure } = restored
  const result = { ...about, files, bytes, bytesSame, seconds, ...(problems.length > 0 && { problems }) }
  if (outcome === 'whole') return { state: 'done', result }
  if (outcome === 'cancelled') {
    const reason = 'It was ended before it was done; what was restored until then stays.'
    return { state: 'cancelled', reason, result }
  }
  const [first] = problems
  const example = first ? ` ${first.path}: ${first.message}` : ''
  const reason = `${failure?.message ?? 'Some of it could not be restored.'}${example}`.slice(0, 2_000)
  const code = failure?.code ?? 'RESTORE_INCOMPLETE'
  return { state: outcome === 'partial' ? 'warnings' : 'failed', reason, code, result }
}

/** A pattern that means this path and no other. */
function literally(path: string): string {
  return path.replace(/[\\*?[\]]/g, '\\$&')
}

function isOf({ message_type: type, item }: Message, path: string): boolean {
  return type === 'verbose_status' && typeof item === 'string' && (item === path || item.startsWith(`${path}/`))
}

function problemIn(message: Message): Problem | undefined {
  if (message['message_type'] !== 'error') return undefined
  const { error, item } = message as { readonly error?: { readonly message?: unknown }; readonly item?: unknown }
  return { path: textOf(item).slice(0, 4096), message: textOf(error?.message).slice(0, 1_000) }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function below(folder: string, path: string): string {
  return folder === '/' ? path : `${folder}${path}`
}

function progressOf(status: Message, before: number): Progress {
  const number = (name: string) => (typeof status[name] === 'number' ? status[name] : undefined)
  const [done, total] = [number('bytes_restored'), number('total_bytes')]
  return {
    step: 'restore',
    unit: 'bytes',
    ...(done !== undefined && { done: before + done }),
    ...(total !== undefined && { total: before + total }),
  }
}
