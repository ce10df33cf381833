import { messageOf, printable } from '#base'
import { parseDuration } from './duration.ts'
import { PolicyError } from './errors.ts'
import { mapOfWeek } from './hours.ts'
import type { Limits, Rest } from './limits.ts'
import { isEmptyPolicy, type KeepCount, type RetentionPolicy } from './retention.ts'
import { planSchedule, type Schedule } from './schedule.ts'

/** What is backed up, when, for how long it is kept, and where to: for as many machines as it is given to. */
export interface BackupPolicy {
  readonly name: string
  /** The kinds of machine that it is meant for; all when absent. */
  readonly machines?: readonly MachineKind[]
  readonly what: Coverage
  readonly when: Schedule
  readonly keep: Keep
  readonly to: Destinations
  readonly limits?: Limits
  readonly rest?: Rest
}

/** An appliance takes no software of ours: storage, a telephone system, the controller of a machine. */
export type MachineKind = 'server' | 'pc' | 'laptop' | 'appliance'

export interface Coverage {
  /** Absolute paths. What is new below them is included until it is excluded. */
  readonly include: readonly string[]
  /** Patterns in restic's syntax. */
  readonly exclude?: readonly string[]
  /** Leave out folders that a `CACHEDIR.TAG` marks. */
  readonly excludeCaches?: boolean
  /** Leave out larger files: a number with b, k, m, g or t behind, as restic has it. */
  readonly excludeLargerThan?: string
  /** Stay on the file systems of the paths. */
  readonly oneFileSystem?: boolean
  /** Read from a snapshot of the volume. Default: when possible. */
  readonly volumeSnapshot?: 'when possible' | 'required' | 'never'
  /** Databases that are saved by a dump: their files, copied while in use, are no backup of them. */
  readonly databases?: readonly DatabaseDump[]
  /** Databases of any other engine: a hook of the machine makes the dump. */
  readonly hookDumps?: readonly HookDump[]
  readonly hooks?: Hooks
}

export interface HookDump {
  /** Name of a file in the machine's own folder of hooks. */
  readonly hook: string
  /** Where the hook leaves the dump, an absolute path. Absent: it prints the dump. */
  readonly file?: string
}

export interface DatabaseDump {
  readonly engine: 'postgresql' | 'mariadb' | 'sqlite'
  /** Names (of SQLite: absolute paths of its files), or all that the engine has; new ones are then included. */
  readonly which: 'all' | readonly string[]
}

/** Names of files in the machine's own folder of hooks; what they do is decided there. */
export interface Hooks {
  readonly before?: string
  readonly after?: string
  readonly onFailure?: string
}

/** How long snapshots are kept, as restic's `--keep-*` options say it; a snapshot that one of them keeps is kept. */
export interface Keep {
  readonly last?: KeepCount
  readonly hourly?: KeepCount
  readonly daily?: KeepCount
  readonly weekly?: KeepCount
  readonly monthly?: KeepCount
  readonly yearly?: KeepCount
  /** `1y6m14d`: everything that is newer, counted from the newest. */
  readonly within?: string
}

export interface Destinations {
  /** Id of the repository that backups are written to. */
  readonly repository: string
  readonly copies?: readonly CopyDestination[]
}

export interface CopyDestination {
  readonly repository: string
  /** After each backup when absent. */
  readonly when?: Schedule
  /** The same as in the first repository when absent. */
  readonly keep?: Keep
}

/** One mistake: where it is (`when.at`), and what is wrong in one sentence. */
export interface Mistake {
  readonly at: string
  readonly sentence: string
}

/**
 * What is wrong with a policy whose shape is right: everything that can be known without looking at a machine.
 *
 * @param now a schedule that never fires from here on is a mistake
 */
export function mistakesOf(policy: BackupPolicy, now: number): Mistake[] {
  const { what, when, keep, to, limits = {}, rest = {} } = policy
  return [
    ...coverageMistakes(what),
    ...scheduleMistakes(when, { at: 'when', now }),
    ...keepMistakes(keep, 'keep'),
    ...destinationMistakes(to, now),
    ...restMistakes(rest),
    ...limitMistakes(limits),
  ]
}

/** @throws PolicyError BACKUP_POLICY_INVALID with every sentence, and the mistakes among its details */
export function refuseMistakes(name: string, mistakes: readonly Mistake[]): void {
  if (mistakes.length === 0) return
  const sentences = mistakes.map(({ at, sentence }) => `${at}: ${sentence}`).join(' ')
  throw new PolicyError('BACKUP_POLICY_INVALID', { name, sentences, mistakes })
}

/** @throws PolicyError POLICY_DURATION_INVALID */
export function retentionOf({ last, within, ...counts }: Keep): RetentionPolicy {
  return {
    ...(last === undefined ? {} : { last }),
    counts,
    ...(within === undefined ? {} : { within: parseDuration(within) }),
  }
}

