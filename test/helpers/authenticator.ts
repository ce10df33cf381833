import { createHash, createSign, generateKeyPairSync, randomBytes } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

/** What an authenticator was asked for, as the server sends it to a browser. */
export interface CreationOptions {
  readonly challenge: string
  readonly rp: { readonly id: string }
}

export interface RequestOptions {
  readonly challenge: string
  readonly rpId: string
}

export interface AuthenticatorOptions {
  /** The page that asks. */
  readonly origin: string
  /** Whether it makes sure who uses it, by a PIN or a finger. */
  readonly verifiesUser?: boolean
}

const present = 0x01
const verified = 0x04
const hasCredential = 0x40

/**
 * An authenticator in software, with one ES256 key: what a browser and a security key do together.
 * https://www.w3.org/TR/webauthn-3/
 */
export class Authenticator {
  readonly id = randomBytes(32)
  readonly #origin: string
  #flags: number
  readonly #privateKey: KeyObject
  readonly #publicKey: KeyObject
  #counter = 0

  constructor({ origin, verifiesUser = true }: AuthenticatorOptions) {
    this.#origin = origin
    this.#flags = present | (verifiesUser ? verified : 0)
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    this.#privateKey = privateKey
    this.#publicKey = publicKey
  }

  /** From now on whoever holds it is enough. */
  stopVerifying(): void {
    this.#flags = present
  }

  /** Makes a credential, without attestation. */
  create({ challenge, rp }: CreationOptions): object {
    const data = this.#data(rp.id, this.#flags | hasCredential)
    const length = Buffer.alloc(2)
    length.writeUInt16BE(this.id.length)
    const authData = Buffer.concat([data, Buffer.alloc(16), length, this.id, this.#coseKey()])
    const attestationObject = encodeMap([
      [text('fmt'), text('none')],
      [text('attStmt'), encodeMap([])],
      [text('authData'), bytes(authData)],
    ])
    const clientDataJSON = this.#clientData('webauthn.create', challenge)
    const response = {
      attestationObject: base64(attestationObject),
      clientDataJSON: base64(clientDataJSON),
      transports: [],
    }
    return this.#credential(response)
  }

  /** Shows that it has the credential. */
  get({ challenge, rpId }: RequestOptions): object {
    const authenticatorData = this.#data(rpId, this.#flags)
    const clientDataJSON = this.#clientData('webauthn.get', challenge)
    const signed = Buffer.concat([authenticatorData, createHash('sha256').update(clientDataJSON).digest()])
    const signature = createSign('sha256').update(signed).sign(this.#privateKey)
    return this.#credential({
      authenticatorData: base64(authenticatorData),
      clientDataJSON: base64(clientDataJSON),
      signature: base64(signature),
    })
  }

  #credential(response: object): object {
    const id = base64(this.id)
    return { id, rawId: id, type: 'public-key', clientExtensionResults: {}, response }
  }

  #clientData(type: string, challenge: string): Buffer {
    return Buffer.from(JSON.stringify({ type, challenge, origin: this.#origin, crossOrigin: false }))
  }

  /** Section 6.1: for whom, what was done, how often. */
  #data(rpId: string, flags: number): Buffer {
    const counter = Buffer.alloc(4)
    counter.writeUInt32BE(++this.#counter)
    return Buffer.concat([createHash('sha256').update(rpId).digest(), Buffer.from([flags]), counter])
  }

  /** RFC 9053: kty EC2, alg ES256, crv P-256, x, y. */
  #coseKey(): Buffer {
    const { x = '', y = '' } = this.#publicKey.export({ format: 'jwk' })
    return encodeMap([
      [integer(1), integer(2)],
      [integer(3), integer(-7)],
      [integer(-1), integer(1)],
      [integer(-2), bytes(Buffer.from(x, 'base64url'))],
      [integer(-3), bytes(Buffer.from(y, 'base64url'))],
    ])
  }
}

function base64(data: Buffer): string {
  return data.toString('base64url')
}

/** CBOR (RFC 8949), as much of it as is needed: a head of kind and length, then what it tells of. */
function head(kind: number, value: number): Buffer {
  if (value < 24) return Buffer.from([(kind << 5) | value])
  if (value < 256) return Buffer.from([(kind << 5) | 24, value])
  return Buffer.from([(kind << 5) | 25, value >> 8, value & 0xff])
}

function integer(value: number): Buffer {
  return value < 0 ? head(1, -1 - value) : head(0, value)
}

function bytes(data: Buffer): Buffer {
  return Buffer.concat([head(2, data.length), data])
}

function text(value: string): Buffer {
  return Buffer.concat([head(3, value.length), Buffer.from(value)])
}

function encodeMap(entries: readonly (readonly [Buffer, Buffer])[]): Buffer {
  return Buffer.concat([head(5, entries.length), ...entries.flat()])
}
