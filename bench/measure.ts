import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** One run of a whole process. */
export interface Reading {
  readonly seconds: number
  /** Peak resident memory in MB; undefined where the system does not tell. */
  readonly peakMb: number | undefined
}

/** Runs a command to its end, as a user would, and measures it from outside. Throws when it fails. */
export async function measure(command: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<Reading> {
  const start = performance.now()
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'inherit'] })
  let peak: number | undefined
  const look = setInterval(() => {
    peak = peakOf(child.pid) ?? peak
  }, 10)
  const code = await new Promise<number | null>((resolve, reject) => child.on('close', resolve).on('error', reject))
  clearInterval(look)
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}`)
  return { seconds: (performance.now() - start) / 1000, peakMb: peak }
}

/** The high-water mark that the kernel keeps, so that looking from time to time misses little (proc(5): VmHWM). */
function peakOf(pid: number | undefined): number | undefined {
  try {
    const line = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))
    return line ? Math.round(Number(line[1]) / 1000) : undefined
  } catch {
    return undefined
  }
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2
}
