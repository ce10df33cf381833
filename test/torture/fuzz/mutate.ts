/** Mutations of JSON text and of bytes: pure, by the random numbers they are given. */
import { chance } from '../random.ts'
import type { Random } from '../random.ts'

/** Values that parsers stumble over. */
const values = [
  'null',
  'true',
  '0',
  '-0',
  '-1',
  '1.0',
  '1e2',
  '1.5',
  '00',
  '4294967295',
  '4294967296',
  '9007199254740993',
  '18446744073709551615',
  '18446744073709551616',
  '1e400',
  'NaN',
  '""',
  '"\\u0000"',
  '"\\ud800"',
  '"\\udc00\\ud800"',
  '"\\ud83d\\ude00"',
  '"\\x41"',
  '"é"',
  '"e\u0301"',
  '"a\tb"',
  '"<>&\u2028"',
  '"../../x"',
  '"2026-02-30T00:00:00Z"',
  '"2026-01-01T24:00:00Z"',
  '"2026-01-01T00:00:60Z"',
  '"2026-01-01T00:00:00.123456789123Z"',
  '"2026-01-01T00:00:00,5Z"',
  '"2026-01-01t00:00:00z"',
  '"2026-01-01T00:00:00+14:00"',
  '"2026-01-01T00:00:00+24:00"',
  '"2026-01-01T00:00:00-00:00"',
  '"0000-01-01T00:00:00Z"',
  '"9999-12-31T23:59:59.999999999Z"',
  '"10000-01-01T00:00:00Z"',
  '[]',
  '[null]',
  '["a",null]',
  '[1]',
  '{}',
  '{"__proto__":{"a":1}}',
  '[[[[[[[[]]]]]]]]',
  `"${'0'.repeat(64)}"`,
  `"${'A'.repeat(64)}"`,
  `"${'f'.repeat(63)}"`,
  `"${'f'.repeat(65)}"`,
]

/** A piece of JSON text by its place. */
interface Token {
  readonly start: number
  readonly end: number
  readonly isKey: boolean
}

/** One to three changes to JSON text. */
export function mutateJson(json: Buffer, random: Random): Buffer {
  let text = json
  for (let i = 1 + random.below(3); i > 0; i--) text = random.pick(changes)(text, random)
  return text
}

type Change = (text: Buffer, random: Random) => Buffer

const changes: readonly Change[] = [
  replaceValue,
  replaceValue,
  replaceValue,
  replaceValue,
  dropMember,
  dropMember,
  renameKey,
  repeatMember,
  addMember,
  swapScalars,
  spaceOut,
  flipBit,
  removeBytes,
  repeatBytes,
  insertBytes,
  addAround,
]

function replaceValue(text: Buffer, random: Random): Buffer {
  const token = pickToken(text, random, false)
  return token ? splice(text, token.start, token.end, random.pick(values)) : text
}

/** Takes out `"key":value,` where the value is a scalar. */
function dropMember(text: Buffer, random: Random): Buffer {
  const member = pickMember(text, random)
  if (!member) return text
  const withComma = text[member.end] === 0x2c ? member.end + 1 : member.end
  return splice(text, member.start, withComma, '')
}

function repeatMember(text: Buffer, random: Random): Buffer {
  const member = pickMember(text, random)
  if (!member) return text
  return splice(text, member.start, member.start, `${text.toString('latin1', member.start, member.end)},`, 'latin1')
}

function addMember(text: Buffer, random: Random): Buffer {
  const member = pickMember(text, random)
  const name = random.pick(['unknown', '__proto__', 'constructor', 'Name', 'TIME', 'nodes', ''])
  return member ? splice(text, member.start, member.start, `"${name}":${random.pick(values)},`) : text
}

/** Go takes keys whatever the case of their letters. */
function renameKey(text: Buffer, random: Random): Buffer {
  const token = pickToken(text, random, true)
  if (!token) return text
  const name = text.toString('latin1', token.start + 1, token.end - 1)
  const renamed = random.pick([
    name.toUpperCase(),
    `${name}_`,
    name.slice(1),
    `\\u00${(name.charCodeAt(0) || 0).toString(16)}${name.slice(1)}`,
  ])
  return splice(text, token.start, token.end, `"${renamed}"`, 'latin1')
}

