import { FormatError } from './errors.ts'

/**
 * Polynomials over GF(2), as the chunker uses them: bit i of a bigint is the coefficient of x^i
 * (restic's chunker: polynomials.go). Each repository has its own, drawn at random, so that the lengths of chunks tell
 * nothing to somebody who does not know it.
 */

/** Degree of every chunker polynomial. */
export const polynomialDegree = 53

/** One in 53 candidates is irreducible, one in 27 of those with a constant term; so many misses say that the randomness is broken. */
const mostTries = 100_000

/** Reads the polynomial of a config (`chunker_polynomial`, hex). Throws `POLYNOMIAL_INVALID`. */
export function parsePolynomial(text: string): bigint {
  if (!/^[0-9a-f]{1,16}$/i.test(text)) throw refuse(text, 'it is not a hexadecimal number of 64 bits')
  const polynomial = BigInt(`0x${text}`)
  checkPolynomial(polynomial)
  return polynomial
}

/**
 * To be called before anything is cut: with another polynomial cuts would come too seldom, or never.
 * Throws `POLYNOMIAL_INVALID`.
 */
export function checkPolynomial(polynomial: bigint): void {
  const text = formatPolynomial(polynomial)
  if (degreeOf(polynomial) !== polynomialDegree) throw refuse(text, `its degree is not ${polynomialDegree}`)
  if (!isIrreducible(polynomial)) throw refuse(text, 'it is not irreducible')
}

function refuse(polynomial: string, reason: string): FormatError {
  return new FormatError('POLYNOMIAL_INVALID', { polynomial, reason })
}

/** As the config has it: lower-case hex. */
export function formatPolynomial(polynomial: bigint): string {
  return polynomial.toString(16)
}

/** Draws an irreducible polynomial of degree 53. `randomBytes` is that of `node:crypto`, or a fixed sequence in a test. */
export function randomPolynomial(randomBytes: (length: number) => Uint8Array): bigint {
  for (let tries = 0; tries < mostTries; tries++) {
    const bits = Buffer.from(randomBytes(8)).readBigUInt64LE()
    // The highest coefficient makes the degree; without the lowest, it could be divided by x.
    const candidate = BigInt.asUintN(polynomialDegree, bits) | (1n << BigInt(polynomialDegree)) | 1n
    if (isIrreducible(candidate)) return candidate
  }
  throw new Error('no irreducible polynomial found: the source of randomness is broken')
}

/**
 * Ben-Or's test: a polynomial f of degree n is irreducible when it has no factor in common with any x^(2^i) − x, i up to
 * n/2 (each of them is the product of all irreducible polynomials whose degree divides i).
 */
export function isIrreducible(polynomial: bigint): boolean {
  const degree = degreeOf(polynomial)
  if (degree < 1) return false
  let power = 2n // x
  for (let i = 1; i <= degree / 2; i++) {
    power = remainder(square(power), polynomial)
    if (greatestCommonDivisor(polynomial, power ^ 2n) !== 1n) return false
  }
  return true
}

/** The highest power of x; −1 for zero. */
export function degreeOf(polynomial: bigint): number {
  return polynomial === 0n ? -1 : polynomial.toString(2).length - 1
}

export function remainder(dividend: bigint, divisor: bigint): bigint {
  const degree = degreeOf(divisor)
  let rest = dividend
  for (let over = degreeOf(rest) - degree; over >= 0; over = degreeOf(rest) - degree) rest ^= divisor << BigInt(over)
  return rest
}

export function greatestCommonDivisor(one: bigint, other: bigint): bigint {
  let [a, b] = [one, other]
  while (b !== 0n) [a, b] = [b, remainder(a, b)]
  return a
}

/** Over GF(2), a square has the same coefficients, each at twice its power. */
function square(polynomial: bigint): bigint {
  return BigInt(`0b${polynomial.toString(2).split('').join('0')}`)
}
