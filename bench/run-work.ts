import type { Bench, Entrant } from './bench.ts'
import { summarise } from './figures.ts'
import type { Reading } from './figures.ts'
import { formatSeconds } from './table.ts'
import type { WorkResult } from './table.ts'
import type { Work } from './work.ts'

export interface MeasuredWork extends WorkResult {
  /** Every run, by entrant, in the order of the rounds. */
  readonly readings: Readonly<Record<string, readonly Reading[]>>
}

/**
 * Runs a work in rounds; in each, all entrants take turns, and another one begins. An entrant that fails takes no further
 * part, and the report says why: hours of other works must not be lost with it.
 */
export async function runWork(bench: Bench, work: Work, say: (line: string) => void): Promise<MeasuredWork> {
  if (work.data !== undefined) await makeReady(bench, work.data, say)
  await work.prepare?.(bench)
  const entrants = work.entrants(bench)
  const readings: Record<string, Reading[]> = Object.fromEntries(entrants.map(({ name }) => [name, []]))
  const failures = new Map<string, string>()
  const attempt = async ({ name }: Entrant, step: () => Promise<unknown>) => {
    if (failures.has(name)) return
    try {
      await step()
    } catch (thrown) {
      failures.set(name, `${name} FAILED: ${(thrown as Error).message}`)
      say(`${work.name}: ${failures.get(name)}`)
    }
  }
  for (const entrant of entrants) await attempt(entrant, async () => await entrant.setUp?.())
  const rounds = Math.min(bench.options.rounds, work.mostRounds ?? Infinity)
  for (let round = 0; round < rounds; round++) {
    work.beforeRound?.(bench, round)
    for (const entrant of rotate(entrants, round)) {
      await attempt(entrant, async () => {
        const reading = await runOnce(bench, entrant)
        readings[entrant.name]?.push(reading)
        say(`${work.name}, round ${round + 1} of ${rounds}: ${entrant.name} ${formatSeconds(reading.seconds)} s`)
      })
    }
  }
  work.finish?.(bench)
  return { ...conclude(work, bench.absent, readings, failures), readings }
}

function conclude(
  { name, title, targets, notes = [] }: Work,
  absent: readonly string[],
  readings: Readonly<Record<string, readonly Reading[]>>,
  failures: ReadonlyMap<string, string>,
): WorkResult {
  // One success beside a failure is no figure.
  const whole = Object.entries(readings).filter(([entrant]) => !failures.has(entrant))
  const figures = Object.fromEntries(whole.map(([entrant, list]) => [entrant, summarise(list)]))
  return { name, title, targets, figures, notes: [...notes, ...absent], failures: [...failures.values()] }
}

/** The same entries, beginning with another one. */
export function rotate<Entry>(entries: readonly Entry[], by: number): Entry[] {
  const at = entries.length === 0 ? 0 : by % entries.length
  return [...entries.slice(at), ...entries.slice(0, at)]
}

async function runOnce(bench: Bench, { prepare, run }: Entrant): Promise<Reading> {
  await prepare?.()
  bench.settle()
  return await run()
}

/** Makes the data, and reads it once: whoever comes first must not be the only one who waits for the disk. */
async function makeReady(bench: Bench, data: NonNullable<Work['data']>, say: (line: string) => void): Promise<void> {
  say(`data set ${data}`)
  const folder = bench.data.make(data)
  if (bench.warm === data) return
  await bench.readOnce([folder])
  bench.warm = data
}
