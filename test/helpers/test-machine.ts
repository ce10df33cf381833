import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { formatMachineSignature, signedText } from '#protocol'

/** A machine's key, as an agent makes it. */
export class TestMachine {
  readonly publicKey: string
  readonly #privateKey: KeyObject
  id = ''

  constructor() {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519')
    this.publicKey = publicKey.export({ format: 'der', type: 'spki' }).toString('base64')
    this.#privateKey = privateKey
  }

  sign(text: string): string {
    return sign(null, Buffer.from(text), this.#privateKey).toString('base64url')
  }

  /** What it sends to be enrolled with a line's secret. */
  enrolment(secret: string): object {
    const about = { hostname: 'machine', platform: 'linux', release: '6', agentVersion: '0' }
    return { secret, publicKey: this.publicKey, about, proof: this.sign(`understudy-enrol-1\n${secret}`) }
  }

  /** The header of a call. */
  header(method: string, target: string, time: number, body = ''): { authorization: string; nonce: string } {
    const nonce = randomBytes(18).toString('base64url')
    const bodyHash = createHash('sha256').update(body).digest('hex')
    const about = { machineId: this.id, time, nonce }
    const signature = this.sign(signedText(about, { method, target, bodyHash }))
    return { authorization: formatMachineSignature({ ...about, signature }), nonce }
  }
}