function swapScalars(text: Buffer, random: Random): Buffer {
  const [a, b] = [pickToken(text, random, false), pickToken(text, random, false)]
  if (!a || !b || a.start === b.start) return text
  const [first, second] = a.start < b.start ? [a, b] : [b, a]
  return Buffer.concat([
    text.subarray(0, first.start),
    text.subarray(second.start, second.end),
    text.subarray(first.end, second.start),
    text.subarray(first.start, first.end),
    text.subarray(second.end),
  ])
}

function spaceOut(text: Buffer, random: Random): Buffer {
  const token = pickToken(text, random, chance(random, 0.5))
  return token ? splice(text, token.end, token.end, random.pick([' ', '\n', '\t', '\r\n', '\u00a0', '/**/'])) : text
}

export function flipBit(bytes: Buffer, random: Random): Buffer {
  const copy = Buffer.from(bytes)
  const at = random.below(Math.max(1, bytes.length))
  if (bytes.length > 0) copy[at] = (copy[at] as number) ^ (1 << random.below(8))
  return copy
}

export function removeBytes(bytes: Buffer, random: Random): Buffer {
  const from = random.below(bytes.length + 1)
  const length = chance(random, 0.2) ? bytes.length : 1 + random.below(random.pick([1, 8, 100]))
  return Buffer.concat([bytes.subarray(0, from), bytes.subarray(Math.min(bytes.length, from + length))])
}

export function repeatBytes(bytes: Buffer, random: Random): Buffer {
  const from = random.below(bytes.length + 1)
  const to = Math.min(bytes.length, from + 1 + random.below(100))
  return Buffer.concat([bytes.subarray(0, to), bytes.subarray(from)])
}

export function insertBytes(bytes: Buffer, random: Random): Buffer {
  const at = random.below(bytes.length + 1)
  return Buffer.concat([bytes.subarray(0, at), random.bytes(1 + random.below(4)), bytes.subarray(at)])
}

/** What stands before and after the text. */
function addAround(text: Buffer, random: Random): Buffer {
  const parts: readonly (readonly [string, string])[] = [
    ['\ufeff', ''],
    [' ', '\n'],
    ['', '{}'],
    ['', '\0'],
    ['', ']'],
    ['[', ']'],
    ['', ' x'],
  ]
  const [before, after] = random.pick(parts)
  return Buffer.concat([Buffer.from(before), text, Buffer.from(after)])
}

function pickToken(text: Buffer, random: Random, isKey: boolean): Token | undefined {
  const tokens = tokensOf(text).filter((token) => token.isKey === isKey)
  return tokens.length === 0 ? undefined : random.pick(tokens)
}

function pickMember(text: Buffer, random: Random): { readonly start: number; readonly end: number } | undefined {
  const tokens = tokensOf(text)
  const members = tokens.flatMap((token, i) => {
    const next = tokens[i + 1]
    return token.isKey && next && !next.isKey && next.start <= token.end + 1
      ? [{ start: token.start, end: next.end }]
      : []
  })
  return members.length === 0 ? undefined : random.pick(members)
}

/** Strings and scalars of JSON, roughly: the text may be broken already. */
function tokensOf(text: Buffer): Token[] {
  const found: Token[] = []
  const pattern = /"(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+-]*|true|false|null/g
  const latin = text.toString('latin1')
  for (const match of latin.matchAll(pattern)) {
    const end = match.index + match[0].length
    found.push({ start: match.index, end, isKey: match[0].startsWith('"') && latin[end] === ':' })
  }
  return found
}

function splice(text: Buffer, start: number, end: number, by: string, encoding: BufferEncoding = 'utf8'): Buffer {
  return Buffer.concat([text.subarray(0, start), Buffer.from(by, encoding), text.subarray(end)])
}
