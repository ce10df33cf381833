/** Ids that are looked for, whole or by their first digits, in lists of many ids. */

export const shortestPrefix = 8

/** Whether `text` names an id: at least so many digits that hardly two ids share them. */
export function isIdPrefix(text: string): boolean {
  return /^[0-9a-f]{8,64}$/.test(text)
}

export class IdPrefixes {
  /** By the first four bytes: the only thing that is looked at for nearly every id. */
  readonly #byStart = new Map<number, string[]>()

  constructor(prefixes: Iterable<string>) {
    for (const prefix of new Set(prefixes)) {
      const start = Number.parseInt(prefix.slice(0, shortestPrefix), 16)
      this.#byStart.set(start, [...(this.#byStart.get(start) ?? []), prefix])
    }
  }

  get isEmpty(): boolean {
    return this.#byStart.size === 0
  }

  has(ids: Buffer, at: number = 0): boolean {
    const candidates = this.#byStart.get(ids.readUInt32BE(at))
    if (!candidates) return false
    const id = ids.toString('hex', at, at + 32)
    return candidates.some((prefix) => id.startsWith(prefix))
  }

  /** The different ones of `ids` that are looked for, in hex. */
  *among(ids: Buffer): Iterable<string> {
    const told = new Set<string>()
    for (let at = 0; at < ids.length; at += 32) {
      if (!this.has(ids, at)) continue
      const id = ids.toString('hex', at, at + 32)
      if (!told.has(id)) yield id
      told.add(id)
    }
  }
}
