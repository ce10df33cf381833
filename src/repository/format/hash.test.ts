import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { seeded } from '../../../test/helpers/seed.ts'
import { choosePrimitives, referencePrimitives } from './primitives.ts'

for (const { name, hasher } of [referencePrimitives, choosePrimitives({})]) {
  test(`${name}: a hash at once and in pieces is SHA-256, wherever it is written`, () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 9000, size: 'max' }), fc.nat(9000), fc.nat(5), (bytes, cut, at) => {
        const expected = createHash('sha256').update(bytes).digest()
        const [whole, inPieces] = [Buffer.alloc(40), Buffer.alloc(40)]
        hasher.sha256(bytes, whole, at)
        const [running, another] = [hasher.start(), hasher.start()]
        another.update(bytes) // two under way do not disturb each other
        running.update(bytes.subarray(0, cut))
        running.update(bytes.subarray(cut))
        running.finish(inPieces, at)
        assert.deepEqual(whole.subarray(at, at + 32), expected)
        assert.deepEqual(inPieces, whole)
        assert.deepEqual(Buffer.concat([whole.subarray(0, at), whole.subarray(at + 32)]), Buffer.alloc(8))
      }),
      { ...seeded(), numRuns: 100 },
    )
  })

  test(`${name}: a finished hash cannot be fed, and the result must have room`, () => {
    const running = hasher.start()
    running.finish(Buffer.alloc(32))
    assert.throws(() => running.update(Buffer.alloc(1)))
    assert.throws(() => running.finish(Buffer.alloc(32)))
    assert.throws(() => hasher.sha256(Buffer.alloc(1), Buffer.alloc(33), 2), RangeError)
    assert.throws(() => hasher.start().finish(Buffer.alloc(31)), RangeError)
  })
}
