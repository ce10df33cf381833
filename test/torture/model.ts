/**
 * What must exist: which snapshots the programs have promised, and what each must give back. It knows nothing of how a
 * repository is built; it is told what was reported as done, and compares with what is there.
 *
 * A snapshot is known by its *key*, a tag that the torture gives it: ids change when a snapshot is tagged or copied.
 */

export interface Expectation {
  readonly key: string
  /** The frozen tree that it must restore equal to. */
  readonly reference: number
  /** The folder `busy` was being written while it was read: anything may be in there. */
  readonly busy: boolean
  /** It was asked not to see changes behind the mtime: files may hold what they held before. Whoever comes after must see them. */
  readonly blind?: boolean
  /** Names at the top of the source that were left out on purpose, by exclude or rewrite. */
  readonly without: readonly string[]
}

/** A snapshot as a listing shows it. */
export interface Listed {
  readonly id: string
  readonly key: string
  readonly time: string
}

export class RepositoryModel {
  /** Promised: must be there. */
  readonly #must = new Map<string, Expectation>()
  /** Perhaps there: a run that was cut off may have made them. */
  readonly #may = new Map<string, Expectation>()
  /** Perhaps gone: a run that was cut off may have removed them. */
  readonly #going = new Set<string>()
  #ids = new Map<string, readonly string[]>()

  /** A run has said that the snapshot is stored. */
  promised(expectation: Expectation): void {
    this.#must.set(expectation.key, expectation)
  }

  /** A run that may have stored it was cut off, or failed. */
  perhaps(expectation: Expectation): void {
    if (!this.#must.has(expectation.key)) this.#may.set(expectation.key, expectation)
  }

  /** A run has said that these are forgotten. */
  forgotten(keys: Iterable<string>): void {
    for (const key of keys) {
      this.#must.delete(key)
      this.#ids.delete(key)
    }
  }

  /** A run that was to forget these was cut off. */
  perhapsForgotten(keys: Iterable<string>): void {
    for (const key of keys) this.#going.add(key)
  }

  /** Everything that must be there now, oldest first. */
  get expectations(): readonly Expectation[] {
    return [...this.#must.values()]
  }

  expectationOf(key: string): Expectation | undefined {
    return this.#must.get(key)
  }

  /** True when nothing has happened since the last listing that only a listing can tell. */
  get isSettled(): boolean {
    return this.#may.size === 0 && this.#going.size === 0 && [...this.#must.keys()].every((key) => this.#ids.has(key))
  }

  /** The ids of a snapshot: several after a run that replaces it was cut off between writing the new and removing the old. */
  idsOf(key: string): readonly string[] {
    return this.#ids.get(key) ?? []
  }

  /** Every id that there must be. */
  get ids(): ReadonlySet<string> {
    return new Set([...this.#ids.values()].flat())
  }

  /** Frozen trees that are still needed. */
  get references(): ReadonlySet<number> {
    return new Set([...this.#must.values(), ...this.#may.values()].map(({ reference }) => reference))
  }

  /**
   * Compares with a listing, when nothing runs, and learns from it what could not be known. Returns what is wrong, in sentences.
   */
  settle(listed: readonly Listed[]): string[] {
    const wrong: string[] = []
    const ids = new Map<string, string[]>()
    for (const { id, key } of listed) ids.set(key, [...(ids.get(key) ?? []), id])
    for (const key of this.#must.keys()) {
      if (ids.has(key)) continue
      if (this.#going.has(key)) this.#must.delete(key)
      else wrong.push(`the snapshot ${key} was reported as stored, and is not there`)
    }
    for (const key of ids.keys()) {
      const expectation = this.#may.get(key)
      if (this.#must.has(key)) continue
      if (expectation) this.#must.set(key, expectation)
      else wrong.push(`the snapshot ${key} is there, and nothing should have made it, or it was forgotten`)
    }
    this.#may.clear()
    this.#going.clear()
    this.#ids = ids
    return wrong
  }
}
