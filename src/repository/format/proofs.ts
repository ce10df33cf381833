import { scrypt } from 'node:crypto'
import { Chunker } from './chunker.ts'
import { sealOverhead } from './crypto.ts'
import type { MasterKey } from './crypto.ts'
import { choosePrimitives, referencePrimitives } from './primitives.ts'
import type { Primitives } from './primitives.ts'
import { knownAnswers, sample } from './self-test.ts'
import { cutSimply } from './simple-chunker.ts'
import { compressBound } from './zstd.ts'

/**
 * What every byte of a backup goes through, held against the values of the specifications and against a second way of
 * doing the same: for `self-check`, on the machine that it is about.
 */
export interface Proof {
  readonly name: string
  /** Throws an error that says what is wrong. */
  readonly prove: () => void | Promise<void>
}

/** The proofs for this machine's fast way, where it has one, and for the reference. */
export function primitiveProofs(env: Readonly<Record<string, string | undefined>> = process.env): Proof[] {
  const chosen = () => choosePrimitives(env)
  return [
    { name: 'SHA-256 (FIPS 180-4)', prove: () => withEach(chosen, proveSha256) },
    { name: 'AES-256-CTR (NIST SP 800-38A)', prove: () => withEach(chosen, proveAes) },
    { name: 'Poly1305-AES (its paper)', prove: () => withEach(chosen, provePoly1305) },
    { name: 'scrypt (RFC 7914)', prove: proveScrypt },
    { name: 'zstd, both ways', prove: () => proveZstd(chosen) },
    { name: 'chunker in WebAssembly', prove: proveChunker },
  ]
}

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')

function withEach(choose: () => Primitives, prove: (primitives: Primitives) => void): void {
  prove(referencePrimitives)
  using chosen = choose()
  prove(chosen)
}

function expectEqual(what: string, { name }: Primitives, actual: Uint8Array, expected: Uint8Array): void {
  if (!Buffer.from(actual).equals(expected)) throw new Error(`${what} gives a wrong result (${name})`)
}

