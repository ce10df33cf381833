import { hashLength, type Hasher } from './hash.ts'

/**
 * Hashes two messages at the same time in one thread. A processor that has instructions for SHA-256 waits half of the time
 * for their results, and in that time does the other message's: 1.7 GB/s become 3.0.
 */
export interface PairHasher {
  /**
   * Begins a message that is hashed beside others, as far as these go: `length` bytes from the start of `bytes`, followed
   * by `paddingRoom` bytes that are overwritten. Both are held until `finishLong`.
   */
  beginLong(bytes: Buffer, length: number): void
  /** Ends that message and writes its hash at the start of `out`. */
  finishLong(out: Uint8Array): void
  /** Hashes messages that lie in `bytes`, and writes their hashes one after the other into `out`. */
  hashAll(bytes: Buffer, messages: readonly Span[], out: Uint8Array): void
}

/** A message: `paddingRoom` bytes behind it are overwritten. */
export interface Span {
  readonly offset: number
  readonly length: number
}

const blockLength = 64
/** A one, zeros up to the end of a block, and the length as 64 bits (FIPS 180-4, 5.1.1): never more than this. */
export const paddingRoom = blockLength + 9

/** One after the other, where the processor or the Node binary has no better way. */
export class SerialPairHasher implements PairHasher {
  readonly #hasher: Hasher
  #long: Buffer = Buffer.alloc(0)

  constructor(hasher: Hasher) {
    this.#hasher = hasher
  }

  beginLong(bytes: Buffer, length: number): void {
    this.#long = bytes.subarray(0, length)
  }

  finishLong(out: Uint8Array): void {
    this.#hasher.sha256(this.#long, out)
    this.#long = Buffer.alloc(0)
  }

  hashAll(bytes: Buffer, messages: readonly Span[], out: Uint8Array): void {
    messages.forEach(({ offset, length }, i) =>
      this.#hasher.sha256(bytes.subarray(offset, offset + length), out, i * hashLength),
    )
  }
}

/** What OpenSSL's `sha256_multi_block` is called with, and how an address is found (crypto/sha/asm/sha256-mb-x86_64.pl). */
export interface MultiBlock {
  /** `lanes` has an address and a number of blocks for each of four messages; their states are in `states`, by word. */
  readonly run: (states: Uint8Array, lanes: Uint8Array, groupsOfFour: 1) => void
  readonly addressOf: (bytes: Uint8Array) => bigint
}

const initialState = [
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
] as const
/** The states of eight messages side by side: word 0 of each, word 1 of each… */
const stateStride = 8
/** 32-bit words for each lane: address low, address high, blocks, nothing. */
const laneStride = 4
const lanesInGroup = 4

/** A message in one of the lanes: where the rest of it lies. */
interface Lane {
  address: number
  blocks: number
  /** Where its hash goes. */
  out: Uint8Array | undefined
  outOffset: number
}

export class MultiBlockHasher implements PairHasher {
  readonly #multiBlock: MultiBlock
  readonly #states = new Uint32Array(stateStride * initialState.length)
  readonly #statesBytes = bytesOf(this.#states)
  readonly #descriptors = new Uint32Array(lanesInGroup * laneStride)
  readonly #descriptorsBytes = bytesOf(this.#descriptors)
  readonly #lanes: readonly [Lane, Lane] = [emptyLane(), emptyLane()]
  /** Keeps the memory of the long message from being collected while only its address is known. */
  #long: { readonly bytes: Buffer; readonly out: Buffer } | undefined

  constructor(multiBlock: MultiBlock) {
    this.#multiBlock = multiBlock
  }

  beginLong(bytes: Buffer, length: number): void {
    this.#long = { bytes, out: Buffer.alloc(hashLength) }
    this.#enter(0, this.#addressOf(bytes), pad(bytes, 0, length), this.#long.out, 0)
  }

