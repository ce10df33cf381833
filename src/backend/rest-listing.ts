/** The two forms of a REST server's listing (restic: doc/REST_backend.rst, "GET {path}/{type}/"), read as they arrive. */

export interface ListingEntry {
  readonly name: string
  /** Absent in version 1. */
  readonly size?: number
}

/** One flat JSON object, or one JSON string; quoted braces and quotes do not end it. */
const string = String.raw`"(?:[^"\\]|\\.)*"`
const entryPattern = new RegExp(String.raw`[\s,]*(\{(?:[^{}"]|${string})*\}|${string})`, 'y')

/** No entry is longer: one that does not end must not fill our memory. */
const longestEntry = 64 << 10

/** Thrown when the listing is not one; what it lacks may be files, so it is worth nothing. */
export class MalformedListing extends Error {}

/** Reads a listing piece by piece: `push` text as it comes, then `finish`. */
export class ListingParser {
  readonly entries: ListingEntry[] = []
  #rest = ''
  #started = false

  push(text: string): void {
    this.#rest += text
    if (!this.#started) {
      const start = /^\s*(\[|null\s*$)/.exec(this.#rest)
      if (!start && /\S/.test(this.#rest) && !/^\s*n/.test(this.#rest))
        throw new MalformedListing('it is no JSON array')
      if (start?.[1] !== '[') return
      this.#started = true
      this.#rest = this.#rest.slice(start[0].length)
    }
    this.#takeEntries()
    if (this.#rest.length > longestEntry) throw new MalformedListing('an entry does not end')
  }

  finish(): readonly ListingEntry[] {
    const end = this.#rest.trim()
    if (!this.#started && end === 'null') return []
    if (!this.#started || end !== ']') throw new MalformedListing('it is cut off')
    return this.entries
  }

  #takeEntries(): void {
    let position = 0
    for (;;) {
      entryPattern.lastIndex = position
      const match = entryPattern.exec(this.#rest)
      if (!match) break
      this.entries.push(parseEntry(match[1] as string))
      position = entryPattern.lastIndex
    }
    this.#rest = this.#rest.slice(position)
  }
}

function parseEntry(text: string): ListingEntry {
  const value = parseJson(text)
  if (typeof value === 'string') return { name: value }
  const { name, size } = value as { readonly name?: unknown; readonly size?: unknown }
  if (typeof name !== 'string' || !Number.isSafeInteger(size) || (size as number) < 0) {
    throw new MalformedListing('an entry has no name or no size')
  }
  return { name, size: size as number }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new MalformedListing('an entry is not JSON', { cause })
  }
}
