import assert from 'node:assert/strict'
import { randomBytes, randomFillSync } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { WebAssembly } from '#base'
import { seeded } from '../../../test/helpers/seed.ts'
import { encodeMasterKey, parseMasterKey, randomIvs, ReferenceCipher, sealOverhead, splitMasterKey } from './crypto.ts'
import { choosePrimitives, referencePrimitives } from './primitives.ts'

const hex = (text: string): Buffer => Buffer.from(text, 'hex')

// The vectors of the Poly1305-AES paper (http://cr.yp.to/mac/poly1305-20050329.pdf), which restic tests with too.
const poly1305Vectors = [
  [
    'f3f6',
    '851fc40c3467ac0be05cc20404f3f700',
    'ec074c835580741701425b623235add6',
    'fb447350c4e868c52ac3275cf9d4327e',
    'f4c633c3044fc145f84f335cb81953de',
  ],
  [
    '',
    'a0f3080000f46400d0c7e9076c834403',
    '75deaa25c09f208e1dc4ce6b5cad3fbf',
    '61ee09218d29b0aaed7e154a2c5509cc',
    'dd3fab2251f11ac759f0887129cc2ee7',
  ],
  [
    '663cea190ffb83d89593f3f476b6bc24d7e679107ea26adb8caf6652d0656136',
    '48443d0bb0d21109c89a100b5ce2c208',
    '6acb5f61a7176dd320c5c1eb2edcdc74',
    'ae212a55399729595dea458bc621ff0e',
    '0ee1c16bb73f0f4fd19881753c01cdbe',
  ],
] as const

// A sealed sentence from restic's own tests (internal/repository/crypto/crypto_int_test.go).
const resticKey = {
  encrypt: hex('303e8687b1d7db18421bdc6bb8588ccadac4d59ee87b8ff70c44e635790cafef'),
  macK: hex('ef4d8824cb80b2bcc5fbff8a9b12a42c'),
  macR: hex('cc8d4b948ee0ebfe1d415de921d10353'),
}
const resticSealed = hex(
  '69fb41c62d12def4593bd71757138606338f621aeaeb39da0fe4f99233f8037a54ea63338a813bcf3f75d8c3cc75dddf8750',
)

test('the MAC gives the values of the Poly1305-AES paper', () => {
  for (const [message, macR, macK, nonce, expected] of poly1305Vectors) {
    using cipher = new ReferenceCipher({ encrypt: Buffer.alloc(32), macK: hex(macK), macR: hex(macR) })
    const tag = Buffer.alloc(16)
    cipher.authenticate(hex(nonce), hex(message), tag)
    assert.equal(tag.toString('hex'), expected)
  }
})

for (const primitives of [referencePrimitives, choosePrimitives({})]) {
  test(`${primitives.name}: what restic sealed opens, and is sealed to the same bytes`, () => {
    using sealer = primitives.createSealer(resticKey)
    const plain = Buffer.alloc(resticSealed.length - sealOverhead)
    assert.equal(sealer.open(resticSealed, plain, 0), plain.length)
    assert.equal(plain.toString(), 'Dies ist ein Test!')
    const again = Buffer.alloc(resticSealed.length)
    assert.equal(sealer.seal(plain, again, 0, resticSealed.subarray(0, 16)), again.length)
    assert.deepEqual(again, resticSealed)
  })

  test(`${primitives.name}: one changed bit anywhere breaks the seal, and nothing is written`, () => {
    using sealer = primitives.createSealer(resticKey)
    for (let bit = 0; bit < resticSealed.length * 8; bit++) {
      const changed = Buffer.from(resticSealed)
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7))
      const out = Buffer.alloc(resticSealed.length)
      assert.throws(() => sealer.open(changed, out, 0), { code: 'SEAL_BROKEN' })
      assert.deepEqual(out, Buffer.alloc(out.length))
    }
  })

  test(`${primitives.name}: too short, cut, lengthened and zero-IV data, and another key, break the seal`, () => {
    using sealer = primitives.createSealer(resticKey)
    using other = primitives.createSealer({ ...resticKey, macR: resticKey.macK })
    const out = Buffer.alloc(200)
    const refused = [
      ...Array.from({ length: resticSealed.length }, (_, length) => resticSealed.subarray(0, length)),
      Buffer.concat([resticSealed, Buffer.alloc(1)]),
      Buffer.alloc(sealOverhead),
      zeroIvForgery(),
    ]
    for (const sealed of refused) assert.throws(() => sealer.open(sealed, out, 0), { code: 'SEAL_BROKEN' })
    assert.throws(() => other.open(resticSealed, out, 0), { code: 'SEAL_BROKEN' })
  })

  test(`${primitives.name}: seals and opens in place, at an offset, and in shared and WebAssembly memory`, () => {
    using sealer = primitives.createSealer(resticKey)
    const iv = randomBytes(16)
    const memory = new WebAssembly.Memory({ initial: 1 })
    for (const place of [Buffer.alloc(300), new Uint8Array(new SharedArrayBuffer(300)), Buffer.from(memory.buffer)]) {
      place.set(Buffer.from('a secret'), 100 + 16)
      const length = sealer.seal(place.subarray(116, 124), place, 100, iv)
      assert.equal(length, 8 + sealOverhead)
      const expected = Buffer.alloc(length)
      sealer.seal(Buffer.from('a secret'), expected, 0, iv)
      assert.deepEqual(Buffer.from(place.subarray(100, 100 + length)), expected)
      assert.equal(sealer.open(place.subarray(100, 100 + length), place, 116), 8)
      assert.equal(Buffer.from(place.subarray(116, 124)).toString(), 'a secret')
    }
  })

  test(`${primitives.name}: a wrong IV or too little room is refused`, () => {
    using sealer = primitives.createSealer(resticKey)
    const out = Buffer.alloc(40)
    assert.throws(() => sealer.seal(Buffer.alloc(8), out, 0, Buffer.alloc(16)), TypeError)
    assert.throws(() => sealer.seal(Buffer.alloc(8), out, 0, Buffer.alloc(12, 1)), TypeError)
    assert.throws(() => sealer.seal(Buffer.alloc(9), out, 0, Buffer.alloc(16, 1)), RangeError)
    assert.throws(() => sealer.open(resticSealed, Buffer.alloc(17), 0), RangeError)
  })
}

