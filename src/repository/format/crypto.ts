import { createCipheriv } from 'node:crypto'
import { createRequire } from 'node:module'
import { FormatError } from './errors.ts'

/**
 * Seals and opens everything that restic's format encrypts (restic: internal/repository/crypto/crypto.go).
 *
 * Sealed bytes are `IV (16) ‖ AES-256-CTR of the plaintext ‖ Poly1305 tag (16)`. The tag is over the ciphertext only; its
 * one-time key is `r ‖ AES-128-ECB(k, IV)`. There is no associated data: what a blob is, is said by its hash.
 */

/** The keys of a repository: 64 secret bytes, stored sealed in every key file. */
export interface MasterKey {
  /** 32 bytes: AES-256. */
  readonly encrypt: Uint8Array
  /** 16 bytes: AES-128 key that makes the second half of each one-time Poly1305 key. */
  readonly macK: Uint8Array
  /** 16 bytes: first half of each one-time Poly1305 key, stored as drawn (Poly1305 itself clamps it). */
  readonly macR: Uint8Array
}

const ivLength = 16
const tagLength = 16

/** Bytes that sealing adds. */
export const sealOverhead = ivLength + tagLength

/** The two operations under a `Sealer`; the reference is here, the fast one in `primitives-fast.ts`. */
export interface SealCipher extends Disposable {
  /** AES-256-CTR of `input` into `output` (equal lengths; the same memory, or none of it shared). Encrypts and decrypts. */
  crypt(iv: Uint8Array, input: Uint8Array, output: Uint8Array): void
  /** Writes the 16 byte Poly1305 tag of `bytes` under the one-time key that belongs to `iv`. */
  authenticate(iv: Uint8Array, bytes: Uint8Array, tag: Uint8Array): void
}

/** Seals and opens with one master key. Not shared between threads; dispose it, so that its keys are wiped. */
export class Sealer implements Disposable {
  readonly #cipher: SealCipher
  readonly #tag = Buffer.alloc(tagLength)
  #disposed = false

  constructor(cipher: SealCipher) {
    this.#cipher = cipher
  }

  /**
   * Writes `plain`, sealed, at `outOffset` of `out` and returns the number of bytes: `plain.length + sealOverhead`.
   * `plain` may lie exactly where its ciphertext will (`outOffset + 16`), otherwise it must not overlap that place.
   * `iv` is 16 random bytes that were never used before with this key.
   */
  seal(plain: Uint8Array, out: Uint8Array, outOffset: number, iv: Uint8Array): number {
    this.#assertUsable()
    const length = plain.length + sealOverhead
    if (iv.length !== ivLength || isZero(iv)) throw new TypeError('the IV must be 16 bytes, not all of them zero')
    if (outOffset < 0 || outOffset + length > out.length) throw new RangeError('no room for the sealed bytes')
    const bodyStart = outOffset + ivLength
    const body = out.subarray(bodyStart, bodyStart + plain.length)
    this.#cipher.crypt(iv, plain, body)
    out.set(iv, outOffset)
    this.#cipher.authenticate(iv, body, out.subarray(bodyStart + plain.length, outOffset + length))
    return length
  }

