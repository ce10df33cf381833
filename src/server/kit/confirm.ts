import { createHash } from 'node:crypto'

/**
 * The code on a recovery kit. Whoever types it back has the printed kit in hand; until then, and again every year, the kit
 * counts as not stored.
 */

/** Letters and digits that cannot be taken for one another: no 0 O, 1 I L, 2 Z, 5 S, 8 B, U V. Their number is a prime. */
const alphabet = 'ACDEFGHJKMNPQRTWXY34679'
const length = 12

/**
 * A new code, such as `ACDE-FGHJ-KMNP`. The weighted sum of its places is a multiple of 23, so that one wrong character and
 * two exchanged ones are always found.
 * @param randomByte gives numbers from 0 to 255
 */
export function makeKitCode(randomByte: () => number): string {
  const places = Array.from({ length: length - 1 }, () => evenly(randomByte))
  // The last place has the weight 12, whose inverse modulo 23 is 2.
  const last = (alphabet.length - ((weightedSum(places) * 2) % alphabet.length)) % alphabet.length
  const text = [...places, last].map((place) => alphabet[place]).join('')
  return (text.match(/.{4}/g) ?? []).join('-')
}

function evenly(randomByte: () => number): number {
  for (;;) {
    const byte = randomByte()
    if (byte < 253) return byte % alphabet.length // 253 is 11 × 23
  }
}

function weightedSum(places: readonly number[]): number {
  return places.reduce((sum, place, index) => sum + place * (index + 1), 0)
}

/** What is kept of a code: enough to recognise it, not enough to type it back. */
export function hashKitCode(code: string): string {
  return createHash('sha256')
    .update(`understudy kit ${normal(code)}`)
    .digest('hex')
}

function normal(typed: string): string {
  return typed.toUpperCase().replace(/[\s\p{P}\p{S}]+/gu, '')
}

export interface KnownKit {
  /** `hashKitCode` of its code. */
  readonly hash: string
  /** Milliseconds since 1970. */
  readonly made: number
}

export type Confirmation =
  | { readonly result: 'right' }
  /** The code of an older kit: the newest is to be printed. */
  | { readonly result: 'old'; readonly made: number }
  /** `mistyped`: no kit has such a code. `unknown`: it may be the one of another client. */
  | { readonly result: 'wrong'; readonly reason: 'mistyped' | 'unknown' }

/** Compares what was typed with the kits of the client. */
export function confirmKit(typed: string, kits: readonly KnownKit[]): Confirmation {
  const code = normal(typed)
  const places = Array.from(code, (character) => alphabet.indexOf(character))
  const isWhole = places.length === length && !places.includes(-1) && weightedSum(places) % alphabet.length === 0
  if (!isWhole) return { result: 'wrong', reason: 'mistyped' }
  const hash = hashKitCode(code)
  const known = kits.find((kit) => kit.hash === hash)
  if (!known) return { result: 'wrong', reason: 'unknown' }
  const isNewest = kits.every(({ made }) => made <= known.made)
  return isNewest ? { result: 'right' } : { result: 'old', made: known.made }
}

export interface KitTimes {
  /** When the newest kit was made; undefined: never. Milliseconds since 1970, as all here. */
  readonly made: number | undefined
  /** When its code was last typed back. */
  readonly confirmed: number | undefined
  /** Since when something differs from what the newest kit says (a new repository, another password or location). */
  readonly changedSince: number | undefined
}

export interface KitState {
  readonly state: 'none' | 'outdated' | 'unconfirmed' | 'confirm-again' | 'stored'
  /** Whether it counts as stored; anything less than certain does not. */
  readonly stored: boolean
  /** When it has to be confirmed again. */
  readonly due?: number
}

const year = 365 * 86_400_000

/** A time in the future is a clock that was wrong, and proves nothing. */
export function kitState({ made, confirmed, changedSince }: KitTimes, now: number): KitState {
  if (made === undefined) return { state: 'none', stored: false }
  if (changedSince !== undefined && changedSince > made) return { state: 'outdated', stored: false }
  if (confirmed === undefined || confirmed < made) return { state: 'unconfirmed', stored: false }
  const due = confirmed + year
  if (confirmed > now || now >= due) return { state: 'confirm-again', stored: false }
  return { state: 'stored', stored: true, due }
}