  finishLong(out: Uint8Array): void {
    if (!this.#long) throw new Error('there is no long message')
    while (this.#lanes[0].blocks > 0) this.#advance()
    out.set(this.#long.out)
    this.#long = undefined
  }

  hashAll(bytes: Buffer, messages: readonly Span[], out: Uint8Array): void {
    if (messages.length === 0) return
    if (out.length < messages.length * hashLength) throw new RangeError('no room for the hashes')
    const start = this.#addressOf(bytes)
    const longFirst = this.#long !== undefined && this.#lanes[0].blocks > 0
    let next = 0
    for (;;) {
      for (const lane of [0, 1] as const) {
        if (this.#lanes[lane].blocks > 0 || next === messages.length) continue
        const { offset, length } = messages[next] as Span
        this.#enter(lane, start + offset, pad(bytes, offset, length), out, hashLength * next++)
      }
      // The long message only fills the lane beside others: its end comes with `finishLong`.
      const isLongAlone = longFirst && this.#lanes[0].out === this.#long?.out && this.#lanes[1].blocks === 0
      if (isLongAlone || (this.#lanes[0].blocks === 0 && this.#lanes[1].blocks === 0)) return
      this.#advance()
    }
  }

  /** As far as both lanes go; at least one is not empty. */
  #advance(): void {
    const [first, second] = this.#lanes
    const blocks = Math.min(first.blocks || second.blocks, second.blocks || first.blocks)
    this.#describe(0, blocks)
    this.#describe(1, blocks)
    this.#multiBlock.run(this.#statesBytes, this.#descriptorsBytes, 1)
    this.#leaveIfDone(0, blocks)
    this.#leaveIfDone(1, blocks)
  }

  #enter(number: 0 | 1, address: number, blocks: number, out: Uint8Array, outOffset: number): void {
    Object.assign(this.#lanes[number], { address, blocks, out, outOffset })
    for (let word = 0; word < initialState.length; word++) {
      this.#states[word * stateStride + number] = initialState[word] as number
    }
  }

  #describe(number: 0 | 1, blocks: number): void {
    const { address, blocks: left } = this.#lanes[number]
    const at = number * laneStride
    const high = Math.floor(address / 2 ** 32)
    this.#descriptors[at] = address - high * 2 ** 32
    this.#descriptors[at + 1] = high
    this.#descriptors[at + 2] = left > 0 ? blocks : 0
  }

  #leaveIfDone(number: 0 | 1, blocks: number): void {
    const lane = this.#lanes[number]
    if (lane.blocks === 0) return
    lane.address += blocks * blockLength
    lane.blocks -= blocks
    if (lane.blocks > 0 || !lane.out) return
    for (let word = 0; word < initialState.length; word++) {
      const value = this.#states[word * stateStride + number] as number
      const at = lane.outOffset + word * 4
      lane.out[at] = value >>> 24
      lane.out[at + 1] = value >>> 16
      lane.out[at + 2] = value >>> 8
      lane.out[at + 3] = value
    }
  }

  #addressOf(bytes: Buffer): number {
    return Number(this.#multiBlock.addressOf(bytes))
  }
}

function emptyLane(): Lane {
  return { address: 0, blocks: 0, out: undefined, outOffset: 0 }
}

function bytesOf(words: Uint32Array): Uint8Array {
  return new Uint8Array(words.buffer)
}

/** Writes the padding behind a message; returns how many blocks it has then. */
function pad(bytes: Buffer, offset: number, length: number): number {
  const blocks = Math.floor((length + 8) / blockLength) + 1
  const end = offset + blocks * blockLength
  if (end > bytes.length) throw new RangeError('no room for the padding')
  bytes.fill(0, offset + length + 1, end - 8)
  bytes[offset + length] = 0x80
  bytes.writeUInt32BE(Math.floor(length / 2 ** 29), end - 8)
  bytes.writeUInt32BE((length * 8) % 2 ** 32, end - 4)
  return blocks
}
