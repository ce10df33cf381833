/**
 * The journal: a line of JSON for each decision before it is carried out, for each command that has run, and for how each
 * step ended. What stands in it is enough to make the same steps again.
 */
import { appendFileSync, readFileSync } from 'node:fs'
import type { Order } from './actions/index.ts'

export interface RoundHead {
  readonly round: number
  readonly seed: number
  readonly storage: string
}

export interface StepLine {
  readonly round: number
  /** Of the round, from 1. */
  readonly step: number
  readonly seed: number
  readonly order: Order
}

export interface CommandLine {
  readonly program: string
  readonly args: readonly string[]
  readonly disturbed?: unknown
  readonly code: number | string | null
  readonly milliseconds: number
  /** The last words of a command that did not succeed. */
  readonly words?: string
}

export class Journal {
  readonly path: string

  constructor(path: string) {
    this.path = path
  }

  round(head: RoundHead): void {
    this.#write({ is: 'round', ...head })
  }

  step(line: StepLine): void {
    this.#write({ is: 'step', ...line })
  }

  command(line: CommandLine): void {
    this.#write({ is: 'command', ...line })
  }

  /** Anything else that explains what happened. */
  note(text: string, details: Readonly<Record<string, unknown>> = {}): void {
    this.#write({ is: 'note', text, ...details })
  }

  #write(line: unknown): void {
    appendFileSync(this.path, `${JSON.stringify(line)}\n`)
  }
}

export interface RecordedRound extends RoundHead {
  readonly steps: readonly StepLine[]
}

/** The last round that a journal tells of. */
export function readLastRound(path: string): RecordedRound {
  const lines = readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { readonly is: string })
  const head = lines.findLast(({ is }) => is === 'round') as (RoundHead & { readonly is: string }) | undefined
  if (head === undefined) throw new Error(`${path} is no journal of the torture.`)
  const steps = lines.slice(lines.indexOf(head)).filter(({ is }) => is === 'step') as unknown as StepLine[]
  return { round: head.round, seed: head.seed, storage: head.storage, steps }
}
