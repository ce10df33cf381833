import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { printable } from '#base'
import type { Cancellable } from '#base'
import { CliError } from './errors.ts'

/** Commands of the user's, split into words: nothing goes through a shell. */
export interface RestCommands {
  /** Brings what writes to the volume to rest: flushes a database and holds it, say. */
  readonly rest: readonly string[]
  /** Lets it go on. */
  readonly resume: readonly string[] | undefined
}

/** A command that takes longer keeps the business waiting. */
const longest = 5 * 60_000

/**
 * Does `work` while applications are at rest. They are let go on afterwards in every case: also when bringing them to
 * rest failed half-way, when `work` failed, and when the user wants an end.
 * Throws `REST_COMMAND_FAILED`.
 */
export async function whileAtRest<Result>(
  { rest, resume }: RestCommands,
  work: () => Promise<Result>,
  { signal }: Cancellable = {},
): Promise<Result> {
  try {
    await runCommand(rest, { signal })
    return await work()
  } finally {
    if (resume) await runCommand(resume)
  }
}

async function runCommand(words: readonly string[], { signal }: Cancellable = {}): Promise<void> {
  const [program = '', ...args] = words
  const ends = AbortSignal.any([AbortSignal.timeout(longest), ...(signal ? [signal] : [])])
  const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit'], signal: ends, killSignal: 'SIGKILL' })
  try {
    const [code, killedBy] = (await once(child, 'close')) as [number | null, string | null]
    if (code !== 0) throw failed(words, code === null ? `it was ended by ${killedBy}` : `it ended with code ${code}`)
  } catch (thrown) {
    signal?.throwIfAborted()
    if (thrown instanceof CliError) throw thrown
    throw failed(words, ends.aborted ? `it took longer than ${longest / 60_000} minutes` : (thrown as Error).message)
  }
}

function failed(words: readonly string[], reason: string): CliError {
  return new CliError('REST_COMMAND_FAILED', { command: printable(words.join(' ')), reason })
}