test('fast and reference seal to the same bytes and open each other’s, for any key, IV and content', () => {
  using fast = choosePrimitives({})
  const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
  const iv = bytes(16).filter((value) => value.some((byte) => byte !== 0))
  const content = fc.uint8Array({ maxLength: 70_000, size: 'max' })
  fc.assert(
    fc.property(bytes(64), iv, content, (secret, nonce, plain) => {
      const key = splitMasterKey(secret)
      using one = referencePrimitives.createSealer(key)
      using other = fast.createSealer(key)
      const [sealed, sealedByOther] = [Buffer.alloc(plain.length + 32), Buffer.alloc(plain.length + 32)]
      one.seal(plain, sealed, 0, nonce)
      other.seal(plain, sealedByOther, 0, nonce)
      assert.deepEqual(sealedByOther, sealed)
      const [opened, openedByOther] = [Buffer.alloc(plain.length), Buffer.alloc(plain.length)]
      one.open(sealedByOther, opened, 0)
      other.open(sealed, openedByOther, 0)
      assert.deepEqual(opened, Buffer.from(plain))
      assert.deepEqual(openedByOther, opened)
    }),
    { ...seeded(), numRuns: 60 },
  )
})

test('a disposed sealer refuses to work', () => {
  for (const primitives of [referencePrimitives, choosePrimitives({})]) {
    const sealer = primitives.createSealer(resticKey)
    sealer[Symbol.dispose]()
    sealer[Symbol.dispose]()
    assert.throws(() => sealer.open(resticSealed, Buffer.alloc(100), 0), /disposed/)
    assert.throws(() => sealer.seal(Buffer.alloc(1), Buffer.alloc(100), 0, randomBytes(16)), /disposed/)
  }
})

test('a master key survives its JSON, which is restic’s', () => {
  const key = splitMasterKey(randomBytes(64))
  const json = encodeMasterKey(key)
  assert.match(json.toString(), /^\{"mac":\{"k":"[\w+/]{22}==","r":"[\w+/]{22}=="\},"encrypt":"[\w+/]{43}="\}$/)
  const parsed = parseMasterKey(json)
  for (const name of ['encrypt', 'macK', 'macR'] as const)
    assert.deepEqual(Buffer.from(parsed[name]), Buffer.from(key[name]))
})

test('a malformed master key is refused with one code, and no piece of it in the sentence', () => {
  const good = encodeMasterKey(splitMasterKey(randomBytes(64))).toString()
  const secret = good.slice(14, 30)
  const bad = ['', 'x', good.slice(0, -5), 'null', '[]', '{}', '{"mac":null,"encrypt":"AA=="}']
  bad.push(good.replace('==', '='), good.replace('"k":"', '"k":"AAAA'), good.replace('"k":"', '"k":" '))
  bad.push(encodeMasterKey(splitMasterKey(Buffer.alloc(64))).toString())
  for (const json of bad) {
    assert.throws(
      () => parseMasterKey(Buffer.from(json)),
      (error: Error) => 'code' in error && error.code === 'MASTER_KEY_INVALID' && !error.message.includes(secret),
    )
  }
})

test('random IVs are never all zero and do not repeat', () => {
  let calls = 0
  const next = randomIvs((into) => {
    calls++
    randomFillSync(into)
    into.fill(0, 16, 48) // two zero IVs in every pool
  })
  const seen = new Set(Array.from({ length: 1000 }, () => Buffer.from(next()).toString('hex')))
  assert.equal(seen.size, 1000)
  assert.ok(!seen.has('0'.repeat(32)))
  assert.equal(calls, Math.ceil(1000 / 254))
})

/** Correct in all but its IV. */
function zeroIvForgery(): Buffer {
  using cipher = new ReferenceCipher(resticKey)
  const iv = Buffer.alloc(16)
  const [body, tag] = [Buffer.alloc(20), Buffer.alloc(16)]
  cipher.crypt(iv, Buffer.alloc(20), body)
  cipher.authenticate(iv, body, tag)
  return Buffer.concat([iv, body, tag])
}
