/** Runs a command to its end and gives what it printed: for tests that need real processes. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'

export interface RunOptions {
  readonly cwd?: string | undefined
  /** Added to the environment of the test; `undefined` takes a variable out. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined
  /** Given to the command on its standard input, which is closed after it. */
  readonly input?: string | Uint8Array | undefined
  /** The command is killed after so many milliseconds, and the call rejects. Default: a minute. */
  readonly timeout?: number | undefined
}

export interface RunResult {
  /** Exit code, or null when a signal ended it. */
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** A command that is running. Disposing of it kills it and waits for its end, so that no test leaves one behind. */
export interface RunningCommand extends AsyncDisposable {
  readonly pid: number
  kill(signal?: NodeJS.Signals): void
  /** What has been printed up to now. */
  output(): { readonly stdout: string; readonly stderr: string }
  /** Resolves when `pattern` has been printed, on either stream; rejects when the command ends without it. */
  printed(pattern: RegExp): Promise<void>
  readonly result: Promise<RunResult>
}

/** Starts a command and does not wait for it. */
export function start(command: string, args: readonly string[], options: RunOptions = {}): RunningCommand {
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const chunks = { stdout: [] as Buffer[], stderr: [] as Buffer[] }
  child.stdout.on('data', (chunk: Buffer) => chunks.stdout.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => chunks.stderr.push(chunk))
  child.stdin.on('error', () => undefined) // a command that ends before it has read everything is no error here
  child.stdin.end(options.input)

  const output = () => ({
    stdout: Buffer.concat(chunks.stdout).toString('utf8'),
    stderr: Buffer.concat(chunks.stderr).toString('utf8'),
  })
  const result = waitForEnd(child, output, { command, args, timeout: options.timeout ?? 60_000 })
  result.catch(() => undefined) // whoever awaits it sees the error; a disposed command has nobody who does

  return {
    pid: child.pid ?? -1,
    kill: (signal = 'SIGKILL') => void child.kill(signal),
    output,
    printed: (pattern) => waitForText(child, output, pattern),
    result,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL')
      await result.catch(() => undefined)
    },
  }
}

/** Runs a command to its end. An exit code other than 0 is a result, not an error. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return start(command, args, options).result
}

/** Runs a command that must succeed; the error shows what it printed. Gives its standard output. */
export async function runOk(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { code, signal, stdout, stderr } = await run(command, args, options)
  if (code === 0) return stdout
  throw new Error(`${command} ${args.join(' ')} ended with ${signal ?? code}:\n${stderr}\n${stdout}`)
}

type Child = ReturnType<typeof spawn>
type Output = RunningCommand['output']

async function waitForEnd(
  child: Child,
  output: Output,
  { command, args, timeout }: { readonly command: string; readonly args: readonly string[]; readonly timeout: number },
): Promise<RunResult> {
  let late = false
  const timer = setTimeout(() => {
    late = true
    child.kill('SIGKILL')
  }, timeout)
  try {
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
    if (!late) return { code, signal, ...output() }
    const { stdout, stderr } = output()
    throw new Error(`${command} ${args.join(' ')} did not end within ${timeout} ms:\n${stderr}\n${stdout}`)
  } finally {
    clearTimeout(timer)
  }
}

function waitForText(child: Child, output: Output, pattern: RegExp): Promise<void> {
  return new Promise((resolve, reject) => {
    const look = () => {
      const { stdout, stderr } = output()
      if (pattern.test(stdout) || pattern.test(stderr)) resolve()
    }
    child.stdout?.on('data', look)
    child.stderr?.on('data', look)
    child.once('close', () => reject(new Error(`The command ended without printing ${String(pattern)}.`)))
    look()
  })
}
