import type { Bench, Entrant } from './bench.ts'
import type { DataSetName } from './data-sets.ts'
import type { Target } from './figures.ts'

/** One kind of work: what it is done with, by whom, and what is to be reached. */
export interface Work {
  readonly name: string
  readonly title: string
  readonly data?: DataSetName
  readonly targets: readonly Target[]
  /** For works that take very long: no more rounds than this. */
  readonly mostRounds?: number
  readonly notes?: readonly string[]
  /** Before the entrants are set up. */
  readonly prepare?: (bench: Bench) => Promise<void>
  readonly beforeRound?: (bench: Bench, round: number) => void
  readonly entrants: (bench: Bench) => readonly Entrant[]
  readonly finish?: (bench: Bench) => void
}

/** Peak memory of works of usual size, in MB. */
export const usualMemory: Target = { kind: 'memory', than: 'restic', mb: 200 }
export const millionMemory: Target = { kind: 'memory', mb: 400 }
/** At the same compression setting. */
export const notLarger: Target = { kind: 'no-larger', than: 'restic' }

export function faster(than: string, times: number): Target {
  return { kind: 'faster', than, times }
}

export function within(of: string, times: number): Target {
  return { kind: 'within', of, times }
}
