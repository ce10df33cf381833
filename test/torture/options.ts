/** What `npm run torture` is told on its command line. */
import { randomInt } from 'node:crypto'
import { tmpdir } from 'node:os'
import { parseArgs } from 'node:util'

export interface TortureOptions {
  readonly seed: number
  /** It ends after so many seconds, or after so many steps, whichever comes first. */
  readonly seconds: number
  readonly steps: number
  /** Only this round of the seed. */
  readonly round: number | undefined
  /** Where the work is done. */
  readonly place: string
  /** A journal whose steps are made again, instead of those that the seed would give. */
  readonly replay: string | undefined
  /** Only this kind of storage. */
  readonly storage: string | undefined
  /** The folder of the built program (with `bin` and `dist`), when it is not this project. */
  readonly program: string | undefined
  /** Keep the workplace of rounds that went well, too. */
  readonly keep: boolean
}

export const usage = `npm run torture -- [--seconds N] [--steps N] [--seed N] [--round N] [--storage KIND] [--place DIR] [--program DIR] [--keep]
npm run torture -- --replay FILE [--place DIR]`

/** An hour, when nothing else is said. */
const defaultSeconds = 3600

/** Throws an error with a sentence when something is not understood. */
export function parseOptions(argv: readonly string[]): TortureOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      seconds: { type: 'string' },
      steps: { type: 'string' },
      seed: { type: 'string' },
      round: { type: 'string' },
      storage: { type: 'string' },
      place: { type: 'string' },
      replay: { type: 'string' },
      program: { type: 'string' },
      keep: { type: 'boolean' },
    },
  })
  const round = wholeNumber('round', values.round)
  const steps = wholeNumber('steps', values.steps)
  const seconds = wholeNumber('seconds', values.seconds)
  return {
    seed: wholeNumber('seed', values.seed) ?? randomInt(2 ** 31),
    seconds: seconds ?? (steps === undefined && round === undefined ? defaultSeconds : Infinity),
    steps: steps ?? Infinity,
    round,
    place: values.place ?? tmpdir(),
    replay: values.replay,
    storage: values.storage,
    program: values.program,
    keep: values.keep === true,
  }
}

function wholeNumber(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const number = Number(text)
  if (Number.isSafeInteger(number) && number >= 0) return number
  throw new Error(`--${flag} wants a whole number, not "${text}"\n${usage}`)
}
