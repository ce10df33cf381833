import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto'
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { ServerError } from '../errors.ts'

/**
 * Seals secrets that lie in the database, with a key that does not: a copy of the database alone reveals none of them.
 *
 * AES-256-GCM; the purpose of a value is bound to it, so that a sealed value cannot be put in another's place.
 */
export class Sealer {
  readonly #key: Buffer

  /** @param key 32 bytes */
  constructor(key: Buffer) {
    this.#key = key
  }

  /** Text that only `open` with the same purpose reads. */
  seal(purpose: string, secret: string): string {
    const nonce = randomBytes(nonceLength)
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce).setAAD(Buffer.from(purpose))
    const sealed = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()])
    return `${version}${Buffer.concat([nonce, sealed, cipher.getAuthTag()]).toString('base64url')}`
  }

  /** Throws `SECRET_DAMAGED`. */
  open(purpose: string, sealed: string): string {
    try {
      if (!sealed.startsWith(version)) throw new Error('unknown version')
      const bytes = Buffer.from(sealed.slice(version.length), 'base64url')
      const [nonce, tag] = [bytes.subarray(0, nonceLength), bytes.subarray(-tagLength)]
      const decipher = createDecipheriv('aes-256-gcm', this.#key, nonce, { authTagLength: tagLength })
      decipher.setAAD(Buffer.from(purpose)).setAuthTag(tag)
      const secret = Buffer.concat([decipher.update(bytes.subarray(nonceLength, -tagLength)), decipher.final()])
      return secret.toString('utf8')
    } catch (cause) {
      throw new ServerError('SECRET_DAMAGED', { purpose, cause })
    }
  }

  /** A key for one purpose that tells nothing of this one: 64 hexadecimal digits. */
  derive(purpose: string): string {
    return createHmac('sha256', this.#key).update(`understudy ${purpose}`).digest('hex')
  }
}

const version = 'v1.'
const nonceLength = 12
const tagLength = 16

/**
 * The sealing key of a server, from its file; made when `mayCreate` and there is none. Throws `SEALING_KEY_MISSING`,
 * `SEALING_KEY_INVALID`.
 */
export async function openSealer(path: string, mayCreate: boolean): Promise<Sealer> {
  const text = await readFile(path, 'utf8').catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === 'ENOENT') return undefined
    throw new ServerError('SEALING_KEY_INVALID', { path, reason: thrown.message, cause: thrown })
  })
  if (text === undefined && mayCreate) return await createSealer(path)
  if (text === undefined) throw new ServerError('SEALING_KEY_MISSING', { path })
  const { mode } = await stat(path)
  if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
    throw new ServerError('SEALING_KEY_INVALID', { path, reason: 'others than its owner may read it' })
  }
  const digits = text.trim()
  if (!/^[0-9a-f]{64}$/.test(digits)) {
    throw new ServerError('SEALING_KEY_INVALID', { path, reason: 'it does not hold 64 hexadecimal digits' })
  }
  return new Sealer(Buffer.from(digits, 'hex'))
}

async function createSealer(path: string): Promise<Sealer> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const key = randomBytes(32)
  // Exclusive: of two servers that start at once in one folder the second must not replace what the first has sealed with.
  await writeFile(path, `${key.toString('hex')}\n`, { mode: 0o600, flag: 'wx', flush: true })
  return new Sealer(key)
}
