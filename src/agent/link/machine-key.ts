import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

/** The machine's own key, Ed25519: it never leaves the machine, and proves who it is and which snapshots are its own. */
export class MachineKey {
  readonly #key: KeyObject

  private constructor(key: KeyObject) {
    this.#key = key
  }

  static create(): MachineKey {
    return new MachineKey(generateKeyPairSync('ed25519').privateKey)
  }

  /** @param pem as `toPem` gives it */
  static fromPem(pem: string): MachineKey {
    return new MachineKey(createPrivateKey(pem))
  }

  toPem(): string {
    return this.#key.export({ format: 'pem', type: 'pkcs8' }).toString()
  }

  /** SPKI in base64. */
  get publicKey(): string {
    return createPublicKey(this.#key).export({ format: 'der', type: 'spki' }).toString('base64')
  }

  /** Base64url. */
  sign(text: string): string {
    return sign(null, Buffer.from(text), this.#key).toString('base64url')
  }

  /** Whether it is this key's own signature, as `sign` gives it. */
  verify(text: string, signature: string): boolean {
    return verify(null, Buffer.from(text), createPublicKey(this.#key), Buffer.from(signature, 'base64url'))
  }
}
