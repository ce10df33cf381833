import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { missing, peer } from '../../../test/helpers/peers.ts'
import { runOk } from '../../../test/helpers/run.ts'
import { tempFolder } from '../../../test/helpers/temp.ts'
import {
  degreeOf,
  formatPolynomial,
  greatestCommonDivisor,
  isIrreducible,
  parsePolynomial,
  randomPolynomial,
  remainder,
} from './polynomial.ts'

// From the tests of restic's chunker (polynomials_test.go).
const irreducible = [0x3da3358b4dc173n, 0x2482734cacca49n]
const reducible = [
  0x38f1e565e288dfn,
  0x30a8295b9d5c91n,
  0x255f4350b962cbn,
  0x267f776110a235n,
  0x2f4dae10d41227n,
  0x312daf4b284899n,
  0x29dfb6553d01d1n,
  0x3548245eb26257n,
  0x3199e7ef4211b3n,
  0x362f39017dae8bn,
  0x200d57aa6fdacbn,
  0x35e0a4efa1d275n,
  0x2ced55b026577fn,
  0x260b012010893dn,
  0x2df29cbcd59e9dn,
  0x3f2ac7488bd429n,
  0x3e5cb1711669fbn,
  0x226d8de57a9959n,
]

test('irreducible polynomials are told from others as restic tells them', () => {
  for (const polynomial of irreducible) assert.equal(isIrreducible(polynomial), true, polynomial.toString(16))
  for (const polynomial of reducible) assert.equal(isIrreducible(polynomial), false, polynomial.toString(16))
})

test('the test agrees with trying all divisors, for all small polynomials', () => {
  const hasDivisor = (polynomial: bigint): boolean => {
    for (let divisor = 2n; degreeOf(divisor) * 2 <= degreeOf(polynomial); divisor++) {
      if (remainder(polynomial, divisor) === 0n) return true
    }
    return false
  }
  for (let polynomial = 0n; polynomial < 1024n; polynomial++) {
    const expected = polynomial >= 2n && !hasDivisor(polynomial)
    assert.equal(isIrreducible(polynomial), expected, polynomial.toString(2))
  }
})

test('remainders and common divisors are those of restic’s vectors', () => {
  assert.equal(remainder(0b101101001n, 0b1010n), 1n)
  assert.equal(remainder(10n, 50n), 10n)
  assert.equal(remainder(1n << 63n, 1n << 63n), 0n)
  assert.equal(remainder(0b1100001111n, 0b10011n), 0n)
  assert.equal(greatestCommonDivisor(10n, 50n), 2n)
  assert.equal(greatestCommonDivisor(0x230d2259defdn, 0x51b492b3eff2n), 0b10011n)
  assert.equal(greatestCommonDivisor(0x3da3358b4dc173n, 0x230d2259defdn), 1n)
  assert.deepEqual([0n, 1n, 2n, 3n, 1n << 63n].map(degreeOf), [-1, 0, 1, 1, 63])
})

test('drawn polynomials are irreducible, of degree 53, and come back from their text', () => {
  const drawn = Array.from({ length: 20 }, () => randomPolynomial(randomBytes))
  for (const polynomial of drawn) {
    assert.equal(degreeOf(polynomial), 53)
    assert.equal(parsePolynomial(formatPolynomial(polynomial)), polynomial)
  }
  assert.equal(new Set(drawn).size, drawn.length)
  assert.equal(formatPolynomial(0x3da3358b4dc173n), '3da3358b4dc173')
})

test('randomness that never gives a usable polynomial ends in an error, not in a hang', () => {
  let calls = 0
  const stuck = (length: number): Buffer => {
    calls++
    return Buffer.alloc(length)
  }
  assert.throws(() => randomPolynomial(stuck), /randomness/)
  assert.ok(calls > 1000)
})

test('a malformed, reducible or too small polynomial is refused with one code', () => {
  const bad = [
    '',
    '0',
    '1',
    'xyz',
    '0x3da3358b4dc173',
    ' 3da3358b4dc173',
    '3da3358b4dc173\n',
    '-1',
    '7',
    '13da3358b4dc173',
  ]
  bad.push('f'.repeat(1000), ...reducible.map(formatPolynomial))
  for (const text of bad) assert.throws(() => parsePolynomial(text), { code: 'POLYNOMIAL_INVALID' }, text)
})

test('polynomials that restic draws are accepted', { skip: missing('restic') }, async () => {
  await using folder = await tempFolder()
  const env = { RESTIC_PASSWORD: 'x', RESTIC_REPOSITORY: folder.path }
  await runOk(peer('restic'), ['--no-cache', 'init'], { env })
  const config = JSON.parse(await runOk(peer('restic'), ['--no-cache', 'cat', 'config'], { env })) as Record<
    string,
    string
  >
  const text = config['chunker_polynomial'] as string
  assert.equal(formatPolynomial(parsePolynomial(text)), text)
})
