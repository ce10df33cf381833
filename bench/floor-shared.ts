/** What the threads of `floor.ts` share. */
export interface FloorShared {
  readonly state: SharedArrayBuffer
  /** Two packs for each thread that fills them. */
  readonly buffers: readonly SharedArrayBuffer[]
}

/** Fields of `state`; from `lengths` on, one for each buffer: bytes that wait to be written, 0 for a free buffer. */
export const field = { next: 0, bell: 1, finished: 2, lengths: 3 } as const

export const packBytes = 16 << 20
/** restic's average chunk. */
export const largestBlob = 1 << 20
/** zstd needs some bytes more than it is given when nothing compresses. */
export const packRoom = packBytes + 2 * largestBlob + 4096

export function createShared(threads: number): FloorShared {
  const buffers = Array.from({ length: threads * 2 }, () => new SharedArrayBuffer(packRoom))
  return { state: new SharedArrayBuffer((field.lengths + buffers.length) * 4), buffers }
}

/** Forgets the numbers that an earlier run gave out. */
export function restart({ state }: FloorShared): void {
  new Int32Array(state).fill(0)
}
