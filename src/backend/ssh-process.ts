import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { accessSync, closeSync, constants, openSync, readFileSync } from 'node:fs'
import { delimiter, isAbsolute, join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { printable } from '#base'
import { BackendError } from './errors.ts'

/** A program and its arguments. */
export type Words = readonly [program: string, ...args: string[]]

/** Bytes of the program's error output that are kept: its last words. */
const mostWords = 4096
/** Lines of it that a message shows. */
const mostLines = 3
/** Milliseconds that the program has to end by itself, and then after being asked to. */
const patience = 2000

/** Ignored by the program: the first Ctrl-C is for us, and our locks are given back over its connection. */
const ignoreSignals = 'trap "" INT QUIT HUP; exec "$0" "$@"'

/** Those that run: none outlives us, also when we end in haste. */
const running = new Set<SshProcess>()

/** The system's `ssh` (or what the user has in its place) with pipes to its standard streams. */
export class SshProcess {
  readonly program: string
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>
  /** Resolves with the exit code (null: ended by a signal) when the program has ended and its last words are here. */
  readonly ended: Promise<number | null>
  #words = Buffer.alloc(0)
  #isOver = false

  constructor([program, ...args]: Words, { location }: { readonly location: string }) {
    this.program = program
    const path = findProgram(program)
    if (path === undefined) throw new BackendError('SSH_NOT_FOUND', { location, program })
    // Not in a session of its own: then it could ask nothing on the terminal.
    const [command, words] =
      process.platform === 'win32' ? [path, args] : ['/bin/sh', ['-c', ignoreSignals, path, ...args]]
    this.#child = spawn(command, words, {
      env: withoutOurs(process.env),
      stdio: ['pipe', 'pipe', 'pipe'],
      windowsHide: true,
    })
    this.#child.stderr.on('data', (chunk: Buffer) => {
      this.#words = Buffer.concat([this.#words, chunk]).subarray(-mostWords)
    })
    running.add(this)
    if (running.size === 1) process.on('exit', killAll)
    this.ended = this.#awaitEnd()
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  get input(): Writable {
    return this.#child.stdin
  }

  get output(): Readable {
    return this.#child.stdout
  }

  /** What it last said on its error output, as one line of printable text without its full stop. */
  get words(): string {
    const lines = this.rawWords.split(/[\r\n]+/).map((line) => line.trim())
    const last = lines.filter((line) => line !== '').slice(-mostLines)
    return printable(last.join('; '), 300).replace(/\.+$/, '')
  }

  /** The same as it came, for those who look for something in it. */
  get rawWords(): string {
    return this.#words.toString('utf8')
  }

  /** Lets it end in peace, what was asked of it being done; with more and more pressure if it does not. */
  async end(): Promise<void> {
    this.#child.stdin.end()
    if (!(await this.endsWithin(patience))) await this.stop()
  }

  /** Ends it now. It may hold the terminal with its echo switched off, and gets the time to switch it on. */
  async stop(): Promise<void> {
    if (!this.#isOver) this.#child.kill('SIGTERM')
    if (!(await this.endsWithin(patience))) this.kill()
    await this.ended
  }

  kill(): void {
    if (!this.#isOver) this.#child.kill('SIGKILL')
  }

  async #awaitEnd(): Promise<number | null> {
    const child = this.#child
    const code = await new Promise<number | null>((resolve) => {
      child.once('exit', resolve).once('error', () => resolve(127))
    })
    this.#isOver = true
    running.delete(this)
    if (running.size === 0) process.off('exit', killAll)
    // A master connection that it left behind may hold the pipes open for hours: its last words get a moment, no more.
    await Promise.race([new Promise((resolve) => child.once('close', resolve)), sleep(200, undefined, { ref: false })])
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy()
    return code
  }

  /** True when it ended in so many milliseconds. */
  async endsWithin(milliseconds: number): Promise<boolean> {
    const timer = new AbortController()
    const late = sleep(milliseconds, false, { signal: timer.signal }).catch(() => false)
    const inTime = await Promise.race([this.ended.then(() => true), late])
    timer.abort()
    return inTime
  }
}

function killAll(): void {
  for (const ssh of running) ssh.kill()
}

/** Passwords and the like that are meant for us are no business of other programs. */
function withoutOurs(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/^(?:UNDERSTUDY|RESTIC)_/.test(name)))
}

/** Where a program lies; one that was named without a folder is never taken from the current one. */
function findProgram(program: string): string | undefined {
  if (/[/\\]/.test(program)) return isProgram(program) ? program : undefined
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => isAbsolute(folder))
  const ends = process.platform === 'win32' ? ['.exe', '.com', ''] : ['']
  return folders.flatMap((folder) => ends.map((end) => join(folder, program + end))).find(isProgram)
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** True when a person at a terminal can answer what a program asks there. */
export function canAsk(): boolean {
  if (process.platform === 'win32') return process.stdin.isTTY && process.stderr.isTTY
  try {
    closeSync(openSync('/dev/tty', 'r+'))
    return process.platform !== 'linux' || isInForeground(readFileSync('/proc/self/stat', 'latin1'))
  } catch {
    return false
  }
}

/** In the background a question stops the whole job. `stat` as in proc(5): … ) state ppid pgrp session tty_nr tpgid … */
function isInForeground(stat: string): boolean {
  const [, , pgrp, , , tpgid] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return pgrp === tpgid
}
