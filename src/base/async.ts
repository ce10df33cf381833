/** Bounded concurrency over async iteration: order, back-pressure and cancelling come from the iteration itself. */

/** Options of every long call: `signal` cancels it; the call then throws the signal's reason. */
export interface Cancellable {
  readonly signal?: AbortSignal | undefined
}

/**
 * Maps `items` with at most `concurrency` calls under way and yields the results in the items' order.
 * The first error ends the iteration; calls under way are waited for, so that nothing runs on behind the caller's back.
 */
export async function* mapOrdered<In, Out>(
  items: Iterable<In> | AsyncIterable<In>,
  work: (item: In) => Promise<Out>,
  { concurrency, signal }: { readonly concurrency: number } & Cancellable,
): AsyncGenerator<Out> {
  const running: Promise<Out>[] = []
  try {
    for await (const item of items) {
      signal?.throwIfAborted()
      if (running.length >= concurrency) yield await (running.shift() as Promise<Out>)
      const result = work(item)
      result.catch(() => undefined) // awaited later: an early failure must not count as unhandled
      running.push(result)
    }
    while (running.length > 0) yield await (running.shift() as Promise<Out>)
  } finally {
    await Promise.allSettled(running)
  }
}

/** Runs `work` for every item, at most `concurrency` at once, in no particular order. */
export async function forEachConcurrent<In>(
  items: Iterable<In> | AsyncIterable<In>,
  work: (item: In) => Promise<void>,
  options: { readonly concurrency: number } & Cancellable,
): Promise<void> {
  for await (const _ of mapOrdered(items, work, options));
}

/** Lets at most `places` holders in at once; others wait in the order in which they came. */
export class Semaphore {
  #free: number
  readonly #waiting: (() => void)[] = []

  constructor(places: number) {
    this.#free = places
  }

  async acquire(): Promise<Disposable> {
    if (this.#free > 0) this.#free--
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    let held = true
    return {
      [Symbol.dispose]: () => {
        if (!held) return
        held = false
        const next = this.#waiting.shift()
        if (next) next()
        else this.#free++
      },
    }
  }
}
