import { SearchError } from './errors.ts'
import { foldText } from './fold.ts'
import type { FoldedNames } from './fold.ts'
import { rootPath } from './table.ts'
import type { IndexTable } from './table.ts'

/** The words of a query, and which paths have them. */

/** What one name must be like. */
interface NameTest {
  readonly kind: 'contains' | 'starts' | 'ends' | 'is' | 'pattern'
  readonly bytes: Buffer
}

/** One word: tests for names of folders, one below the other, and at last for a name in the last of them. */
export interface Word {
  readonly name: NameTest
  /** From the nearest folder upwards. */
  readonly folders: readonly NameTest[]
}

/** More would not fit into the bits that tell which of them a path has. */
const mostWords = 16

/** How well a name has a word. One that only a folder above has counts for nothing. */
const ratings = { whole: 8, begins: 4, atBoundary: 2, inside: 1, pattern: 4 }

/** Words apart by spaces, or together in quotation marks. Throws `SEARCH_QUERY_INVALID`. */
export function parseWords(text: string): Word[] {
  const texts = [...text.matchAll(/"([^"]*)"?|[^\s"]+/g)].map(([whole, quoted]) => quoted ?? whole)
  const words = texts.filter((one) => one.replaceAll('/', '') !== '')
  if (words.length > mostWords)
    throw new SearchError('SEARCH_QUERY_INVALID', { reason: `more than ${mostWords} words` })
  if (words.some((word) => word.includes('\0')))
    throw new SearchError('SEARCH_QUERY_INVALID', { reason: 'a NUL in a word' })
  return words.map(parseWord)
}

function parseWord(text: string): Word {
  const parts = text.split('/')
  const [begins, ends] = [parts[0] === '', parts.at(-1) === '']
  const names = parts.filter((part) => part !== '').map(foldText)
  const tests = names.map((name, at) => {
    const isFirst = at === 0 && !begins
    const isLast = at === names.length - 1 && !ends
    return nameTest(name, isFirst, isLast)
  })
  const [name, ...folders] = tests.toReversed()
  return { name: name as NameTest, folders }
}

/** A part that is cut off by a slash ends there; only at its ends a word may be a part of a name. */
function nameTest(text: string, openStart: boolean, openEnd: boolean): NameTest {
  const middle = /^(\*?)([^*?]*)(\*?)$/.exec(text)
  if (!middle) return { kind: 'pattern', bytes: Buffer.from(text) }
  const [, before, literal = '', after] = middle
  // A pattern is for a whole name; a word may be anywhere in one.
  const isPattern = before !== '' || after !== ''
  const start = isPattern ? before !== '' : openStart
  const end = isPattern ? after !== '' : openEnd
  // `*` alone: every name ends with nothing.
  const kind = start && end && literal !== '' ? 'contains' : start ? 'ends' : end ? 'starts' : 'is'
  return { kind, bytes: Buffer.from(literal) }
}

/** For each path the bits of the words that its own name has, and how well. */
interface WordHits {
  readonly own: Uint16Array
  readonly ratings: Uint16Array
}

export function findWords(table: IndexTable, names: FoldedNames, words: readonly Word[]): WordHits {
  const hits = { own: new Uint16Array(table.pathCount), ratings: new Uint16Array(table.pathCount) }
  words.forEach((word, at) => {
    const onHit = (path: number, rating: number) => {
      if (!haveFolders(table, names, path, word.folders)) return
      hits.own[path] = (hits.own[path] as number) | (1 << at)
      hits.ratings[path] = (hits.ratings[path] as number) + rating
    }
    if (word.name.kind === 'contains') scanForText(names, word.name.bytes, onHit)
    else scanNames(names, word.name, onHit)
  })
  return hits
}

/** Calls back once for each name that has the text in it. */
function scanForText(names: FoldedNames, text: Buffer, onHit: (path: number, rating: number) => void): void {
  if (text.length <= shortText) scanForShortText(names, text, onHit)
  else scanForLongText(names, text, onHit)
}

/** So short a text is in so many names that looking for the next costs more than looking at each. */
const shortText = 2

function scanForShortText(names: FoldedNames, text: Buffer, onHit: (path: number, rating: number) => void): void {
  const { values: bytes } = names.bytes
  const { values: ends, length } = names.ends
  const [first, second] = [text[0] as number, text[1]]
  for (let path = 1, start = (ends[0] as number) + 1; path < length; path++) {
    const end = ends[path] as number
    let rating = 0
    // At its beginning a name has it best.
    for (let at = start; at <= end - text.length && rating < ratings.begins; at++) {
      if (bytes[at] !== first || (second !== undefined && bytes[at + 1] !== second)) continue
      rating = Math.max(rating, rate(bytes, { start, end, at, length: text.length }))
      if (rating === ratings.atBoundary) break
    }
    if (rating > 0) onHit(path, rating)
    start = end + 1
  }
}

