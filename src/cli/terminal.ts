import { writeSync } from 'node:fs'
import { hasCode } from '#base'
import { standardOutput } from './whole-file-output.ts'
import { truncate } from './width.ts'

/** The part of a stream that we use, so that tests can look on. */
export interface Output {
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
  write(text: string | Uint8Array, done?: (error?: Error | null) => void): boolean
  on(event: 'error', listener: (error: Error) => void): unknown
}

const lineUp = '\u001b[1A'
const clearLine = '\r\u001b[2K'

/** Standard output and error, and on a terminal one block of live lines at the bottom that messages do not disturb. */
export class Terminal {
  readonly #out: Output
  readonly #err: Output
  /** Lines of the block that are on the screen. */
  #shown: readonly string[] = []
  #onClosed: () => void = () => undefined
  #outputFailure: Error | undefined

  constructor(out: Output = standardOutput(), err: Output = process.stderr) {
    this.#out = out
    this.#err = err
    // A reader that went away (`| head`) is no failure of ours. EIO: the terminal itself is gone.
    out.on('error', (error) => {
      if (hasCode(error, 'EPIPE') || hasCode(error, 'EIO')) this.#onClosed()
      else this.#outputFailure ??= error
    })
    err.on('error', () => undefined)
  }

  /** Why standard output did not take everything that was printed, a full disk say. */
  get outputFailure(): Error | undefined {
    return this.#outputFailure
  }

  get isTerminal(): boolean {
    return this.#out.isTTY === true
  }

  /** Cells of a line, where there is a screen. */
  get columns(): number | undefined {
    return this.isTerminal ? this.#out.columns : undefined
  }

  /** True when the block can be drawn again in its place. */
  get canUpdate(): boolean {
    return this.isTerminal && process.env.TERM !== 'dumb'
  }

  /** What to do when nobody reads standard output any more. */
  onClosed(listener: () => void): void {
    this.#onClosed = listener
  }

  /** Writes to standard output: text with its line ends, or bytes. */
  write(text: string | Uint8Array): void {
    this.#above(() => this.#out.write(text))
  }

  /** Writes bytes to standard output and waits until they have left this process: for more than memory holds. */
  async writeThrough(bytes: Uint8Array): Promise<void> {
    const error = await new Promise<Error | null | undefined>((done) => this.#out.write(bytes, done))
    if (error) throw error
  }

  print(line: string): void {
    this.write(`${line}\n`)
  }

  printError(line: string): void {
    this.#above(() => this.#err.write(`${line}\n`))
  }

  /** Draws the live block anew; without lines it is gone. */
  setStatus(lines: readonly string[]): void {
    if (!this.canUpdate) return
    const width = Math.max(10, (this.#out.columns || 80) - 1)
    const cut = lines.map((line) => truncate(line, width))
    if (cut.length === 0 && this.#shown.length === 0) return
    this.#out.write(this.#erasure() + cut.join('\n'))
    this.#shown = cut
  }

  /** Resolves when everything that was written has left this process. */
  async flush(): Promise<void> {
    this.setStatus([])
    await Promise.all(
      [this.#out, this.#err].map((output) => new Promise<void>((done) => output.write('', () => done()))),
    )
    // A write that failed is told to its callback first, and to the listener for errors after it.
    await new Promise(setImmediate)
  }

  #above(write: () => void): void {
    const lines = this.#shown
    if (lines.length > 0) {
      this.#out.write(this.#erasure())
      this.#shown = []
    }
    write()
    if (lines.length > 0) this.setStatus(lines)
  }

  #erasure(): string {
    if (this.#shown.length === 0) return ''
    return clearLine + (lineUp + clearLine).repeat(this.#shown.length - 1)
  }
}

/** Says a last word when there is no time for streams. */
export function printLastWord(line: string): void {
  try {
    writeSync(2, `${line}\n`)
  } catch {
    // nobody is there to read it
  }
}
