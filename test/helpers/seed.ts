/** Random numbers that can be had again: every random test prints its seed, and takes one from UNDERSTUDY_TEST_SEED. */
import { randomInt } from 'node:crypto'

/** The seed of this run: UNDERSTUDY_TEST_SEED when that is set, else a fresh one; printed, so that a failure can be repeated. */
export function testSeed(): number {
  const given = process.env['UNDERSTUDY_TEST_SEED']
  const seed = given === undefined ? randomInt(2 ** 31) : Number(given)
  if (!Number.isSafeInteger(seed)) throw new Error(`UNDERSTUDY_TEST_SEED must be a whole number, not "${given}".`)
  console.log(`seed: UNDERSTUDY_TEST_SEED=${seed}`)
  return seed
}

/** For fast-check: `fc.assert(property, seeded())`. */
export function seeded(): { readonly seed: number } {
  return { seed: testSeed() }
}

export interface Random {
  /** In [0, 1). */
  next(): number
  /** A whole number in [0, below). */
  below(below: number): number
  pick<Item>(items: readonly Item[]): Item
  bytes(length: number): Buffer
}

/** A generator that gives the same sequence for the same seed (mulberry32: small, and even enough for tests). */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0
  const word = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
  const below = (limit: number) => Math.floor((word() / 2 ** 32) * limit)
  return {
    next: () => word() / 2 ** 32,
    below,
    pick: <Item>(items: readonly Item[]) => items[below(items.length)] as Item,
    bytes: (length) => {
      const bytes = Buffer.allocUnsafe(length)
      let at = 0
      for (; at + 4 <= length; at += 4) bytes.writeUInt32LE(word(), at)
      for (; at < length; at++) bytes[at] = word() & 0xff
      return bytes
    },
  }
}
