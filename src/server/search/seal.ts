import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { SearchError } from './errors.ts'

/**
 * How an index is sealed: AES-256-GCM, a key of its own for each file, derived from the caller's key, the repository and the
 * random id of the file. So a block opens only in its place, in its file, for its repository.
 */

export const tagLength = 16
export const fileIdLength = 16

/** Throws `SEARCH_KEY_INVALID`. */
export function checkKey(key: Uint8Array): void {
  if (key.length !== 32) throw new SearchError('SEARCH_KEY_INVALID', { bytes: key.length })
}

export function deriveKey(key: Uint8Array, salt: Uint8Array | string, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', key, salt, `understudy search: ${purpose}`, 32))
}

/** Name of a repository's folder: ids come from outside and tell something, names made from them do neither. */
export function folderName(key: Uint8Array, repository: string): string {
  return deriveKey(key, repository, 'name of the folder').toString('hex', 0, 16)
}

/** Seals and opens the blocks of one file, each by its number. */
export class BlockSealer {
  readonly #key: Buffer
  readonly #header: Buffer

  /** `header` is what is readable at the beginning of the file; it is bound to every block. */
  constructor(key: Uint8Array, header: Buffer, fileId: Uint8Array) {
    this.#key = deriveKey(key, fileId, 'file')
    this.#header = header
  }

  seal(plain: Uint8Array, place: BlockPlace): Buffer {
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce(place))
    cipher.setAAD(this.#bound(place))
    return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()])
  }

  /** Undefined when it is not what was sealed for this place. */
  open(sealed: Uint8Array, place: BlockPlace): Buffer | undefined {
    if (sealed.length < tagLength) return undefined
    const decipher = createDecipheriv('aes-256-gcm', this.#key, nonce(place))
    decipher.setAAD(this.#bound(place))
    decipher.setAuthTag(sealed.subarray(sealed.length - tagLength))
    const plain = decipher.update(sealed.subarray(0, sealed.length - tagLength))
    try {
      decipher.final()
      return plain
    } catch {
      return undefined
    }
  }

  #bound({ isLast, isCompressed }: BlockPlace): Buffer {
    return Buffer.concat([this.#header, Buffer.from([isLast ? 1 : 0, isCompressed ? 1 : 0])])
  }
}

export interface BlockPlace {
  readonly number: number
  /** A file that was cut off between two blocks ends with one that was not sealed as the last. */
  readonly isLast: boolean
  readonly isCompressed: boolean
}

// Each file has a key of its own, so the number of the block is enough to never use a nonce twice.
function nonce({ number }: BlockPlace): Buffer {
  const bytes = Buffer.alloc(12)
  bytes.writeUInt32LE(number)
  return bytes
}

/** Seals a short text with a random nonce, bound to what it belongs to. */
export function sealText(key: Uint8Array, text: Uint8Array, boundTo: Uint8Array): Buffer {
  const random = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, random)
  cipher.setAAD(boundTo)
  return Buffer.concat([random, cipher.update(text), cipher.final(), cipher.getAuthTag()])
}

/** Undefined when it was not sealed by `sealText` with this key and for this. */
export function openText(key: Uint8Array, sealed: Uint8Array, boundTo: Uint8Array): Buffer | undefined {
  if (sealed.length < 12 + tagLength) return undefined
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, 12))
  decipher.setAAD(boundTo)
  decipher.setAuthTag(sealed.subarray(sealed.length - tagLength))
  const text = decipher.update(sealed.subarray(12, sealed.length - tagLength))
  try {
    decipher.final()
    return text
  } catch {
    return undefined
  }
}
