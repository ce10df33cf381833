/** Damage to a file of a repository, as a plain value: the bytes that it has afterwards. */
import { pickWeighted } from '../random.ts'
import type { Random } from '../random.ts'

export type DamageKind = 'flip' | 'flip the end' | 'cut' | 'lengthen' | 'zeros' | 'delete' | 'empty' | 'swap'

export interface Damage {
  readonly kind: DamageKind
  /** Where, as a share. */
  readonly at: number
}

export function decideDamage(random: Random): Damage {
  const { kind } = pickWeighted(random, [
    { weight: 6, kind: 'flip' },
    { weight: 2, kind: 'flip the end' },
    { weight: 4, kind: 'cut' },
    { weight: 2, kind: 'lengthen' },
    { weight: 2, kind: 'zeros' },
    { weight: 5, kind: 'delete' },
    { weight: 1, kind: 'empty' },
    { weight: 1, kind: 'swap' },
  ] as const)
  return { kind, at: random.next() }
}

/** `other`: a file of the same type, for a swap. Undefined: the file is gone. */
export function damaged(whole: Buffer, { kind, at }: Damage, other: Buffer): Buffer | undefined {
  const place = Math.min(whole.length - 1, Math.floor(at * whole.length))
  if (kind === 'delete') return undefined
  if (kind === 'empty') return Buffer.alloc(0)
  if (kind === 'swap') return other
  if (kind === 'cut') return whole.subarray(0, pickCut(whole.length, at))
  if (kind === 'lengthen') return Buffer.concat([whole, Buffer.alloc(1 + Math.floor(at * 100), 7)])
  const copy = Buffer.from(whole)
  if (kind === 'zeros') return copy.fill(0, place, Math.min(place + 512, whole.length))
  const spot = kind === 'flip' ? place : whole.length - 1 - Math.floor(at * Math.min(whole.length, 100))
  copy[spot] = (copy[spot] as number) ^ (1 << Math.floor(at * 8))
  return copy
}

/** The places where formats begin and end, and any. */
function pickCut(length: number, at: number): number {
  const places = [0, 1, 31, 32, 35, 36, length - 1, length - 4, length - 5, length >> 1, Math.floor(at * length)]
  return Math.max(0, Math.min(length, places[Math.floor(at * 997) % places.length] as number))
}
