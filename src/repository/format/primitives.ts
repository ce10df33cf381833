import { createRequire } from 'node:module'
import { ReferenceCipher, Sealer, type MasterKey } from './crypto.ts'
import { referenceHasher, type Hasher } from './hash.ts'
import { SerialPairHasher, type PairHasher } from './hash-pairs.ts'
import { loadFastPrimitives } from './primitives-fast.ts'
import { passesSelfTest } from './self-test.ts'
import { referenceZstd, type Zstd } from './zstd.ts'

/**
 * What every blob passes through: hash, zstd, seal. One object for each thread, disposed with the thread.
 * There are two ways, which give the same results: the reference, made of what Node and libsodium offer, and the fast
 * one, which calls the OpenSSL and zstd inside the Node binary directly and saves 20–50 µs a blob.
 */
export interface Primitives extends Disposable {
  readonly name: 'fast' | 'reference'
  readonly hasher: Hasher
  /** For one user: it keeps what it has begun. */
  createPairHasher(): PairHasher
  readonly zstd: Zstd
  /** The sealer is the caller's to dispose. */
  createSealer(key: MasterKey): Sealer
}

export const referencePrimitives: Primitives = {
  name: 'reference',
  hasher: referenceHasher,
  createPairHasher: () => new SerialPairHasher(referenceHasher),
  zstd: referenceZstd,
  createSealer: (key) => new Sealer(new ReferenceCipher(key)),
  [Symbol.dispose]: () => undefined,
}

/**
 * The fast primitives where this Node binary has them and they pass a self-test, otherwise the reference. `UNDERSTUDY_FAST_PATH=off` forces the reference.
 */
export function choosePrimitives(env: Readonly<Record<string, string | undefined>> = process.env): Primitives {
  if (env['UNDERSTUDY_FAST_PATH'] === 'off') return referencePrimitives
  const fast = loadFastPrimitives(createRequire(import.meta.url))
  if (fast === undefined) return referencePrimitives
  if (passesSelfTest(fast)) return fast
  fast[Symbol.dispose]()
  return referencePrimitives
}
