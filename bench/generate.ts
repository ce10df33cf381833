import { createCipheriv } from 'node:crypto'
import { randomFrom } from '../test/helpers/seed.ts'
import type { Random } from '../test/helpers/seed.ts'

/**
 * Contents to measure with: the same bytes for the same seed on every machine (whole numbers and AES only, no floating
 * point that a library could round differently).
 */

/** Bytes that nothing compresses, and of which no two pieces are alike: the key stream of AES-256-CTR. */
export function noise(seed: number, bytes: number): Buffer {
  const key = randomFrom(seed).bytes(32)
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(bytes))
}

/** Bytes that compress to about half, quickly made: half the bits of each byte are fixed. */
export function halfNoise(seed: number, bytes: number): Buffer {
  const words = new Uint32Array(Math.ceil(bytes / 4))
  const content = Buffer.from(words.buffer)
  content.set(noise(seed, content.length))
  for (let i = 0; i < words.length; i++) words[i] = ((words[i] as number) & 0x0f0f0f0f) | 0x60606060
  return content.subarray(0, bytes)
}

/** Files as they lie about in offices and programs. */
export class FileGenerator {
  readonly #words: readonly Buffer[]
  readonly #lines: readonly Buffer[]
  readonly #scratch = Buffer.alloc((512 << 8) * 2 + 4096)

  constructor(seed: number) {
    const random = randomFrom(seed)
    this.#words = Array.from({ length: 4096 }, () => makeWord(random))
    this.#lines = Array.from({ length: 512 }, () => makeLine(random, this.#words))
  }

  /** 0.5 to 256 KiB, 31 KB on average; what is in it is good until the next call. */
  officeFile(seed: number): Buffer {
    const random = randomFrom(seed)
    const step = 512 << random.pick(sizeSteps)
    const size = step + random.below(step)
    const kind = random.below(16)
    if (kind < 2) return noise(seed, size)
    if (kind < 6) return this.#records(random, size)
    if (kind < 9) return this.#table(random, size)
    if (kind < 12) return this.#code(random, size)
    return this.prose(random, size)
  }

  /** Words of one vocabulary, some much more frequent than others, as in a language. */
  prose(random: Random, bytes: number): Buffer {
    return this.#fill(bytes, (at) => {
      const word = this.#words[random.below(random.below(random.below(4096) + 1) + 1)] as Buffer
      this.#scratch.set(word, at)
      this.#scratch[at + word.length] = random.below(12) === 0 ? 0x0a : 0x20
      return word.length + 1
    })
  }

  /** Many of its lines are the same in every file. */
  #code(random: Random, bytes: number): Buffer {
    return this.#fill(bytes, (at) => {
      if (random.below(3) === 0) return this.#scratch.write(`  const x${random.below(1 << 20)} = `, at, 'latin1')
      const line = this.#lines[random.below(this.#lines.length)] as Buffer
      this.#scratch.set(line, at)
      return line.length
    })
  }

  #table(random: Random, bytes: number): Buffer {
    let row = random.below(1 << 20)
    return this.#fill(bytes, (at) => {
      const line = `${row++};2026-0${1 + random.below(9)}-1${random.below(10)};${random.below(100_000)};${random.below(50)},00\n`
      return this.#scratch.write(line, at, 'latin1')
    })
  }

  /** Like the sections of a program: numbers that grow, much that repeats, some that does not. */
  #records(random: Random, bytes: number): Buffer {
    let address = random.below(1 << 24)
    return this.#fill(bytes, (at) => {
      this.#scratch.writeUInt32LE((address += random.below(64)), at)
      this.#scratch.writeUInt32LE(random.below(1 << 16), at + 4)
      this.#scratch.writeUInt32LE(random.below(8) << 8, at + 8)
      this.#scratch.writeUInt32LE(0x0040_0000, at + 12)
      return 16
    })
  }

  // A step may write up to 4 KiB past the end.
  #fill(bytes: number, step: (at: number) => number): Buffer {
    for (let at = 0; at < bytes;) at += step(at)
    return this.#scratch.subarray(0, bytes)
  }
}

/** Powers of two for sizes: small files are more frequent, large ones have most of the bytes. */
const sizeSteps = [0, 0, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8]

function makeWord(random: Random): Buffer {
  const letters = Array.from({ length: 2 + random.below(9) }, () => 97 + random.below(random.below(26) + 1))
  return Buffer.from(letters)
}

function makeLine(random: Random, words: readonly Buffer[]): Buffer {
  const parts = Array.from({ length: 2 + random.below(6) }, () => random.pick(words).toString('latin1'))
  return Buffer.from(`${'  '.repeat(random.below(4))}${parts.join('.')}();\n`)
}