/** One pass over all names, which lie in one piece. */
function scanForLongText(names: FoldedNames, text: Buffer, onHit: (path: number, rating: number) => void): void {
  const { values: bytes, length } = names.bytes
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, length)
  const ends = names.ends.values.subarray(0, names.ends.length)
  let path = 0
  let rating = 0
  for (let at = all.indexOf(text); at >= 0; at = all.indexOf(text, at + 1)) {
    if (at > (ends[path] as number)) {
      if (rating > 0) onHit(path, rating)
      rating = 0
      path = pathAt(ends, path + 1, at)
    }
    rating = Math.max(
      rating,
      rate(bytes, { start: names.startOf(path), end: ends[path] as number, at, length: text.length }),
    )
  }
  if (rating > 0) onHit(path, rating)
}

/** The path, from `path` on, whose name `at` is in: most often one of the next few. */
function pathAt(ends: Uint32Array, path: number, at: number): number {
  let step = 1
  let low = path
  while (low + step < ends.length && (ends[low + step] as number) < at) {
    low += step
    step *= 2
  }
  let high = Math.min(low + step, ends.length - 1)
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((ends[middle] as number) < at) low = middle + 1
    else high = middle
  }
  return low
}

function rate(
  bytes: Uint8Array,
  {
    start,
    end,
    at,
    length,
  }: { readonly start: number; readonly end: number; readonly at: number; readonly length: number },
): number {
  if (at !== start) return isOfWord(bytes[at - 1] as number) ? ratings.inside : ratings.atBoundary
  const after = at + length
  const isWhole = after === end || (bytes[after] === dot && !hasDot(bytes, after + 1, end))
  return isWhole ? ratings.whole : ratings.begins
}

function hasDot(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (bytes[at] === dot) return true
  return false
}

/** Letters and digits; every byte of a letter that is not ASCII counts as one. */
function isOfWord(byte: number): boolean {
  return (byte >= 0x61 && byte <= 0x7a) || (byte >= 0x30 && byte <= 0x39) || byte >= 0x80
}

function scanNames(names: FoldedNames, test: NameTest, onHit: (path: number, rating: number) => void): void {
  const { values: bytes } = names.bytes
  const { values: ends, length } = names.ends
  for (let path = 1, start = (ends[0] as number) + 1; path < length; path++) {
    const end = ends[path] as number
    if (passes(bytes, start, end, test)) onHit(path, test.kind === 'is' ? ratings.whole : ratings.pattern)
    start = end + 1
  }
}

function haveFolders(table: IndexTable, names: FoldedNames, path: number, tests: readonly NameTest[]): boolean {
  let folder = path
  for (const test of tests) {
    folder = table.parents.values[folder] as number
    const end = names.ends.values[folder] as number
    if (folder === rootPath || !passes(names.bytes.values, names.startOf(folder), end, test)) return false
  }
  return true
}

function passes(bytes: Uint8Array, start: number, end: number, { kind, bytes: wanted }: NameTest): boolean {
  const room = end - start - wanted.length
  switch (kind) {
    case 'is':
      return room === 0 && isAt(bytes, start, wanted)
    case 'starts':
      return room >= 0 && isAt(bytes, start, wanted)
    case 'ends':
      return room >= 0 && isAt(bytes, end - wanted.length, wanted)
    case 'contains': {
      for (let at = start; at <= end - wanted.length; at++) if (isAt(bytes, at, wanted)) return true
      return false
    }
    case 'pattern':
      return matchesPattern(bytes, start, end, wanted)
  }
}

function isAt(bytes: Uint8Array, at: number, wanted: Uint8Array): boolean {
  for (let i = 0; i < wanted.length; i++) if (bytes[at + i] !== wanted[i]) return false
  return true
}

/**
 * Whether a whole name matches a pattern of `*` and `?`. Only the last star is ever taken back, so a hostile pattern on a
 * hostile name costs no more than their lengths multiplied.
 */
function matchesPattern(bytes: Uint8Array, start: number, end: number, pattern: Uint8Array): boolean {
  let [at, p] = [start, 0]
  let [starAt, star] = [0, -1]
  while (at < end) {
    if (pattern[p] === asterisk) {
      star = p++
      starAt = at
    } else if (p < pattern.length && pattern[p] === questionMark) {
      at = nextLetter(bytes, at, end)
      p++
    } else if (p < pattern.length && pattern[p] === bytes[at]) {
      at++
      p++
    } else if (star >= 0) {
      starAt = nextLetter(bytes, starAt, end)
      at = starAt
      p = star + 1
    } else return false
  }
  while (pattern[p] === asterisk) p++
  return p === pattern.length
}

function nextLetter(bytes: Uint8Array, at: number, end: number): number {
  let next = at + 1
  while (next < end && ((bytes[next] as number) & 0xc0) === 0x80) next++
  return next
}

const dot = 0x2e
const asterisk = 0x2a
const questionMark = 0x3f