function coverageMistakes(what: Coverage): Mistake[] {
  const { include, exclude = [], excludeLargerThan, databases = [], hookDumps = [] } = what
  const mistakes: Mistake[] = []
  const wrong = (at: string, sentence: string) => mistakes.push({ at: `what.${at}`, sentence })
  if (include.length + databases.length + hookDumps.length === 0) wrong('include', 'Nothing is included.')
  for (const [at, path] of include.entries()) {
    const problem = pathProblem(path)
    if (problem !== undefined) wrong(`include.${at}`, `"${printable(path)}" ${problem}.`)
    if (include.indexOf(path) !== at) wrong(`include.${at}`, `"${printable(path)}" is included twice.`)
    if (exclude.includes(path)) wrong(`include.${at}`, `"${printable(path)}" is included and excluded.`)
  }
  for (const [at, pattern] of exclude.entries()) {
    if (pattern.trim() === '') wrong(`exclude.${at}`, 'A pattern is empty.')
    else if (hasControl(pattern)) wrong(`exclude.${at}`, 'A pattern has a control character in it.')
    else if (excludesAll.has(pattern)) wrong(`exclude.${at}`, `"${pattern}" leaves out everything.`)
  }
  if (excludeLargerThan !== undefined && !/^[1-9]\d{0,14}[bkmgt]?$/i.test(excludeLargerThan)) {
    wrong('excludeLargerThan', `"${printable(excludeLargerThan)}" is not a size such as 500M or 2G.`)
  }
  for (const [at, { engine, which }] of databases.entries()) {
    if (which !== 'all' && which.length === 0) wrong(`databases.${at}.which`, `No database of ${engine} is named.`)
    if (databases.findIndex((other) => other.engine === engine) !== at) {
      wrong(`databases.${at}`, `${engine} is named twice.`)
    }
    if (engine !== 'sqlite' || which === 'all') continue
    for (const path of which) {
      const problem = pathProblem(path)
      if (problem !== undefined) wrong(`databases.${at}.which`, `"${printable(path)}" ${problem}.`)
    }
  }
  for (const [at, { hook, file }] of hookDumps.entries()) {
    if (hookDumps.findIndex((other) => other.hook === hook) !== at) wrong(`hookDumps.${at}`, `${hook} is named twice.`)
    const problem = file === undefined ? undefined : pathProblem(file)
    if (problem !== undefined) wrong(`hookDumps.${at}.file`, `"${printable(file ?? '')}" ${problem}.`)
  }
  return mistakes
}

const excludesAll: ReadonlySet<string> = new Set(['/', '*', '/*', '**', '/**'])

function pathProblem(path: string): string | undefined {
  if (hasControl(path)) return 'has a control character in it'
  if (!/^(\/|[A-Za-z]:[\\/]|\\\\[^\\])/.test(path)) return 'is not an absolute path'
  return path.split(/[\\/]/).includes('..') ? 'goes back by ".."' : undefined
}

function hasControl(text: string): boolean {
  // eslint-disable-next-line no-control-regex
  return /[\u0000-\u001f\u007f]/.test(text)
}

function scheduleMistakes(when: Schedule, { at, now }: { readonly at: string; readonly now: number }): Mistake[] {
  return mistakesFrom(at, () => {
    const planner = planSchedule(when)
    if (planner.nextStart(now) === undefined) return 'The hours forbid every start: no run would ever begin.'
    return planner.next(now) === undefined ? 'The schedule never fires within its hours.' : undefined
  })
}

function keepMistakes(keep: Keep, at: string): Mistake[] {
  return mistakesFrom(at, () => {
    if (!isEmptyPolicy(retentionOf(keep))) return undefined
    return 'Nothing would be kept: say for how long, such as daily 14 and monthly 12.'
  })
}

function destinationMistakes({ repository, copies = [] }: Destinations, now: number): Mistake[] {
  const all = [repository, ...copies.map((copy) => copy.repository)]
  return copies.flatMap(({ repository: destination, when, keep }, index) => {
    const at = `to.copies.${index}`
    const sentence = `"${printable(destination)}" is named twice: a copy in the same place is none.`
    return [
      ...(all.indexOf(destination) === index + 1 ? [] : [{ at, sentence }]),
      ...(when === undefined ? [] : scheduleMistakes(when, { at: `${at}.when`, now })),
      ...(keep === undefined ? [] : keepMistakes(keep, `${at}.keep`)),
    ]
  })
}

function restMistakes({ hours = [] }: Rest): Mistake[] {
  return mistakesFrom('rest.hours', () => (isWholeWeek(hours) ? 'The machine would rest all week.' : undefined))
}

function limitMistakes({ hours = [], upload, download }: Limits): Mistake[] {
  return mistakesFrom('limits', () => {
    const paused = (direction: 'upload' | 'download', always: number | undefined) =>
      always === 0 || isWholeWeek(hours.filter((each) => each[direction] === 0))
    const empty = hours.findIndex((each) => each.upload === undefined && each.download === undefined)
    if (empty !== -1) return `The limit from ${hours[empty]?.from} to ${hours[empty]?.to} names no rate.`
    if (paused('upload', upload)) return 'The upload would be paused all week: nothing would be backed up.'
    return paused('download', download)
      ? 'The download would be paused all week: nothing could be got back.'
      : undefined
  })
}

function isWholeWeek(hours: Parameters<typeof mapOfWeek>[0]): boolean {
  return mapOfWeek(hours).every((marked) => marked === 1)
}

/** The one sentence that `look` returns, or throws as a PolicyError. */
function mistakesFrom(at: string, look: () => string | undefined): Mistake[] {
  try {
    const sentence = look()
    return sentence === undefined ? [] : [{ at, sentence }]
  } catch (thrown) {
    if (!(thrown instanceof PolicyError)) throw thrown
    return [{ at, sentence: `${messageOf(thrown)} ${thrown.hint}` }]
  }
}
