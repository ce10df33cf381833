import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** One call of a program, as a value: what a plan is made of, what a test compares. */
export interface VolumeCommand {
  readonly program: string
  readonly args: readonly string[]
}

/** Runs a command to its end and gives what it printed; throws when it fails. */
export type RunCommand = (command: VolumeCommand) => Promise<string>

/** A volume manager that waits for a lock or a dead disk must not hold a backup for ever. */
const longest = 120_000

export const runCommand: RunCommand = async ({ program, args }) => {
  // A session of its own: Ctrl-C in the terminal must not end the command that takes the snapshot away again.
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    env: { ...process.env, LC_ALL: 'C' },
  })
  const printed: Buffer[] = []
  const complaints: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => printed.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => complaints.push(chunk))
  const timer = setTimeout(() => child.kill('SIGKILL'), longest)
  try {
    const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
    if (code === 0) return Buffer.concat(printed).toString('utf8')
    const complaint = Buffer.concat(complaints).toString('utf8').trim()
    throw new Error(`${program} ${args[0] ?? ''} ended with ${signal ?? code}: ${complaint}`)
  } finally {
    clearTimeout(timer)
  }
}
