import { availableParallelism } from 'node:os'

/** More threads than this wait for each other and for the disk, and each has buffers of its own. */
const most = 16

/** Threads that read, hash, compress and seal: one for each core. */
export function defaultThreads(): number {
  return Math.max(1, Math.min(most, availableParallelism()))
}
