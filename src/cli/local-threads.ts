import { availableParallelism } from 'node:os'
import type { WarmThreads } from '#base'
import { warmThreads } from '#repository'
import { returnFreedMemory } from './frugal-memory.ts'

/** More threads than this wait for each other and for the disk, and each has buffers of its own. */
const most = 16

/** Threads that read, hash, compress and seal: one for each core. */
export function defaultThreads(): number {
  return Math.max(1, Math.min(most, availableParallelism()))
}

/** Starts them while the key is still being derived; `preload` are modules that they will need. */
export function startThreads(threads: number = defaultThreads(), preload: readonly URL[] = []): WarmThreads {
  returnFreedMemory()
  return warmThreads(threads, preload)
}
