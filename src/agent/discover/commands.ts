import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** Runs a tool of the machine's; what it printed, or undefined when it is not there, fails, or does not end in time. */
export type RunTool = (program: string, args: readonly string[]) => Promise<string | undefined>

/** What is read of a tool that talks without end. */
const longestOutput = 8 << 20

/** For a machine that is looked at from elsewhere: its tools would tell of this one. */
export const runNothing: RunTool = () => Promise.resolve(undefined)

/** `milliseconds`: how long a tool may take. */
export function toolRunner(milliseconds: number): RunTool {
  return async (program, args) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'], env: { ...process.env, LC_ALL: 'C' } })
    const timer = setTimeout(() => child.kill('SIGKILL'), milliseconds)
    const chunks: Buffer[] = []
    let length = 0
    child.stdout.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      length += chunk.length
      if (length > longestOutput) child.kill('SIGKILL')
    })
    try {
      const [code] = (await once(child, 'close')) as [number | null]
      return code === 0 ? Buffer.concat(chunks).toString('utf8') : undefined
    } catch {
      return undefined // it is not on this machine
    } finally {
      clearTimeout(timer)
    }
  }
}
