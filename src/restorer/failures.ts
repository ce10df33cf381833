/** One thing that was not restored. */
export interface RestoreFailure {
  /** Raw bytes, below the root of the target. */
  readonly path: Buffer
  readonly error: Error
}

/** As many as a person may read; a repository that is gone would else fill the memory with a million of the same. */
const kept = 10_000

/** Failures, the first of them in full and all of them counted. */
export class FailureList {
  readonly #listed: RestoreFailure[] = []
  #count = 0
  readonly #onFailure: ((failure: RestoreFailure) => void) | undefined

  constructor(onFailure?: (failure: RestoreFailure) => void) {
    this.#onFailure = onFailure
  }

  get count(): number {
    return this.#count
  }

  get listed(): readonly RestoreFailure[] {
    return this.#listed
  }

  add(path: Buffer, error: Error): void {
    this.#count++
    const failure = { path, error }
    if (this.#listed.length < kept) this.#listed.push(failure)
    this.#onFailure?.(failure)
  }
}
