import { readFileSync } from 'node:fs'

/** What the kernel knows of another process (Linux). */

/** MB (millions of bytes) of memory at its most. */
export function peakOf(pid: number): number {
  const [, kibibytes = 'NaN'] = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return (Number(kibibytes) * 1024) / 1e6
}

/** Seconds of processor time of all its threads since it began, user and system. */
export function processorSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / 100
}
