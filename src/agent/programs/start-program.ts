import { spawn } from 'node:child_process'
import type { ChildProcess, StdioOptions } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Programs of the machine that the agent runs (dump tools, hooks): no shell, an environment of their own, in a group of
 * their own that can be ended as a whole, and no more of their words kept than fit into a report.
 */
export interface ProgramOrder {
  readonly program: string
  readonly args: readonly string[]
  /** Added to the few variables that every program gets. No secrets: others may see a process's environment. */
  readonly env?: Readonly<Record<string, string>>
  /** Who it runs as, when that is not who we are; needs root. */
  readonly user?: ProgramUser | undefined
  /** It is ended by the system when we are: for what must not outlive us. */
  readonly endsWithUs?: boolean
}

export interface ProgramUser {
  readonly uid: number
  readonly gid: number
}

export interface ProgramEnd {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** The last of what it printed on its standard error. */
  readonly stderr: string
}

export interface StartedProgram {
  readonly child: ChildProcess
  readonly ended: Promise<ProgramEnd>
  /** Ends it and all that it started. */
  readonly kill: () => void
}

/** Kept of what a program prints beside its data. */
const mostWords = 16 << 10
/** How long output is waited for after the end of a program that left others behind which hold its pipes. */
const afterlife = 500

const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** Starts a program; `stdio` gives its standard input and output, its standard error is kept. Rejects when it cannot be started. */
export async function startProgram(
  order: ProgramOrder,
  [stdin, stdout]: readonly ['ignore' | 'pipe', 'ignore' | 'pipe' | number],
): Promise<StartedProgram> {
  const { program, args } = asUser(order)
  const stdio: StdioOptions = [stdin, stdout, 'pipe']
  const child = spawn(program, args, {
    stdio,
    env: { PATH: path, LC_ALL: 'C.UTF-8', ...order.env },
    detached: true,
    cwd: '/',
  })
  const words = lastWords(child.stderr)
  const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
  exited.catch(() => undefined) // `spawn` below tells
  await once(child, 'spawn')
  child.on('error', () => undefined)
  const closed = once(child, 'close')
  const ended = exited.then(async ([code, signal]) => {
    await Promise.race([closed, sleep(afterlife, undefined, { ref: false })])
    child.stderr?.destroy()
    return { code, signal, stderr: words() }
  })
  return { child, ended, kill: () => killGroup(child) }
}

/** A program that ends well gives what it printed; anything else is the caller's to judge. */
export interface ProgramResult extends ProgramEnd {
  readonly stdout: string
  /** It printed more than may be kept, or ran for longer than it may, and was ended. */
  readonly cut: 'output' | 'time' | undefined
}

export interface RunOptions {
  /** In milliseconds. */
  readonly timeout: number
  /** Bytes of output from which on the program is ended. */
  readonly mostOutput?: number
  readonly input?: string
  readonly signal?: AbortSignal | undefined
}

/** Runs a program to its end. Rejects when it cannot be started, and when the signal is aborted. */
export async function runProgram(order: ProgramOrder, options: RunOptions): Promise<ProgramResult> {
  const { timeout, mostOutput = 16 << 20, input, signal } = options
  signal?.throwIfAborted()
  const started = await startProgram(order, [input === undefined ? 'ignore' : 'pipe', 'pipe'])
  let cut: ProgramResult['cut']
  const end = (why: ProgramResult['cut']) => {
    cut ??= why
    started.kill()
  }
  const printed: Buffer[] = []
  let length = 0
  started.child.stdout?.on('data', (bytes: Buffer) => {
    length += bytes.length
    if (length > mostOutput) end('output')
    else printed.push(bytes)
  })
  started.child.stdin?.on('error', () => undefined) // it may end without reading
  started.child.stdin?.end(input)
  const abort = () => started.kill()
  signal?.addEventListener('abort', abort)
  const timer = setTimeout(() => end('time'), timeout)
  try {
    const ended = await started.ended
    signal?.throwIfAborted()
    return { ...ended, stdout: Buffer.concat(printed).toString('utf8'), cut }
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', abort)
    started.child.stdout?.destroy()
    started.child.stderr?.destroy()
  }
}

function asUser({ program, args, user, endsWithUs }: ProgramOrder): { program: string; args: readonly string[] } {
  const isOther = user && user.uid !== process.getuid?.()
  const ids = isOther ? [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups', '--no-new-privs'] : []
  const flags = [...ids, ...(endsWithUs ? ['--pdeathsig=KILL'] : [])]
  return flags.length === 0 ? { program, args } : { program: 'setpriv', args: [...flags, '--', program, ...args] }
}

/** Keeps the last of what comes. */
export function lastWords(stream: Readable | null): () => string {
  let words = Buffer.alloc(0)
  stream?.on('data', (bytes: Buffer) => {
    words = Buffer.concat([words, bytes])
    if (words.length > mostWords) words = words.subarray(words.length - mostWords)
  })
  return () => words.toString('utf8')
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch {
    // It has ended, and nobody of its group is left.
  }
}
