import { FormatError } from './errors.ts'
import { GoJsonWriter } from './go-json.ts'
import { JsonReader } from './json-reader.ts'
import { checkKeyCost, saltLength } from './password.ts'
import type { KeyCost } from './password.ts'
import { parseTime } from './time.ts'

/** A key file: the master key, sealed with a key derived from a password (restic: internal/repository/key.go). Not secret. */
export interface KeyFile extends KeyCost {
  /** RFC 3339. */
  readonly created: string
  readonly username: string
  readonly hostname: string
  /** 64 bytes. */
  readonly salt: Buffer
  /** The master key's JSON, sealed. */
  readonly data: Buffer
}

const onlyKdf = 'scrypt'

/** The sealed master key has some 200 bytes. */
const longestData = 4096

/** The JSON of a key file, as restic writes it. */
export function encodeKeyFile(key: KeyFile): Buffer {
  const writer = new GoJsonWriter()
  writer.ascii('{"created":').string(key.created)
  writer.ascii(',"username":').string(key.username).ascii(',"hostname":').string(key.hostname)
  writer.ascii(`,"kdf":"${onlyKdf}","N":${key.N},"r":${key.r},"p":${key.p}`)
  return writer.ascii(',"salt":').base64(key.salt).ascii(',"data":').base64(key.data).ascii('}').finish()
}

/**
 * Reads a key file, which anybody who can write to the storage may have made: costs that no honest program asks for are
 * refused before anything is computed. Throws JSON_INVALID, FIELD_INVALID, TIME_INVALID or KEY_COST_REFUSED.
 */
export function decodeKeyFile(bytes: Uint8Array): KeyFile {
  const reader = new JsonReader(bytes, 'key file')
  const texts = { created: '', username: '', hostname: '', kdf: '' }
  const cost = { N: 0, r: 0, p: 0 }
  const sealed: Record<'salt' | 'data', Buffer> = { salt: Buffer.alloc(0), data: Buffer.alloc(0) }
  reader.readObject((key) => {
    if (reader.takeNull()) return
    if (isKeyOf(texts, key)) texts[key] = reader.readString()
    else if (isKeyOf(cost, key)) cost[key] = reader.readUnsigned(Number.MAX_SAFE_INTEGER)
    else if (isKeyOf(sealed, key)) sealed[key] = readBase64(reader, key)
    else reader.skipValue()
  })
  reader.finish()
  const { created, username, hostname, kdf } = texts
  if (kdf !== onlyKdf) throw invalid('kdf', `is "${kdf}"; only ${onlyKdf} is known`)
  checkKeyCost(cost)
  if (sealed.salt.length !== saltLength)
    throw invalid('salt', `has ${sealed.salt.length} bytes instead of ${saltLength}`)
  if (sealed.data.length === 0) throw invalid('data', 'is missing')
  if (sealed.data.length > longestData)
    throw invalid('data', `has ${sealed.data.length} bytes, more than ${longestData}`)
  parseTime(created)
  return { created, username, hostname, ...cost, ...sealed }
}

function isKeyOf<T extends object>(fields: T, key: string): key is keyof T & string {
  return Object.hasOwn(fields, key)
}

function readBase64(reader: JsonReader, field: string): Buffer {
  const text = reader.readString()
  const bytes = Buffer.from(text, 'base64')
  if (bytes.toString('base64') !== text) throw invalid(field, 'is not base64')
  return bytes
}

function invalid(field: string, reason: string): FormatError {
  return new FormatError('FIELD_INVALID', { what: 'key file', field, reason })
}
