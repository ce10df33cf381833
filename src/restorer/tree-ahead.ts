import type { Cancellable } from '#base'

import type { RestoreRepository, RestoreTree } from './repository.ts'

/** Trees that are loaded before they are needed; each may be large. */
const ahead = 8

interface Waiting {
  readonly folder: number
  readonly tree: Buffer
  loading?: Promise<RestoreTree>
}

/** A stack of folders to visit, deepest first, whose next trees are being loaded already. */
export class TreeAhead {
  readonly #repository: RestoreRepository
  readonly #options: Cancellable
  readonly #stack: Waiting[] = []
  #current: Waiting | undefined

  constructor(repository: RestoreRepository, options: Cancellable) {
    this.#repository = repository
    this.#options = options
  }

  push(folder: number, tree: Buffer): void {
    this.#stack.push({ folder, tree: Buffer.from(tree) })
  }

  /** The next folder, or undefined when all have been. */
  next(): number | undefined {
    this.#current = this.#stack.pop()
    for (let at = this.#stack.length - 1; at >= 0 && at >= this.#stack.length - ahead; at--) {
      void this.#start(this.#stack[at] as Waiting)
    }
    return this.#current?.folder
  }

  /** The tree of the folder that `next` gave. */
  async load(folder: number): Promise<RestoreTree> {
    const current = this.#current
    if (current?.folder !== folder) throw new Error('trees are loaded in the order of next()')
    return this.#start(current)
  }

  #start(waiting: Waiting): Promise<RestoreTree> {
    if (!waiting.loading) {
      waiting.loading = this.#repository.loadTree(waiting.tree, { signal: this.#options.signal })
      waiting.loading.catch(() => undefined) // awaited later, when it is the folder's turn
    }
    return waiting.loading
  }
}
