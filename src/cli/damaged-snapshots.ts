import { messageOf } from '#base'
import { CliError } from './errors.ts'
import type { Printer } from './printer.ts'

/** The snapshots that cannot be read: a command does its work on the others, and says at its end that it is not all. */
export class DamagedSnapshots {
  readonly #printer: Printer
  #count = 0

  constructor(printer: Printer) {
    this.#printer = printer
  }

  get count(): number {
    return this.#count
  }

  /** For `onDamaged` of what loads snapshots. */
  readonly passOver = (_id: string, error: Error): void => {
    this.#count++
    this.#printer.error(`error: ${messageOf(error)}`)
  }

  /** Throws `SNAPSHOTS_DAMAGED`. */
  throwIfAny(): void {
    if (this.#count > 0) throw new CliError('SNAPSHOTS_DAMAGED', { count: this.#count })
  }
}
