import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Reading } from './figures.ts'

/** A command line, as a user would type it. */
export interface Command {
  readonly command: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
}

const gnuTime = '/usr/bin/time'
/** Milliseconds between two looks at the memory of a tree of processes. */
const lookEvery = 10

/**
 * Runs a command to its end and measures it from outside; throws, with what it printed, when it fails.
 *
 * Peak memory: the kernel's own high-water mark of each process (VmHWM), summed over the processes that live at the same
 * time, looked at every 10 ms; and, where GNU time is installed, the mark that the kernel reports at the process's end
 * (wait4), which misses nothing. GNU time also gives the processor time.
 */
export async function measure(command: Command): Promise<Reading> {
  const folder = mkdtempSync(join(tmpdir(), 'understudy-bench-'))
  try {
    const report = join(folder, 'time')
    const isTimed = existsSync(gnuTime)
    const start = performance.now()
    const treePeak = isTimed ? await run(timed(command, report), childrenMemory) : await run(command, treeMemory)
    const seconds = (performance.now() - start) / 1000
    if (!isTimed) return { seconds, peakMb: toMb(treePeak) }
    const { cpuSeconds, peakKib } = parseTimeReport(readFileSync(report, 'utf8'))
    return { seconds, cpuSeconds, peakMb: toMb(Math.max(treePeak, peakKib)) }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Several commands that are one work: seconds add up, the peak is the highest. */
export function combine(readings: readonly Reading[]): Reading {
  const sum = (pick: (reading: Reading) => number | undefined) =>
    readings.reduce((total, reading) => total + (pick(reading) ?? 0), 0)
  return {
    seconds: sum(({ seconds }) => seconds),
    cpuSeconds: sum(({ cpuSeconds }) => cpuSeconds),
    peakMb: Math.max(...readings.map(({ peakMb }) => peakMb ?? 0)),
  }
}

/** Reads what GNU time wrote with the format `%U %S %M`. */
export function parseTimeReport(text: string): { readonly cpuSeconds: number; readonly peakKib: number } {
  const [user, system, peakKib] = (text.trim().split('\n').at(-1) ?? '').split(' ').map(Number)
  return { cpuSeconds: (user ?? 0) + (system ?? 0), peakKib: peakKib ?? 0 }
}

/** Bytes of all files below a folder. */
export function folderBytes(folder: string): number {
  let bytes = 0
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += statSync(join(entry.parentPath, entry.name)).size
  }
  return bytes
}

function timed({ command, args, ...rest }: Command, report: string): Command {
  return { command: gnuTime, args: ['-f', '%U %S %M', '-o', report, command, ...args], ...rest }
}

/** Runs to the end and gives the peak of the whole tree of processes, in KiB. */
async function run({ command, args, env, cwd }: Command, memoryOf: (pid: number) => number): Promise<number> {
  const child = spawn(command, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(cwd !== undefined && { cwd }),
  })
  const words: Buffer[] = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes: Buffer) => void words.push(bytes))
  let peak = 0
  const look = setInterval(() => {
    peak = Math.max(peak, memoryOf(child.pid ?? 0))
  }, lookEvery)
  try {
    const code = await new Promise<number | null>((resolve, reject) => child.on('close', resolve).on('error', reject))
    if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${tail(words)}`)
    return peak
  } finally {
    clearInterval(look)
  }
}

function tail(words: readonly Buffer[]): string {
  return Buffer.concat(words).toString('utf8').slice(-4000)
}

/** High-water marks of a process and all that it started, in KiB; 0 when it is gone, or the system has no /proc. */
function treeMemory(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1')
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) + childrenMemory(pid)
  } catch {
    return 0
  }
}

/** The same without the process itself. */
function childrenMemory(pid: number): number {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean)
    return children.reduce((sum, child) => sum + treeMemory(Number(child)), 0)
  } catch {
    return 0
  }
}

function toMb(kib: number): number {
  return Math.round((kib * 1024) / 1e6)
}