const sha256Vectors = [
  ['', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
  ['abc', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
  [
    'abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq',
    '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
  ],
  ['a'.repeat(1_000_000), 'cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0'],
] as const

function proveSha256(primitives: Primitives): void {
  for (const [text, expected] of sha256Vectors) {
    const out = Buffer.alloc(32)
    primitives.hasher.sha256(Buffer.from(text), out)
    expectEqual('SHA-256', primitives, out, hex(expected))
  }
}

/** NIST SP 800-38A, F.5.5. */
const aes = {
  key: hex('603deb1015ca71be2b73aef0857d7781 1f352c073b6108d72d9810a30914dff4'),
  counter: hex('f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff'),
  plain: hex(
    '6bc1bee22e409f96e93d7e117393172a ae2d8a571e03ac9c9eb76fac45af8e51 30c81c46a35ce411e5fbc1191a0a52ef f69f2445df4f9b17ad2b417be66c3710',
  ),
  cipher: hex(
    '601ec313775789a5b7a7f504bbf3d228 f443e3ca4d62b59aca84e990cacaf5c5 2b0930daa23de94ce87017ba2d84988d dfc9c58db67aada613c2dd08457941a6',
  ),
}

function proveAes(primitives: Primitives): void {
  const key = { encrypt: aes.key, macK: Buffer.alloc(16, 1), macR: Buffer.alloc(16, 2) }
  const sealed = seal(primitives, key, aes.plain, aes.counter)
  expectEqual('AES-256-CTR', primitives, sealed.subarray(16, 16 + aes.plain.length), aes.cipher)
}

/** Message, r, k, nonce, tag: http://cr.yp.to/mac/poly1305-20050329.pdf, appendix B. */
const poly1305Vectors = [
  [
    'f3f6',
    '851fc40c3467ac0be05cc20404f3f700',
    'ec074c835580741701425b623235add6',
    'fb447350c4e868c52ac3275cf9d4327e',
    'f4c633c3044fc145f84f335cb81953de',
  ],
  [
    '663cea190ffb83d89593f3f476b6bc24d7e679107ea26adb8caf6652d0656136',
    '48443d0bb0d21109c89a100b5ce2c208',
    '6acb5f61a7176dd320c5c1eb2edcdc74',
    'ae212a55399729595dea458bc621ff0e',
    '0ee1c16bb73f0f4fd19881753c01cdbe',
  ],
] as const

// What is sealed is encrypted first: so that the message itself is what the tag is over, its decryption is sealed.
function provePoly1305(primitives: Primitives): void {
  for (const [message, macR, macK, nonce, tag] of poly1305Vectors) {
    const key = { encrypt: Buffer.alloc(32), macK: hex(macK), macR: hex(macR) }
    const stream = seal(primitives, key, Buffer.alloc(message.length / 2), hex(nonce)).subarray(16)
    const plain = hex(message).map((byte, i) => byte ^ (stream[i] as number))
    expectEqual('Poly1305', primitives, seal(primitives, key, plain, hex(nonce)).subarray(-16), hex(tag))
  }
}

function seal(primitives: Primitives, key: MasterKey, plain: Uint8Array, iv: Uint8Array): Buffer {
  using sealer = primitives.createSealer(key)
  const sealed = Buffer.alloc(plain.length + sealOverhead)
  sealer.seal(plain, sealed, 0, iv)
  return sealed
}

/** RFC 7914, section 12. */
const scryptVectors = [
  [
    '',
    '',
    { N: 16, r: 1, p: 1 },
    '77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906',
  ],
  [
    'password',
    'NaCl',
    { N: 1024, r: 8, p: 16 },
    'fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b3731622eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640',
  ],
] as const

async function proveScrypt(): Promise<void> {
  for (const [password, salt, cost, expected] of scryptVectors) {
    const key = await new Promise<Buffer>((resolve, reject) => {
      scrypt(password, salt, 64, cost, (error, derived) => (error ? reject(error) : resolve(derived)))
    })
    if (!key.equals(hex(expected))) throw new Error('scrypt gives a wrong result')
  }
}

function proveZstd(choose: () => Primitives): void {
  using chosen = choose()
  const contents = [sample, Buffer.alloc(300_000, 'understudy '), aes.cipher, Buffer.from('a')]
  for (const [writer, reader] of [
    [referencePrimitives, chosen],
    [chosen, referencePrimitives],
  ] as const) {
    const known = Buffer.alloc(300)
    reader.zstd.decompress(hex(knownAnswers.frame), known)
    expectEqual('zstd', reader, known, Buffer.alloc(300, 'a'))
    for (const content of contents) {
      for (const level of [1, 3, 8]) proveFrame(writer, reader, { content, level })
    }
  }
}

function proveFrame(
  writer: Primitives,
  reader: Primitives,
  { content, level }: { readonly content: Buffer; readonly level: number },
): void {
  const packed = Buffer.alloc(compressBound(content.length))
  const length = writer.zstd.compress(content, packed, level)
  const plain = Buffer.alloc(content.length)
  reader.zstd.decompress(packed.subarray(0, length), plain)
  expectEqual('zstd', writer, plain, content)
}

/** The polynomial of restic's own tests. */
const polynomial = 0x3da3358b4dc173n

function proveChunker(): void {
  const content = noise(6 << 20)
  const chunker = new Chunker(polynomial)
  content.copy(chunker.buffer)
  const cuts: number[] = []
  for (let start = 0; start < content.length; start += cuts.at(-1) ?? 0) {
    cuts.push(chunker.findCut(start, content.length, start) || content.length - start)
  }
  const expected = cutSimply(content, polynomial)
  if (cuts.length < 2 || cuts.join() !== expected.join()) throw new Error('the chunker cuts at wrong places')
}

/** Bytes that are always the same and look random (xorshift). */
function noise(bytes: number): Buffer {
  const words = new Uint32Array(bytes / 4)
  let state = 0x9e3779b9
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    words[i] = state
  }
  return Buffer.from(words.buffer)
}
