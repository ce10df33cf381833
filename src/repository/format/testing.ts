import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'

/** Helpers of this folder's tests. */

/** Options of every property test: the seed of a failure is printed, and can be given again in the environment. */
export const propertyOptions = {
  numRuns: 500,
  ...(process.env['UNDERSTUDY_TEST_SEED'] && { seed: Number(process.env['UNDERSTUDY_TEST_SEED']) }),
}

/** Plain bytes of a file of a repository that restic made (`scripts/make-format-fixtures.ts`). */
export function fixture(name: string): Buffer {
  return readFileSync(new URL(`fixtures/${name}`, import.meta.url))
}

/** Why tests against the real restic cannot run here; false when they can. */
export const withoutRestic: string | false = hasRestic() ? false : 'restic is not installed'

function hasRestic(): boolean {
  try {
    execFileSync('restic', ['version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** `bytes` with one byte changed, cut off, or put in: what damage, or a fuzzer, does. */
export function damage(bytes: Uint8Array, { at, kind, byte }: Damage): Buffer {
  const position = bytes.length === 0 ? 0 : at % bytes.length
  const before = bytes.subarray(0, position)
  if (kind === 'cut') return Buffer.from(before)
  const after = bytes.subarray(kind === 'put in' ? position : position + 1)
  return Buffer.concat([before, kind === 'leave out' ? Buffer.alloc(0) : Buffer.from([byte]), after])
}

export interface Damage {
  readonly at: number
  readonly kind: 'change' | 'cut' | 'put in' | 'leave out'
  readonly byte: number
}

/** Any damage; bytes that mean something in JSON come often. */
export const anyDamage: fc.Arbitrary<Damage> = fc.record({
  at: fc.nat(),
  kind: fc.constantFrom('change', 'cut', 'put in', 'leave out'),
  byte: fc.oneof(fc.nat({ max: 255 }), fc.constantFrom(...Buffer.from('{}[]",:\\09en '))),
})
