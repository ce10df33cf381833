import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Cancellable } from '#base'

export interface ResticRun {
  readonly code: number
  readonly output: string
}

/** What the installed restic says of its version, or undefined when there is none. */
export async function resticVersion(): Promise<string | undefined> {
  try {
    const { code, output } = await runRestic(['version'], {})
    return code === 0 ? /^restic (\S+)/.exec(output)?.[1] : undefined
  } catch {
    return undefined
  }
}

/** Runs restic; the password travels in its environment, never in its arguments. */
export async function runRestic(
  args: readonly string[],
  { password, signal }: { readonly password?: string } & Cancellable,
): Promise<ResticRun> {
  const env = { ...process.env, ...(password !== undefined && { RESTIC_PASSWORD: password }) }
  const child = spawn('restic', args, { env, stdio: ['ignore', 'pipe', 'pipe'], ...(signal && { signal }) })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code: code ?? 1, output }
}
