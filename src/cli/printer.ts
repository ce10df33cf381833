import { encodeJson } from './json.ts'
import type { Terminal } from './terminal.ts'

/** 0 quiet, 1 as usual, 2 with `-v`, 3 with `-vv`. */
export type Verbosity = 0 | 1 | 2 | 3

/** Output of a command at the wanted level of detail. With JSON no plain text goes to standard output. */
export class Printer {
  readonly terminal: Terminal
  readonly verbosity: Verbosity
  readonly isJson: boolean

  constructor(terminal: Terminal, { verbosity, json }: { readonly verbosity: Verbosity; readonly json: boolean }) {
    this.terminal = terminal
    this.verbosity = verbosity
    this.isJson = json
  }

  /** What the command was asked for: printed whatever the level. */
  result(line: string): void {
    this.terminal.print(line)
  }

  /** On standard error, whatever the level. */
  error(line: string): void {
    this.terminal.printError(line)
  }

  say(line: string): void {
    this.#print(line, 1)
  }

  detail(line: string): void {
    this.#print(line, 2)
  }

  trace(line: string): void {
    this.#print(line, 3)
  }

  /** What only somebody who watches wants to know. */
  sayOnTerminal(line: string): void {
    if (this.terminal.isTerminal) this.#print(line, 1)
  }

  json(value: unknown): void {
    this.terminal.print(encodeJson(value))
  }

  jsonError(value: unknown): void {
    this.terminal.printError(encodeJson(value))
  }

  #print(line: string, level: Verbosity): void {
    if (!this.isJson && this.verbosity >= level) this.terminal.print(line)
  }
}

/** Collects lines and writes them in large pieces: a listing may have millions. */
export class LineWriter implements Disposable {
  readonly #terminal: Terminal
  #pieces: string[] = []
  #length = 0

  constructor(terminal: Terminal) {
    this.#terminal = terminal
  }

  line(text: string): void {
    this.text(`${text}\n`)
  }

  /** A part of a line. */
  text(part: string): void {
    this.#pieces.push(part)
    this.#length += part.length
    if (this.#length > 65_536) this.flush()
  }

  flush(): void {
    if (this.#pieces.length > 0) this.#terminal.write(this.#pieces.join(''))
    this.#pieces = []
    this.#length = 0
  }

  [Symbol.dispose](): void {
    this.flush()
  }
}
