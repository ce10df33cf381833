import assert from 'node:assert/strict'
import { test } from 'node:test'
import { primitiveProofs } from './proofs.ts'
import { referencePrimitives } from './primitives.ts'

for (const env of [{}, { UNDERSTUDY_FAST_PATH: 'off' }]) {
  for (const { name, prove } of primitiveProofs(env)) {
    test(`${name} is proven on this machine, ${Object.keys(env).length > 0 ? 'by the reference' : 'the fast way'}`, async () => {
      await prove()
    })
  }
}

test('a primitive with a fault is found out', async () => {
  const { zstd, hasher } = referencePrimitives
  const faults = [
    ['SHA-256 (FIPS 180-4)', hasher, 'sha256', (_: Uint8Array, out: Uint8Array) => void out.fill(1)],
    ['zstd, both ways', zstd, 'decompress', (_: Uint8Array, out: Uint8Array) => void out.fill(0)],
    [
      'AES-256-CTR (NIST SP 800-38A)',
      referencePrimitives,
      'createSealer',
      (
        (create) => (key: never) =>
          create({ ...(key as object), encrypt: Buffer.alloc(32, 9) } as never)
      )(referencePrimitives.createSealer),
    ],
    [
      'Poly1305-AES (its paper)',
      referencePrimitives,
      'createSealer',
      (
        (create) => (key: never) =>
          create({ ...(key as object), macR: Buffer.alloc(16, 9) } as never)
      )(referencePrimitives.createSealer),
    ],
  ] as const
  for (const [name, owner, method, faulty] of faults) {
    const whole = Reflect.get(owner, method) as unknown
    Reflect.set(owner, method, faulty)
    try {
      const proof = primitiveProofs().find((one) => one.name === name)
      await assert.rejects(async () => await proof?.prove(), /wrong result/)
    } finally {
      Reflect.set(owner, method, whole)
    }
  }
})
