/**
 * What the two sides of a fetch share. A thread that stores files reads them synchronously; the network is not synchronous.
 * So each of them starts a thread of its own that fetches (`neighbour-fetch.ts`), and waits on shared memory
 * (`blocking-fetch.ts`), with a limit: a machine that hangs must not hang a backup.
 */

/** Bytes that may be fetched ahead; a power of two, because the places wrap around. */
export const ringBytes = 1 << 20

/** Places in the shared counters. */
export const at = {
  /** Grows with everything that happens; the reading side waits for it to change. */
  events: 0,
  /** Bytes put into the ring, and taken out of it; both wrap around. */
  written: 1,
  taken: 2,
  /** One of `bodyState`. */
  state: 3,
} as const

export const bodyState = { flowing: 0, ended: 1, broken: 2 } as const

export interface FetchShared {
  readonly socket: string
  readonly counters: Int32Array
  readonly ring: Uint8Array
  readonly port: import('node:worker_threads').MessagePort
}

export type FetchOrder =
  | { readonly do: 'open'; readonly id: number; readonly path: string }
  | { readonly do: 'stat'; readonly id: number; readonly fs: string; readonly path: string }
  /** Ends the content that flows, if any. */
  | { readonly do: 'close' }

export type FetchAnswer =
  | {
      readonly id: number
      readonly opened: { readonly size: number | undefined; readonly modified: number | undefined }
    }
  | { readonly id: number; readonly item: unknown }
  | { readonly id: number; readonly failed: { readonly status: number; readonly reason: string } }
