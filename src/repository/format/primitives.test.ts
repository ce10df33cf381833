import assert from 'node:assert/strict'
import { test } from 'node:test'
import { choosePrimitives, referencePrimitives, type Primitives } from './primitives.ts'
import { knownAnswers, passesSelfTest, sample, sampleIv, sampleKey } from './self-test.ts'

test('the known answers of the self-test are what the reference gives', () => {
  const hash = Buffer.alloc(32)
  referencePrimitives.hasher.sha256(sample, hash)
  assert.equal(hash.toString('hex'), knownAnswers.sampleHash)
  using sealer = referencePrimitives.createSealer(sampleKey)
  const sealed = Buffer.alloc(sample.length + 32)
  sealer.seal(sample, sealed, 0, sampleIv)
  referencePrimitives.hasher.sha256(sealed, hash)
  assert.equal(hash.toString('hex'), knownAnswers.sealedHash)
  assert.equal(passesSelfTest(referencePrimitives), true)
})

test('the fast path is used where this Node has it, and can be turned off', () => {
  using chosen = choosePrimitives({})
  if (process.platform === 'linux') assert.equal(chosen.name, 'fast')
  assert.equal(choosePrimitives({ UNDERSTUDY_FAST_PATH: 'off' }).name, 'reference')
})

test('primitives with any fault fail the self-test', () => {
  const { hasher, zstd } = referencePrimitives
  const faulty: Partial<Primitives>[] = [
    { hasher: { ...hasher, sha256: (_, out) => void out.fill(1) } },
    { hasher: { ...hasher, start: () => ({ update: () => undefined, finish: (out) => void out.fill(0, 0, 32) }) } },
    { zstd: { ...zstd, compress: () => 0 } },
    { zstd: { ...zstd, decompress: (_, dst) => void dst.fill(0) } },
    { createSealer: (key) => referencePrimitives.createSealer({ ...key, macK: key.macR }) },
    { createSealer: (key) => referencePrimitives.createSealer({ ...key, encrypt: Buffer.alloc(32, 9) }) },
  ]
  for (const fault of faulty) assert.equal(passesSelfTest({ ...referencePrimitives, ...fault }), false)
})
