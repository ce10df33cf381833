import { scrypt } from 'node:crypto'
import { splitMasterKey, type MasterKey } from './crypto.ts'
import { FormatError } from './errors.ts'

/** What one try of a password costs: scrypt's parameters. Memory is `128 · N · r` bytes, time grows with `N · r · p`. */
export interface KeyCost {
  readonly N: number
  readonly r: number
  readonly p: number
}

/**
 * The cost of key files that we make: 32 MiB and about 0.2 s a try on a small machine. It is fixed, not measured on the
 * machine that makes the key: a busy moment must not give a weak key.
 */
export const keyCost: KeyCost = { N: 32768, r: 8, p: 3 }

/** Bytes of salt in a key file. */
export const saltLength = 64

/** 512 MiB for `128 · N · r`; restic stays near 60 MiB. */
const largestMemoryFactor = 2 ** 22
/** About 8 s on a small machine. restic aims at 0.5 s wherever it makes a key: a machine may be sixteen times as fast. */
const largestWork = 2 ** 25

/**
 * Derives the key that seals the master key in a key file (restic: internal/repository/crypto/kdf.go).
 * Throws `KEY_COST_REFUSED` when a (hostile) key file asks for absurd memory or time.
 */
export async function deriveKey(
  password: string | Uint8Array,
  salt: Uint8Array,
  { N, r, p }: KeyCost,
): Promise<MasterKey> {
  checkKeyCost({ N, r, p })
  if (salt.length !== saltLength) throw refused(`its salt has ${salt.length} bytes instead of ${saltLength}`)
  const maxmem = 128 * r * (N + p + 2) + 2 ** 20
  const bytes = await new Promise<Buffer>((resolve, reject) => {
    scrypt(password, salt, 64, { N, r, p, maxmem }, (error, key) => (error ? reject(error) : resolve(key)))
  })
  const key = splitMasterKey(bytes)
  bytes.fill(0)
  return key
}

/** Throws `KEY_COST_REFUSED` unless the parameters are ones that scrypt knows and that a machine can be asked for. */
export function checkKeyCost({ N, r, p }: KeyCost): void {
  for (const [name, value] of Object.entries({ N, r, p })) {
    if (!Number.isSafeInteger(value) || value < 1) throw refused(`${name} is ${value}`)
  }
  if (N < 2 || !Number.isInteger(Math.log2(N))) throw refused(`N is ${N}, not a power of two`)
  // scrypt holds N blocks of one lane, and one block of each of the p lanes.
  if (Math.max(N, p) * r > largestMemoryFactor) throw refused(`${(128 * Math.max(N, p) * r) / 2 ** 20} MiB of memory`)
  if (N * r * p > largestWork) throw refused(`N = ${N}, r = ${r}, p = ${p} would take very long`)
}

function refused(reason: string): FormatError {
  return new FormatError('KEY_COST_REFUSED', { reason })
}
