/** What the two processes of the search benchmark share: keys, names, clocks and how figures are said. */
import type { MachineOfFiles } from './search-source.ts'

export const key = Buffer.alloc(32, 1)
export const repository = 'machine'

/** Where generations are kept is no matter here. */
export const generations = {
  load: () => Promise.resolve(0),
  save: () => Promise.resolve(),
  remove: () => Promise.resolve(),
}

export function sourceOf(options: MachineOfFiles) {
  return { module: new URL('./search-source.ts', import.meta.url).href, options }
}

export async function timed<Result>(
  work: () => Promise<Result>,
): Promise<{ readonly seconds: number; readonly result: Result }> {
  const start = performance.now()
  const result = await work()
  return { seconds: (performance.now() - start) / 1000, result }
}

export function say(what: string, figure: string): void {
  console.log(`  ${what.padEnd(44)} ${figure}`)
}
