import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { paddingRoom } from './hash-pairs.ts'
import type { Span } from './hash-pairs.ts'
import { choosePrimitives, referencePrimitives } from './primitives.ts'

/** Lengths around the ends of blocks, where the padding takes another block or does not. */
const length = fc.oneof(fc.integer({ min: 0, max: 260 }), fc.integer({ min: 0, max: 5000 }))

function layOut(lengths: readonly number[], seed: number): { memory: Buffer; spans: Span[] } {
  const spans: Span[] = []
  let end = 0
  for (const bytes of lengths) {
    spans.push({ offset: end, length: bytes })
    end += bytes + paddingRoom
  }
  const memory = Buffer.allocUnsafeSlow(end)
  for (let i = 0; i < end; i++) memory[i] = (i * 31 + seed + (i >>> 8)) & 0xff
  return { memory, spans }
}

for (const primitives of [choosePrimitives(), referencePrimitives]) {
  test(`messages hashed in pairs have the hashes that they have alone (${primitives.name})`, () => {
    const pairs = primitives.createPairHasher()
    fc.assert(
      fc.property(length, fc.array(fc.array(length, { maxLength: 9 }), { maxLength: 3 }), (longLength, batches) => {
        const { memory: long } = layOut([longLength], 7)
        const expectedLong = hash('sha256', long.subarray(0, longLength), 'hex')
        pairs.beginLong(long, longLength)
        batches.forEach((lengths, seed) => {
          const { memory, spans } = layOut(lengths, seed)
          const expected = spans.map((span) =>
            hash('sha256', memory.subarray(span.offset, span.offset + span.length), 'hex'),
          )
          const out = Buffer.alloc(32 * spans.length)
          pairs.hashAll(memory, spans, out)
          assert.deepEqual(
            spans.map((_, i) => out.toString('hex', i * 32, i * 32 + 32)),
            expected,
          )
        })
        const out = Buffer.alloc(32)
        pairs.finishLong(out)
        assert.equal(out.toString('hex'), expectedLong)
      }),
    )
  })
}

test('a message without room behind it is refused instead of overwriting what follows', () => {
  const { memory } = layOut([100], 1)
  const pairs = choosePrimitives().createPairHasher()
  const tight = memory.subarray(0, 100)
  if (choosePrimitives().name === 'fast') {
    assert.throws(() => pairs.hashAll(tight, [{ offset: 0, length: 100 }], Buffer.alloc(32)), RangeError)
  }
})
