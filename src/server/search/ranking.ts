import { createHash } from 'node:crypto'
import type { SearchQuery } from '#protocol'
import { SearchError } from './errors.ts'
import { deriveKey, openText, sealText } from './seal.ts'

/**
 * The order of what is found: how well the name has the words, then the date, the newest first, then path, repository and
 * host. None of it depends on how an index came to be, so a page follows the one before whatever happened in between.
 */
export interface Rank {
  readonly rating: number
  /** Milliseconds since 1970; -Infinity where there is none. */
  readonly date: number
  readonly path: Buffer
  readonly repository: string
  readonly host: string
}

/** Negative when `a` comes first. */
function compareRanks(a: Rank, b: Rank): number {
  if (a.rating !== b.rating) return b.rating - a.rating
  if (a.date !== b.date) return a.date > b.date ? -1 : 1
  return Buffer.compare(a.path, b.path) || compareTexts(a.repository, b.repository) || compareTexts(a.host, b.host)
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** The first so many of all that are offered: a heap with the last of them on top. */
export class FirstOf<Item extends Rank> {
  readonly #limit: number
  readonly #after: Rank | undefined
  readonly #heap: Item[] = []
  /** Whether something was left out that comes after `after`. */
  hasMore = false

  /** `after`: only what comes after it counts. */
  constructor(limit: number, after: Rank | undefined) {
    this.#limit = limit
    this.#after = after
  }

  /** Whether something of this rating and date may be among them, before its path is made. */
  mayTake(rating: number, date: number): boolean {
    const after = this.#after
    if (after && (rating > after.rating || (rating === after.rating && date > after.date))) return false
    const last = this.#heap[0]
    if (this.#heap.length < this.#limit || !last) return true
    if (rating > last.rating || (rating === last.rating && date >= last.date)) return true
    this.hasMore = true
    return false
  }

  offer(item: Item): void {
    if (this.#after && compareRanks(item, this.#after) <= 0) return
    if (this.#heap.length < this.#limit) {
      this.#heap.push(item)
      return this.#rise(this.#heap.length - 1)
    }
    this.hasMore = true
    if (compareRanks(item, this.#heap[0] as Item) >= 0) return
    this.#heap[0] = item
    this.#sink()
  }

  /** In order. */
  items(): Item[] {
    return this.#heap.toSorted(compareRanks)
  }

  #rise(from: number): void {
    for (let at = from; at > 0;) {
      const above = (at - 1) >> 1
      if (compareRanks(this.#heap[above] as Item, this.#heap[at] as Item) >= 0) return
      this.#swap(at, above)
      at = above
    }
  }

  #sink(): void {
    for (let at = 0; ;) {
      let last = at
      for (const below of [2 * at + 1, 2 * at + 2]) {
        if (below < this.#heap.length && compareRanks(this.#heap[below] as Item, this.#heap[last] as Item) > 0)
          last = below
      }
      if (last === at) return
      this.#swap(at, last)
      at = last
    }
  }

  #swap(a: number, b: number): void {
    const item = this.#heap[a] as Item
    this.#heap[a] = this.#heap[b] as Item
    this.#heap[b] = item
  }
}

/** Cursors say after what the next page begins. They are sealed, for there is a path in them, and belong to their query. */
export class Cursors {
  readonly #key: Buffer

  constructor(key: Uint8Array) {
    this.#key = deriveKey(key, '', 'cursor')
  }

  format(query: SearchQuery, { rating, date, path, repository, host }: Rank): string {
    const text = JSON.stringify([rating, date === -Infinity ? null : date, path.toString('base64'), repository, host])
    return sealText(this.#key, Buffer.from(text), digestOf(query)).toString('base64url')
  }

  /** Throws `SEARCH_CURSOR_INVALID`. */
  parse(query: SearchQuery): Rank | undefined {
    if (query.cursor === undefined) return undefined
    const text = openText(this.#key, Buffer.from(query.cursor, 'base64url'), digestOf(query))
    if (!text) throw new SearchError('SEARCH_CURSOR_INVALID')
    const [rating, date, path, repository, host] = JSON.parse(text.toString()) as [
      number,
      number | null,
      string,
      string,
      string,
    ]
    return { rating, date: date ?? -Infinity, path: Buffer.from(path, 'base64'), repository, host }
  }
}

/** Pages may be of another size. */
function digestOf(query: SearchQuery): Buffer {
  const whole = { ...query, cursor: undefined, limit: undefined, versions: undefined }
  const fields = Object.entries(whole).toSorted(([a], [b]) => compareTexts(a, b))
  return createHash('sha256').update(JSON.stringify(fields)).digest()
}
