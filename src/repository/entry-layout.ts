/** How an entry of the index in memory is laid out, in 32-bit words: the blob's id, then where the blob lies. */
export const wordsPerId = 8
export const wordsPerEntry = 12
export const packWord = 8
export const offsetWord = 9
export const lengthWord = 10
export const plainWord = 11

// The pack's number shares its word with the blob's type and with "this run counts on it".
export const treeBit = 0x8000_0000
export const usedBit = 0x4000_0000
export const packMask = 0x3fff_ffff

/** Four bytes of an id as the machine's own 32-bit number (little-endian, as every machine that Node runs on here). */
export function idWord(ids: Uint8Array, at: number): number {
  return (
    ((ids[at] as number) |
      ((ids[at + 1] as number) << 8) |
      ((ids[at + 2] as number) << 16) |
      ((ids[at + 3] as number) << 24)) >>>
    0
  )
}
