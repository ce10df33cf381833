import { createHmac } from 'node:crypto'

/** One-time passwords by time, as authenticator apps make them: RFC 6238 with SHA-1, six digits, thirty seconds. */

const stepLength = 30_000

/** Whether a code is that of this moment, or of the step before or after: clocks of telephones are not exact. */
export function isTotpCode(secret: string, code: string, now: number): boolean {
  if (!/^\d{6}$/.test(code)) return false
  const step = Math.floor(now / stepLength)
  return [step, step - 1, step + 1].some((one) => codeAt(secret, one) === code)
}

function codeAt(secret: string, step: number): string {
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(step))
  const digest = createHmac('sha1', secret).update(counter).digest()
  const offset = (digest.at(-1) ?? 0) & 0xf
  return String((digest.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, '0')
}

/** The address that an authenticator app reads. */
export function totpUri(secret: string, issuer: string, account: string): string {
  const label = `${encodeURIComponent(issuer)}:${encodeURIComponent(account)}`
  const query = new URLSearchParams({ secret: toBase32(secret), issuer, digits: '6', period: '30' })
  return `otpauth://totp/${label}?${query.toString()}`
}

/** RFC 4648, without padding. */
function toBase32(text: string): string {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
  const bits = [...Buffer.from(text)].map((byte) => byte.toString(2).padStart(8, '0')).join('')
  return (bits.match(/.{1,5}/g) ?? []).map((part) => letters[Number.parseInt(part.padEnd(5, '0'), 2)]).join('')
}
