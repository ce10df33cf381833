import { createRequire } from 'node:module'
import { setFlagsFromString } from 'node:v8'

/**
 * How this process asks the system for memory. What it reads and writes lives for a moment; left alone, V8 and the C library
 * keep several times of what is in use at once (docs/performance.md has the figures).
 */

/**
 * To be called before anything else: given on the command line this would cost a second start. V8 gives every thread up to
 * 32 MiB for young objects; it starts with 2 MiB, which serve as well. And it lets old ones pile up to several times of what
 * is in use before it looks which are garbage.
 */
export function keepGarbageSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1')
  setFlagsFromString('--heap-growing-percent=40')
}

/** mallopt(3). */
const mmapThreshold = -3
const arenaMax = -8

/**
 * To be called before threads are started. Buffers get memory of their own that goes back to the system with them: the C
 * library would otherwise learn, from the first that is freed, to keep all that are smaller than 32 MiB.
 */
export function returnFreedMemory(): void {
  if (process.platform !== 'linux') return
  try {
    const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi')
    const mallopt = koffi.load('libc.so.6').func('int mallopt(int, int)') as unknown as (
      option: number,
      value: number,
    ) => number
    mallopt(mmapThreshold, 256 << 10)
    mallopt(arenaMax, 2)
  } catch {
    // another C library: it works the same, with more memory
  }
}
