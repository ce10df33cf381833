/** What has become of a tree, and what is below it. A tree that is there many times counts each time. */
export interface TreeResult {
  /** The id of what takes its place; undefined when the folder goes. */
  readonly id: Buffer | undefined
  readonly isChanged: boolean
  readonly files: number
  /** Bytes of the files. */
  readonly bytes: number
  /** Entries that are no folders. */
  readonly entries: number
}

const numbers = 3

/**
 * Remembers results in columns: there may be millions of trees, and nearly all of them stay as they are. Trees have
 * numbers (their entry in the index), and a result for each key.
 */
export class TreeResults {
  readonly #slots = new Map<string, Map<number, number>>()
  readonly #changed = new Map<number, Buffer | undefined>()
  #counts = new Float64Array(1024 * numbers)
  #size = 0

  get(key: string, tree: number, id: Buffer): TreeResult | undefined {
    const slot = this.#slots.get(key)?.get(tree)
    if (slot === undefined) return undefined
    const [files, bytes, entries] = this.#counts.subarray(slot * numbers) as unknown as [number, number, number]
    const isChanged = this.#changed.has(slot)
    return { id: isChanged ? this.#changed.get(slot) : id, isChanged, files, bytes, entries }
  }

  set(key: string, tree: number, { id, isChanged, files, bytes, entries }: TreeResult): void {
    let slots = this.#slots.get(key)
    if (!slots) this.#slots.set(key, (slots = new Map()))
    const slot = this.#size++
    if (slot * numbers === this.#counts.length) this.#grow()
    this.#counts.set([files, bytes, entries], slot * numbers)
    if (isChanged) this.#changed.set(slot, id)
    slots.set(tree, slot)
  }

  #grow(): void {
    const grown = new Float64Array(this.#counts.length * 2)
    grown.set(this.#counts)
    this.#counts = grown
  }
}
