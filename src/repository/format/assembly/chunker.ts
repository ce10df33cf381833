// The inner loop of the chunker, in AssemblyScript; `node scripts/build-wasm.ts` makes ../chunker.wasm of it.
//
// A digest is the Rabin fingerprint of the last 64 bytes: the remainder of these bytes, taken as a polynomial over GF(2),
// divided by the repository's polynomial of degree 53 (restic's chunker: chunker.go). As it depends on 64 bytes only, a
// range can be scanned from several positions at once; four such lanes keep the processor busy while each waits for its
// table. The memory belongs to the caller: two tables at its start, the bytes to scan after them.

/** `reduction[b]`: takes the 8 bits above the degree out of a shifted digest, and adds what they leave as remainder. */
const reduction: usize = 0
/** `leaving[b]`: what a byte contributes 64 bytes later, just when it leaves the window. */
const leaving: usize = 2048

const degree: u64 = 53
const windowLength: usize = 64
/** A cut is where these bits of the digest are all zero: on average every MiB. */
const splitMask: u32 = 0xfffff
/** Bytes that a lane scans before the lanes move on. Not a multiple of 4096, which would crowd one set of the cache. */
const stride: usize = 8512

/** Fills the tables. `polynomial` has degree 53. */
export function prepare(polynomial: u64): void {
  for (let byte: u64 = 0; byte < 256; byte++) {
    const shifted = byte << degree
    store<u64>(reduction + (<usize>byte << 3), remainder(shifted, polynomial) | shifted)
  }
  for (let byte: u64 = 0; byte < 256; byte++) {
    let digest = byte
    for (let i: usize = 0; i < windowLength; i++) digest = append(digest, 0)
    store<u64>(leaving + (<usize>byte << 3), digest)
  }
}

/**
 * The first position p with `from < p <= end` at which the digest of the 64 bytes before p asks for a cut, or 0.
 * The 64 bytes before `from` must be there.
 */
export function scan(from: usize, end: usize): usize {
  let p = from
  while (p + 4 * stride <= end) {
    const cut = scanLanes(p)
    if (cut != 0) return cut
    p += 4 * stride
  }
  let digest = digestBefore(p)
  while (p < end) {
    digest = roll(digest, load<u8>(p), load<u8>(p - windowLength))
    p++
    if (isCut(digest)) return p
  }
  return 0
}

/** As `scan`, for the `4 * stride` bytes after `from`. */
function scanLanes(from: usize): usize {
  let a = digestBefore(from)
  let b = digestBefore(from + stride)
  let c = digestBefore(from + 2 * stride)
  let d = digestBefore(from + 3 * stride)
  // A cut of a later lane counts only when the lanes before it end without one.
  let cutB: usize = 0
  let cutC: usize = 0
  let cutD: usize = 0
  for (let p = from, end = from + stride; p < end; p++) {
    a = roll(a, load<u8>(p), load<u8>(p - windowLength))
    b = roll(b, load<u8>(p, stride), load<u8>(p - windowLength, stride))
    c = roll(c, load<u8>(p, 2 * stride), load<u8>(p - windowLength, 2 * stride))
    d = roll(d, load<u8>(p, 3 * stride), load<u8>(p - windowLength, 3 * stride))
    if (isCut(a)) return p + 1
    if (isCut(b) && cutB == 0) cutB = p + 1 + stride
    if (isCut(c) && cutC == 0) cutC = p + 1 + 2 * stride
    if (isCut(d) && cutD == 0) cutD = p + 1 + 3 * stride
  }
  return cutB != 0 ? cutB : cutC != 0 ? cutC : cutD
}

/** Moves the window on by a byte: `entering` comes in, `left` (64 bytes before it) goes out. */
// @ts-ignore: decorator
@inline
function roll(digest: u64, entering: u64, left: usize): u64 {
  const added = ((digest << 8) | entering) ^ load<u64>(left << 3, leaving)
  return added ^ load<u64>(<usize>(digest >> (degree - 11)) & 0x7f8, reduction)
}

/** Adds a byte without letting one leave. */
// @ts-ignore: decorator
@inline
function append(digest: u64, byte: u64): u64 {
  return ((digest << 8) | byte) ^ load<u64>(<usize>(digest >> (degree - 11)) & 0x7f8, reduction)
}

function digestBefore(position: usize): u64 {
  let digest: u64 = 0
  for (let p = position - windowLength; p < position; p++) digest = append(digest, load<u8>(p))
  return digest
}

// @ts-ignore: decorator
@inline
function isCut(digest: u64): bool {
  return (<u32>digest & splitMask) == 0
}

function remainder(value: u64, polynomial: u64): u64 {
  for (let bit: u64 = 63; bit >= degree; bit--) {
    if (((value >> bit) & 1) != 0) value ^= polynomial << (bit - degree)
  }
  return value
}
