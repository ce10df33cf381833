import { CliError } from './errors.ts'
import { printLastWord } from './terminal.ts'

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Exit code of a program that was interrupted. */
const interruptedExitCode = 130

/**
 * Turns the first signal into an orderly end: `signal` aborts, everything under way is given up, locks are removed.
 * The second ends the process at once.
 */
export class Interruption implements Disposable {
  readonly #controller = new AbortController()
  #isExpected = false
  readonly #listener: (name: NodeJS.Signals) => void

  constructor(onFirst: (name: NodeJS.Signals) => void = () => undefined) {
    this.#listener = (name) => {
      if (this.#controller.signal.aborted) {
        printLastWord('Interrupted again: ending at once.')
        process.exit(interruptedExitCode)
      }
      onFirst(name)
      this.#controller.abort(new CliError('INTERRUPTED', { signal: name }))
    }
    for (const name of signals) process.on(name, this.#listener)
  }

  /** The command runs until it is told to end: that is no failure. Anything else that goes wrong still is. */
  expectSignal(): void {
    this.#isExpected = true
  }

  /** Throws the reason of an end that was not expected. */
  throwIfCutOff(): void {
    if (!this.#isExpected) this.#controller.signal.throwIfAborted()
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Ends the command for another reason than a signal. */
  abort(reason: Error): void {
    if (!this.#controller.signal.aborted) this.#controller.abort(reason)
  }

  [Symbol.dispose](): void {
    for (const name of signals) process.off(name, this.#listener)
  }
}
