import type { Random } from '../random.ts'
import type { Base, Batch } from './base.ts'

/** What a program says of a mutant. */
export type Verdict =
  | { readonly accepted: true; /** What it reads, as text that can be compared. */ readonly value: string }
  | { readonly accepted: false; /** The stable code, or the message. */ readonly why: string }

/** Accepted, and what was read cannot be seen. */
export const unknownValue = '?'

export type Verdicts = Readonly<Record<string, Verdict>>

/** A kind of object whose parser is fuzzed. */
export interface FuzzKind {
  readonly name: string
  /** Mutants that are judged together: one call of restic, where it tells them apart. */
  readonly atOnce: number
  /** A mutant's bytes, whatever they mean here. */
  make(random: Random, base: Base): Buffer
  /** Puts mutants into a copy of the repository; returns the name of each, by which the verdicts go. */
  put(batch: Batch, mutants: readonly Buffer[]): readonly string[]
  /** restic's verdicts. A name that is left out: restic crashed, and mutants are tried alone. */
  theirs(batch: Batch, names: readonly string[], run: RunRestic): Promise<Verdicts>
  /** Ours, in a process of its own. */
  ours(folder: string, names: readonly string[]): Promise<Verdicts>
}

export type RunRestic = (...args: readonly string[]) => Promise<ResticRun>

export interface ResticRun {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Go's runtime ended it. */
export function hasPanicked({ stderr }: ResticRun): boolean {
  return /^(panic: |fatal error: |goroutine \d+ \[)/m.test(stderr)
}

/**
 * For `restic check`: true when it came to its verdict, so that what it does not name is sound; false when Go's runtime
 * ended it. Throws when it ended in any other way: its silence about a mutant would then be no answer.
 */
export function hasJudged(ran: ResticRun): boolean {
  if (hasPanicked(ran)) return false
  if (ran.code === 0 || ran.stderr.includes('repository contains errors')) return true
  throw new Error(`restic check ended with ${ran.code} before its verdict:\n${ran.stderr}`)
}

/** Runs `work`; an error of ours is a refusal, anything else that is thrown is a crash, and goes through. */
export async function verdictOf(work: () => unknown): Promise<Verdict> {
  const { UnderstudyError } = await import('#base')
  try {
    return { accepted: true, value: stable(await work()) }
  } catch (thrown) {
    if (!(thrown instanceof UnderstudyError)) throw thrown
    return { accepted: false, why: `${thrown.code}: ${thrown.message}` }
  }
}

/** JSON with sorted keys and exact numbers. */
export function stable(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (typeof inner === 'bigint') return inner.toString()
    if (inner === null || typeof inner !== 'object' || Array.isArray(inner)) return inner
    return Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
  })
}

/** A time as both programs mean it: nanoseconds since 1970, and the offset in which it was said. */
export function timeOf(text: string): string {
  const [, moment = '', fraction = '', zone = ''] = /^(.*?)(?:[.,](\d+))?(Z|[+-]\d\d:\d\d)$/i.exec(text) ?? []
  const seconds = Date.parse(`${moment}Z`) / 1000
  const [, sign, hours, minutes] = /^([+-])(\d\d):(\d\d)$/.exec(zone) ?? ['', '+', '0', '0']
  const offset = (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -1 : 1)
  return `${seconds}.${fraction.slice(0, 9).padEnd(9, '0')} ${offset}`
}
