/**
 * Makes a repository of restic's cheap to open. restic's own keys cost half a second of scrypt for every command, which a
 * test with sixty commands cannot afford. Written here by the format's rules alone, so that it leans on nothing it tests.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes, scryptSync } from 'node:crypto'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

const sodium = createRequire(import.meta.url)('sodium-native') as {
  crypto_onetimeauth(tag: Buffer, message: Buffer, key: Buffer): void
}

interface KeyFile {
  readonly N: number
  readonly r: number
  readonly p: number
  readonly salt: string
  readonly data: string
}

/** Replaces the one key of the local repository `folder` by one with the same password and hardly any cost. */
export function cheapenKey(folder: string, password: string): void {
  const keys = join(folder, 'keys')
  const [name, ...others] = readdirSync(keys)
  if (name === undefined || others.length > 0) throw new Error('The repository must have exactly one key.')
  const old = JSON.parse(readFileSync(join(keys, name), 'utf8')) as KeyFile
  const master = unseal(Buffer.from(old.data, 'base64'), derive(password, old))

  const cost = { N: 2, r: 1, p: 1, salt: randomBytes(64).toString('base64') }
  const cheap = { ...old, ...cost, data: seal(master, derive(password, cost)).toString('base64') }
  const bytes = Buffer.from(JSON.stringify(cheap))
  writeFileSync(join(keys, createHash('sha256').update(bytes).digest('hex')), bytes)
  rmSync(join(keys, name), { force: true })
}

function derive(password: string, { N, r, p, salt }: Omit<KeyFile, 'data'>): Buffer {
  return scryptSync(password, Buffer.from(salt, 'base64'), 64, { N, r, p, maxmem: 1 << 30 })
}

function seal(plain: Buffer, key: Buffer): Buffer {
  const iv = randomBytes(16)
  const cipher = createCipheriv('aes-256-ctr', key.subarray(0, 32), iv)
  const sealed = Buffer.concat([cipher.update(plain), cipher.final()])
  return Buffer.concat([iv, sealed, tagOf(sealed, iv, key)])
}

function unseal(file: Buffer, key: Buffer): Buffer {
  const [iv, sealed, tag] = [file.subarray(0, 16), file.subarray(16, -16), file.subarray(-16)]
  if (!tagOf(sealed, iv, key).equals(tag)) throw new Error('Wrong password for the key.')
  const cipher = createDecipheriv('aes-256-ctr', key.subarray(0, 32), iv)
  return Buffer.concat([cipher.update(sealed), cipher.final()])
}

/** Poly1305-AES: the one-time key is r, then the IV sealed by AES-128 under k. */
function tagOf(sealed: Buffer, iv: Buffer, key: Buffer): Buffer {
  const cipher = createCipheriv('aes-128-ecb', key.subarray(32, 48), null).setAutoPadding(false)
  const oneTimeKey = Buffer.concat([key.subarray(48, 64), cipher.update(iv)])
  const tag = Buffer.alloc(16)
  sodium.crypto_onetimeauth(tag, sealed, oneTimeKey)
  return tag
}
