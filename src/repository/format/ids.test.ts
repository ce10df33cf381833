import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { idFromHex, idToHex, isFileName, readHexId, writeHexId } from './ids.ts'
import { propertyOptions } from './testing.ts'

const anyId = fc.uint8Array({ minLength: 32, maxLength: 32 })

test('ids become text and come back, also in the middle of other bytes', () => {
  fc.assert(
    fc.property(anyId, (id) => {
      const hex = idToHex(id)
      assert.equal(hex, Buffer.from(id).toString('hex'))
      assert.ok(isFileName(hex))
      assert.deepEqual(idFromHex(hex), Buffer.from(id))
      const text = Buffer.alloc(70, '.')
      writeHexId(id, 0, text, 3)
      assert.equal(text.toString(), `...${hex}...`)
      const read = Buffer.alloc(40)
      assert.ok(readHexId(text, 3, read, 8))
      assert.deepEqual(read.subarray(8), Buffer.from(id))
    }),
    propertyOptions,
  )
})

test('only 64 lower-case digits are an id', () => {
  const id = 'ab'.repeat(32)
  const wrong = [
    '',
    id.slice(1),
    `${id}0`,
    id.toUpperCase(),
    `${id.slice(1)}g`,
    `${id.slice(2)}\n\n`,
    `../${id.slice(3)}`,
  ]
  for (const name of wrong) {
    assert.equal(isFileName(name), false)
    assert.throws(() => idFromHex(name), { code: 'ID_INVALID' })
    if (!name.startsWith(id)) assert.equal(readHexId(Buffer.from(name), 0, Buffer.alloc(32)), false)
  }
})
