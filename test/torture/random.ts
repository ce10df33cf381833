/** Decisions that can be had again: every round and every step has a seed of its own, made from the one of the run. */
import { randomFrom } from '../helpers/seed.ts'
import type { Random } from '../helpers/seed.ts'

export { randomFrom } from '../helpers/seed.ts'
export type { Random } from '../helpers/seed.ts'

/** The seed of part number `part` of what has `seed`. */
export function derivedSeed(seed: number, part: number): number {
  const random = randomFrom((seed ^ Math.imul(part + 1, 0x9e3779b1)) >>> 0)
  random.next()
  return random.below(2 ** 31)
}

/** True with the given chance, from 0 to 1. */
export function chance(random: Random, share: number): boolean {
  return random.next() < share
}

/** The item at a share (from 0 up to 1) of a list: how a decision names something before it is known what there will be. */
export function atShare<Item>(items: readonly Item[], share: number): Item | undefined {
  return items[Math.min(items.length - 1, Math.floor(items.length * share))]
}

/** A pick in proportion to weights. */
export function pickWeighted<Item extends { readonly weight: number }>(random: Random, items: readonly Item[]): Item {
  const total = items.reduce((sum, { weight }) => sum + weight, 0)
  let left = random.next() * total
  for (const item of items) {
    left -= item.weight
    if (left < 0) return item
  }
  return items.at(-1) as Item
}