  /**
   * Opens `sealed` into `out` at `outOffset` and returns the number of plain bytes. Nothing is written, and nothing is
   * decrypted, before the tag has been found right. The plaintext may take the place of its own ciphertext.
   * Throws `SEAL_BROKEN`.
   */
  open(sealed: Uint8Array, out: Uint8Array, outOffset: number): number {
    this.#assertUsable()
    const length = sealed.length - sealOverhead
    if (length < 0) throw new FormatError('SEAL_BROKEN')
    const iv = sealed.subarray(0, ivLength)
    const body = sealed.subarray(ivLength, ivLength + length)
    if (isZero(iv)) throw new FormatError('SEAL_BROKEN')
    this.#cipher.authenticate(iv, body, this.#tag)
    if (!equalInConstantTime(this.#tag, sealed, ivLength + length)) throw new FormatError('SEAL_BROKEN')
    if (outOffset < 0 || outOffset + length > out.length) throw new RangeError('no room for the opened bytes')
    this.#cipher.crypt(iv, body, out.subarray(outOffset, outOffset + length))
    return length
  }

  [Symbol.dispose](): void {
    this.#disposed = true
    this.#cipher[Symbol.dispose]()
  }

  #assertUsable(): void {
    // Its keys are wiped, its memory may be somebody else's: going on would seal with known keys, or worse.
    if (this.#disposed) throw new Error('this sealer has been disposed')
  }
}

/** Longest piece given to OpenSSL in one call: its lengths are 32-bit signed. A multiple of the AES block. */
export const longestCipherPiece = 1 << 30

/** `SealCipher` from `node:crypto` and libsodium: the reference that the fast path is compared with. */
export class ReferenceCipher implements SealCipher {
  readonly #key: { encrypt: Buffer; macK: Buffer; oneTime: Buffer }

  constructor(key: MasterKey) {
    const oneTime = Buffer.alloc(32)
    oneTime.set(key.macR)
    this.#key = { encrypt: Buffer.from(key.encrypt), macK: Buffer.from(key.macK), oneTime }
  }

  crypt(iv: Uint8Array, input: Uint8Array, output: Uint8Array): void {
    const cipher = createCipheriv('aes-256-ctr', this.#key.encrypt, iv)
    for (let at = 0; at < input.length; at += longestCipherPiece) {
      output.set(cipher.update(input.subarray(at, at + longestCipherPiece)), at)
    }
  }

  authenticate(iv: Uint8Array, bytes: Uint8Array, tag: Uint8Array): void {
    const { macK, oneTime } = this.#key
    oneTime.set(createCipheriv('aes-128-ecb', macK, null).setAutoPadding(false).update(iv), 16)
    loadSodium().crypto_onetimeauth(tag, bytes, oneTime)
  }

  [Symbol.dispose](): void {
    for (const secret of Object.values(this.#key)) secret.fill(0)
  }
}

interface Sodium {
  crypto_onetimeauth(tag: Uint8Array, bytes: Uint8Array, key: Uint8Array): void
}

let sodium: Sodium | undefined
function loadSodium(): Sodium {
  // Loaded on demand: the fast path does without it, and it takes 9 ms.
  return (sodium ??= createRequire(import.meta.url)('sodium-native') as Sodium)
}

/**
 * Hands out IVs, drawing randomness for 256 of them at a time. The bytes of an IV are good until the next call.
 * `fillRandom` is `crypto.randomFillSync`, or a fixed sequence in a test.
 */
export function randomIvs(fillRandom: (into: Uint8Array) => void): () => Uint8Array {
  const pool = Buffer.alloc(256 * ivLength)
  let next = pool.length
  return () => {
    for (;;) {
      if (next === pool.length) {
        fillRandom(pool)
        next = 0
      }
      const iv = pool.subarray(next, next + ivLength)
      next += ivLength
      if (!isZero(iv)) return iv // all zeros is refused by every reader of the format
    }
  }
}

/** Reads the JSON that a key file seals: `{"mac":{"k":…,"r":…},"encrypt":…}`, in base64. Throws `MASTER_KEY_INVALID`. */
export function parseMasterKey(json: Uint8Array): MasterKey {
  const { mac, encrypt } = asRecord(parseJson(json), 'it is not a JSON object')
  const { k, r } = asRecord(mac, '"mac" is missing')
  return {
    encrypt: decodeKey(encrypt, 'encrypt', 32),
    macK: decodeKey(k, 'mac.k', 16),
    macR: decodeKey(r, 'mac.r', 16),
  }
}

/** The JSON of a master key, in restic's field order. */
export function encodeMasterKey(key: MasterKey): Buffer {
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')
  const json = { mac: { k: base64(key.macK), r: base64(key.macR) }, encrypt: base64(key.encrypt) }
  return Buffer.from(JSON.stringify(json))
}

/** Splits 64 bytes (from scrypt, or random ones for a new repository) into the three keys: AES, then `k`, then `r`. */
export function splitMasterKey(bytes: Uint8Array): MasterKey {
  if (bytes.length !== 64) throw new RangeError('a master key is 64 bytes')
  // Copies: `slice` of a Buffer would be a view, and callers wipe `bytes`.
  const copy = (start: number, end: number): Uint8Array => new Uint8Array(bytes.subarray(start, end))
  return { encrypt: copy(0, 32), macK: copy(32, 48), macR: copy(48, 64) }
}

function parseJson(json: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(json.buffer, json.byteOffset, json.length).toString('utf8'))
  } catch {
    // The parser's own message would repeat a piece of the secret.
    throw new FormatError('MASTER_KEY_INVALID', { reason: 'it is not JSON' })
  }
}

function asRecord(value: unknown, reason: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) throw new FormatError('MASTER_KEY_INVALID', { reason })
  return value as Record<string, unknown>
}

function decodeKey(text: unknown, field: string, length: number): Buffer {
  const bytes = typeof text === 'string' ? Buffer.from(text, 'base64') : undefined
  // Encoding again shows characters that Node's decoder passes over.
  if (bytes?.length !== length || bytes.toString('base64') !== text) {
    throw new FormatError('MASTER_KEY_INVALID', { reason: `"${field}" is not ${length} bytes in base64` })
  }
  if (isZero(bytes)) throw new FormatError('MASTER_KEY_INVALID', { reason: `"${field}" is all zeros` })
  return bytes
}

function isZero(bytes: Uint8Array): boolean {
  let all = 0
  for (let i = 0; i < bytes.length; i++) all |= bytes[i] as number
  return all === 0
}

/** Compares the 16 bytes of a tag with those at `offset`; the time taken tells nothing of where they differ. */
function equalInConstantTime(tag: Uint8Array, bytes: Uint8Array, offset: number): boolean {
  let difference = 0
  for (let i = 0; i < tagLength; i++) difference |= (tag[i] as number) ^ (bytes[offset + i] as number)
  return difference === 0
}
