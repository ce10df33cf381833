import type { Clock } from '#base'
import { limitAt, restNow } from '#policy'
import type { BackupPolicy } from '#policy'
import { askPowerAndLine } from './power-and-line.ts'

/** Says once of each policy why it rests, or what of that cannot be known here. */
export class Rests {
  readonly #clock: Clock
  readonly #ask: typeof askPowerAndLine
  readonly #say: (sentence: string) => void
  readonly #said = new Map<string, string>()

  constructor(clock: Clock, ask: typeof askPowerAndLine | undefined, say: (sentence: string) => void) {
    this.#clock = clock
    this.#ask = ask ?? askPowerAndLine
    this.#say = say
  }

  /** Whether the policy wants no backup to begin now: the run stays due. */
  async holds({ name, limits = {}, rest = {}, when: { timeZone } }: BackupPolicy, now: number): Promise<boolean> {
    if (limitAt(limits, now, timeZone).upload === 0) return true
    const { batteryBelow, onMeteredLine = false } = rest
    const known = await this.#ask({ battery: batteryBelow !== undefined, line: onMeteredLine, clock: this.#clock })
    const resting = restNow(rest, { now, timeZone, ...known })
    // What cannot be known is no reason to rest; but nobody should believe that it was looked at.
    const told = resting?.because ?? known.unknown.map((what) => `This machine cannot tell ${what}.`).join(' ')
    if (told !== '' && this.#said.get(name) !== told) this.#say(`"${name}": ${told}`)
    this.#said.set(name, told)
    return resting !== undefined
  }
}
