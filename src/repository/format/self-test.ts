import { paddingRoom } from './hash-pairs.ts'
import type { Primitives } from './primitives.ts'

/**
 * Known answers, for use at start: does this machine's fast path give what the reference gave when they were written
 * down? (A test makes them again.) The reference itself is not loaded for it: that alone would take ten milliseconds.
 */

/** About a kilobyte that compresses somewhat and is no multiple of a block of anything. */
export const sample = Buffer.from(Array.from({ length: 1003 }, (_, i) => (i * i) >>> 5))

/** All ones: the counter overflows at once. */
export const sampleIv = Buffer.alloc(16, 0xff)

export const sampleKey = {
  encrypt: sample.subarray(101, 133),
  macK: sample.subarray(133, 149),
  macR: sample.subarray(149, 165),
}

export const knownAnswers = {
  sampleHash: 'dcc1ed34a074efa96b59a7256e3c7d5f5a5eb1785af96d4baed9d1213080d89d',
  /** Hash of the sample, sealed with `sampleKey` and `sampleIv`. */
  sealedHash: '34287631fed27af816dbe784f3b107be7c7caf9845b3514daef3da8da795a7f9',
  /** One zstd frame with 300 times the letter a. */
  frame: '28b52ffd602c004d00001061610100272ac002',
} as const

/** True when `primitives` give the known answers and refuse what must be refused. */
export function passesSelfTest(primitives: Primitives): boolean {
  try {
    return hashes(primitives) && hashesPairs(primitives) && seals(primitives) && compresses(primitives)
  } catch {
    return false
  }
}

function hashes({ hasher }: Primitives): boolean {
  const [whole, inPieces] = [Buffer.alloc(32), Buffer.alloc(32)]
  hasher.sha256(sample, whole)
  const running = hasher.start()
  running.update(sample.subarray(0, 100))
  running.update(sample.subarray(100))
  running.finish(inPieces)
  return whole.toString('hex') === knownAnswers.sampleHash && inPieces.equals(whole)
}

function hashesPairs(primitives: Primitives): boolean {
  const memory = Buffer.allocUnsafeSlow(4 * (sample.length + paddingRoom))
  const at = (i: number) => i * (sample.length + paddingRoom)
  for (let i = 0; i < 4; i++) sample.copy(memory, at(i))
  const pairs = primitives.createPairHasher()
  const [long, others] = [Buffer.alloc(32), Buffer.alloc(64)]
  pairs.beginLong(memory, sample.length)
  pairs.hashAll(memory, [{ offset: at(1), length: 1 }], others) // of unequal length, and alone at the end
  pairs.finishLong(long)
  pairs.hashAll(
    memory,
    [2, 3].map((i) => ({ offset: at(i), length: sample.length })),
    others,
  )
  return [long, others.subarray(0, 32), others.subarray(32)].every(
    (hash) => hash.toString('hex') === knownAnswers.sampleHash,
  )
}

function seals(primitives: Primitives): boolean {
  using sealer = primitives.createSealer(sampleKey)
  const [sealed, opened, hash] = [Buffer.alloc(sample.length + 32), Buffer.alloc(sample.length), Buffer.alloc(32)]
  sealer.seal(sample, sealed, 0, sampleIv)
  primitives.hasher.sha256(sealed, hash)
  if (hash.toString('hex') !== knownAnswers.sealedHash) return false
  sealer.open(sealed, opened, 0)
  sealed[700] = (sealed[700] as number) ^ 1
  return opened.equals(sample) && refuses(() => sealer.open(sealed, opened, 0))
}

function compresses({ zstd }: Primitives): boolean {
  const [packed, plain, known] = [Buffer.alloc(1500), Buffer.alloc(sample.length), Buffer.alloc(300)]
  const frame = packed.subarray(0, zstd.compress(sample, packed, 3))
  zstd.decompress(frame, plain)
  zstd.decompress(Buffer.from(knownAnswers.frame, 'hex'), known)
  if (!plain.equals(sample) || !known.equals(Buffer.alloc(300, 'a'))) return false
  return refuses(() => zstd.decompress(frame, plain.subarray(1)))
}

function refuses(work: () => void): boolean {
  try {
    work()
    return false
  } catch {
    return true
  }
}
