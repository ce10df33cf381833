import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import type { Cancellable } from '#base'
import { startProgram } from '../programs/start-program.ts'

/** The program itself, as a child: a backup that fails, or takes all memory, does not take the agent with it. */
export interface OwnProgram {
  /** Node and the program's entry. */
  readonly command: readonly [string, ...string[]]
}

export interface ProgramOutcome {
  readonly code: number | null
  /** The last message of the kind `summary`. */
  readonly summary: Readonly<Record<string, unknown>> | undefined
  /** The last message of the kind `exit_error`. */
  readonly failure: { readonly message: string; readonly code: string } | undefined
  /** The last of what it printed on its standard error. */
  readonly words: string
}

/** A message of the program, by its `message_type`. */
export type Message = Readonly<Record<string, unknown>>

/**
 * Runs a command with `--json` and reads its messages. When the signal aborts it is asked to end, and does so in order:
 * locks are given back. Secrets go in files that only we may read, never in the command line or the environment.
 */
export async function runOwnProgram(
  { command }: OwnProgram,
  args: readonly string[],
  {
    signal,
    onStatus,
    onMessage,
  }: Cancellable & {
    readonly onStatus?: (status: Message) => void
    /** Told of what is neither progress, nor the summary, nor why it failed. */
    readonly onMessage?: (message: Message) => void
  },
): Promise<ProgramOutcome> {
  signal?.throwIfAborted()
  const [program, ...entry] = command
  const order = { program, args: [...entry, '--json', ...args], endsWithUs: true }
  const { child, ended } = await startProgram(order, ['ignore', 'pipe'])
  const stop = () => void child.kill('SIGTERM')
  // It may have been aborted while the program was started.
  if (signal?.aborted === true) stop()
  else signal?.addEventListener('abort', stop, { once: true })
  let summary: Message | undefined
  let failure: ProgramOutcome['failure']
  const take = (line: string) => {
    const message = parse(line)
    if (message?.['message_type'] === 'status') onStatus?.(message)
    else if (message?.['message_type'] === 'summary') summary = message
    else if (message?.['message_type'] === 'exit_error') failure = failureIn(message)
    else if (message) onMessage?.(message)
  }
  try {
    for await (const line of createInterface({ input: child.stdout as Readable })) take(line)
    const { code, stderr } = await ended
    for (const line of stderr.split('\n')) take(line)
    return { code, summary, failure, words: stderr }
  } finally {
    signal?.removeEventListener('abort', stop)
  }
}

function parse(line: string): Message | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null ? (value as Message) : undefined
  } catch {
    return undefined
  }
}

function failureIn(message: Message): ProgramOutcome['failure'] {
  return { message: String(message['message']).replace(/^(Fatal|Warning): /, ''), code: String(message['error']) }
}
