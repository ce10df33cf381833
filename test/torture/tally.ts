/** What was done, counted, for the summary at the end. */

export interface Totals {
  rounds: number
  steps: number
  commands: number
  kills: number
  pauses: number
  faults: number
  damages: number
  snapshotsMade: number
  snapshotsVerified: number
  bytesCompared: number
}

export class Tally {
  readonly totals: Totals = {
    rounds: 0,
    steps: 0,
    commands: 0,
    kills: 0,
    pauses: 0,
    faults: 0,
    damages: 0,
    snapshotsMade: 0,
    snapshotsVerified: 0,
    bytesCompared: 0,
  }
  readonly #kinds = new Map<string, number>()
  readonly #storages = new Map<string, number>()
  /** Ends of commands by the stable code that they gave. */
  readonly #codes = new Map<string, number>()

  add(what: keyof Totals, amount: number = 1): void {
    this.totals[what] += amount
  }

  step(kind: string): void {
    this.totals.steps++
    increment(this.#kinds, kind)
  }

  round(storage: string): void {
    this.totals.rounds++
    increment(this.#storages, storage)
  }

  ended(code: string): void {
    increment(this.#codes, code)
  }

  /** The whole account, a line each. */
  lines(): string[] {
    const { totals } = this
    return [
      `rounds by storage: ${list(this.#storages)}`,
      `steps by kind:     ${list(this.#kinds)}`,
      `how runs ended:    ${list(this.#codes)}`,
      `snapshots:         ${totals.snapshotsMade} made, ${totals.snapshotsVerified} restored and compared with their reference`,
      `trouble:           ${totals.kills} kills, ${totals.pauses} pauses, ${totals.faults} faults of storage, disk, network and clock, ${totals.damages} damages`,
    ]
  }

  /** One line for docs/reliability.md. */
  sentence({
    seed,
    seconds,
    date,
  }: {
    readonly seed: number
    readonly seconds: number
    readonly date: string
  }): string {
    const n = (count: number) => Math.round(count).toLocaleString('en-US')
    const { rounds, steps, kills, pauses, faults, damages, snapshotsVerified, bytesCompared } = this.totals
    return (
      `${date}: seed ${seed}, ${n(seconds / 60)} minutes, ${n(rounds)} repositories, ${n(steps)} steps, ${n(kills)} kills, ` +
      `${n(pauses)} pauses, ${n(faults)} faults, ${n(damages)} damages; ${n(snapshotsVerified)} restores compared, ` +
      `${n(bytesCompared / 1e6)} MB: nothing lost, nothing wrong.`
    )
  }
}

function increment(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1)
}

function list(counts: ReadonlyMap<string, number>): string {
  return [...counts]
    .toSorted(([, a], [, b]) => b - a)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ')
}
