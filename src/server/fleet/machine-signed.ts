import { createPublicKey, verify } from 'node:crypto'

/**
 * Whether a machine has signed a text with its key. `publicKey`: SPKI in base64; a machine without one signs nothing.
 * `signature`: base64url.
 */
export function isSignedBy(publicKey: string | null, text: string, signature: string): boolean {
  if (publicKey === null) return false
  const key = createPublicKey({ key: Buffer.from(publicKey, 'base64'), format: 'der', type: 'spki' })
  return verify(null, Buffer.from(text), key, Buffer.from(signature, 'base64url'))
}
