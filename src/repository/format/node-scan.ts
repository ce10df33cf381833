import type { JsonReader } from './json-reader.ts'
import { scanString, unescape } from './json-reader.ts'

/**
 * Finds the fields of a node in a tree without reading their values. An unchanged backup reads every node of the parent
 * and needs five fields of it, so this is where its time goes.
 */

/** Positions of the fields in what `scanNode` returns, in the order in which restic writes them. */
export const field = {
  name: 0,
  type: 1,
  mode: 2,
  mtime: 3,
  atime: 4,
  ctime: 5,
  uid: 6,
  gid: 7,
  user: 8,
  group: 9,
  inode: 10,
  device_id: 11,
  size: 12,
  links: 13,
  linktarget: 14,
  linktarget_raw: 15,
  extended_attributes: 16,
  generic_attributes: 17,
  device: 18,
  content: 19,
  subtree: 20,
  error: 21,
} as const

export type FieldName = keyof typeof field

type Kind = 'string' | 'number' | 'ids' | 'any'

const kinds: Readonly<Record<FieldName, Kind>> = {
  name: 'string',
  type: 'string',
  mode: 'number',
  mtime: 'string',
  atime: 'string',
  ctime: 'string',
  uid: 'number',
  gid: 'number',
  user: 'string',
  group: 'string',
  inode: 'number',
  device_id: 'number',
  size: 'number',
  links: 'number',
  linktarget: 'string',
  linktarget_raw: 'string',
  extended_attributes: 'any',
  generic_attributes: 'any',
  device: 'number',
  content: 'ids',
  subtree: 'string',
  error: 'string',
}

const names = Object.keys(field) as FieldName[]
const stringKind = 0
const numberKind = 1
const idsKind = 2
const kindNumbers = { string: stringKind, number: numberKind, ids: idsKind, any: 3 }
const kindOf = Uint8Array.from(names, (name) => kindNumbers[kinds[name]])
const keyBytes = names.map((name) => Buffer.from(name))

/** Length and first letter tell all keys apart: `(length << 5) | (letter & 31)` → field number + 1. */
const keyTable = new Uint8Array(1024)
names.forEach((name, number) => {
  keyTable[(name.length << 5) | (name.charCodeAt(0) & 31)] = number + 1
})

const quote = 0x22
const backslash = 0x5c
const comma = 0x2c
const colon = 0x3a
const closeBracket = 0x5d
const openBrace = 0x7b
const closeBrace = 0x7d

const none: readonly number[] = names.map(() => -1)
const idText = 64

/**
 * Takes the node that comes next; returns, for each field, the position of its value (of the first character, for a
 * string), -1 where the field is missing or null. Strings, numbers and brackets are sound where it returns; whether an id
 * is one, or a time, is seen by who reads it.
 */
export function scanNode(reader: JsonReader): number[] {
  const { bytes } = reader
  const starts = none.slice()
  reader.enter(openBrace)
  if (reader.next() !== closeBrace) {
    for (;;) {
      if (bytes[reader.position] !== quote && reader.next() !== quote) reader.fail('no key where one should be')
      const number = scanKey(reader)
      if (bytes[reader.position] === colon) reader.position++
      else reader.take(colon)
      if (number < 0) reader.skipValue()
      else {
        if ((starts[number] as number) >= 0) reader.fail('a key that comes twice')
        starts[number] = scanValue(reader, kindOf[number] as number)
      }
      if (bytes[reader.position] === comma) reader.position++
      else if (!reader.takeIf(comma)) break
    }
  }
  reader.leave(closeBrace)
  return starts
}

/** Takes a key; returns the number of its field, -1 for one that is not known. */
function scanKey(reader: JsonReader): number {
  const { bytes } = reader
  const start = reader.position + 1
  const end = scanString(bytes, start)
  if (end < 0) reader.fail('a key that does not end', start)
  reader.position = end + 1
  const number = fieldOf(bytes, start, end)
  // Nobody writes escapes in keys; who reads them otherwise than restic would see another tree.
  return number < 0 && bytes.subarray(start, end).includes(backslash) ? escapedField(bytes, start, end) : number
}

function fieldOf(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start
  if (length > 31) return -1
  const number = (keyTable[(length << 5) | ((bytes[start] as number) & 31)] as number) - 1
  if (number < 0) return -1
  const key = keyBytes[number] as Buffer
  for (let i = 0; i < length; i++) if (key[i] !== bytes[start + i]) return -1
  return number
}

function escapedField(bytes: Uint8Array, start: number, end: number): number {
  const key = unescape(bytes.subarray(start, end))
  return fieldOf(key, 0, key.length)
}

/** Takes a value of that kind; returns where it starts, -1 for null. */
function scanValue(reader: JsonReader, kind: number): number {
  const { bytes } = reader
  let at = reader.position
  const first = bytes[at] as number
  if (kind === stringKind && first === quote) {
    at = scanString(bytes, at + 1)
    if (at < 0) reader.fail('a string that is malformed or does not end')
    const start = reader.position + 1
    reader.position = at + 1
    return start
  }
  if (kind === numberKind && first > 0x30 && first <= 0x39) {
    const start = at
    let byte: number
    do byte = bytes[++at] as number
    while (byte >= 0x30 && byte <= 0x39)
    if (byte === comma || byte === closeBrace) {
      reader.position = at
      return start
    }
  }
  return scanOther(reader, kind)
}

/** What is null, spaced out, or rare. */
function scanOther(reader: JsonReader, kind: number): number {
  if (reader.takeNull()) return -1
  reader.next()
  const start = reader.position
  if (kind === stringKind) {
    reader.readStringBytes()
    return start + 1
  }
  if (kind === numberKind) reader.readUnsigned64()
  else if (kind === idsKind) scanIds(reader)
  else reader.skipValue()
  return start
}

/** A list of ids as it usually is, with nothing between them; anything else is skipped as JSON. */
function scanIds(reader: JsonReader): void {
  const { bytes } = reader
  let at = reader.position + 1
  while (bytes[at] === quote && bytes[at + idText + 1] === quote && isIdText(bytes, at + 1)) {
    at += idText + 2
    if (bytes[at] === closeBracket) {
      reader.position = at + 1
      return
    }
    if (bytes[at] !== comma) break
    at++
  }
  reader.skipValue()
}

function isIdText(bytes: Uint8Array, start: number): boolean {
  for (let at = start; at < start + idText; at++) {
    const byte = bytes[at] as number
    if (byte < 0x30 || byte > 0x66) return false // not a quote, a backslash or a control; the rest is seen when it is read
  }
  return true
}
