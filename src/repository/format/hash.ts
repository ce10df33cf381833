import { createHash, hash } from 'node:crypto'

/** SHA-256: the id of every blob and the name of every file. */
export interface Hasher {
  /** Writes the 32 bytes of the hash of `bytes` at `outOffset` of `out`. */
  sha256(bytes: Uint8Array, out: Uint8Array, outOffset?: number): void
  /** Starts a hash that is fed piece by piece (a pack that is being filled). Any number may be under way. */
  start(): RunningHash
}

export interface RunningHash {
  update(bytes: Uint8Array): void
  /** Writes the 32 bytes; the hash cannot be fed further. */
  finish(out: Uint8Array, outOffset?: number): void
}

export const hashLength = 32

/** `Hasher.sha256` of the reference, for places that hash little. */
export function sha256(bytes: Uint8Array, out: Uint8Array, outOffset = 0): void {
  checkRoom(out, outOffset)
  out.set(hash('sha256', bytes, 'buffer'), outOffset)
}

/** `Hasher` from `node:crypto`. */
export const referenceHasher: Hasher = {
  sha256,
  start() {
    const running = createHash('sha256')
    return {
      update: (bytes) => void running.update(bytes),
      finish(out, outOffset = 0) {
        checkRoom(out, outOffset)
        out.set(running.digest(), outOffset)
      },
    }
  },
}

/** Throws unless 32 bytes fit at `outOffset`. */
export function checkRoom(out: Uint8Array, outOffset: number): void {
  if (outOffset < 0 || outOffset + hashLength > out.length) throw new RangeError('no room for the hash')
}
