/**
 * How a machine proves with each call who it is: an Ed25519 signature, by the key that was made on the machine, over what
 * it calls, when, and with which body. There is no secret that could be read on the way or in the server's database.
 *
 * `authorization: Understudy machine="…", time="…", nonce="…", signature="…"`. The time is the server's, as the machine
 * has it from the header `understudy-time` of earlier answers: a machine whose clock is wrong must be able to report that.
 */

export interface MachineSignature {
  readonly machineId: string
  /** Milliseconds since 1970, by the server's clock. */
  readonly time: number
  /** Never twice within `signatureWindow`. */
  readonly nonce: string
  /** Base64url. */
  readonly signature: string
}

/** How far the time of a signature may be off, in milliseconds. */
export const signatureWindow = 5 * 60_000

/** The header with which the server tells its time, in milliseconds since 1970. */
export const serverTimeHeader = 'understudy-time'

/** What is signed. `target` is path and query as sent; `bodyHash` the SHA-256 of the body's bytes, in hexadecimal digits. */
export function signedText(
  { machineId, time, nonce }: Omit<MachineSignature, 'signature'>,
  { method, target, bodyHash }: { readonly method: string; readonly target: string; readonly bodyHash: string },
): string {
  return ['understudy-call-1', machineId, time, nonce, method, target, bodyHash].join('\n')
}

export function formatMachineSignature({ machineId, time, nonce, signature }: MachineSignature): string {
  return `Understudy machine="${machineId}", time="${time}", nonce="${nonce}", signature="${signature}"`
}

const pattern =
  /^Understudy machine="([0-9a-f-]{36})", time="([0-9]{1,16})", nonce="([A-Za-z0-9_-]{16,64})", signature="([A-Za-z0-9_-]{80,100})"$/

/** Undefined: it is none. */
export function parseMachineSignature(header: string): MachineSignature | undefined {
  const [, machineId, time, nonce, signature] = pattern.exec(header) ?? []
  if (machineId === undefined || time === undefined || nonce === undefined || signature === undefined) return undefined
  return { machineId, time: Number(time), nonce, signature }
}
