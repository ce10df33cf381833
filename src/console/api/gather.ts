/** Gathers what comes within a while, each thing once, and hands it over together. */
export interface Gathering<T> {
  add(thing: T): void
  stop(): void
}

/** @param milliseconds from the first thing until all that came are handed over */
export function gather<T>(
  milliseconds: number,
  handOver: (things: readonly T[]) => void,
  later: (act: () => void, milliseconds: number) => () => void = laterByTimer,
): Gathering<T> {
  const things = new Set<T>()
  let cancel: (() => void) | undefined
  return {
    add(thing) {
      things.add(thing)
      cancel ??= later(() => {
        cancel = undefined
        const gathered = [...things]
        things.clear()
        handOver(gathered)
      }, milliseconds)
    },
    stop() {
      cancel?.()
      cancel = undefined
      things.clear()
    },
  }
}

function laterByTimer(act: () => void, milliseconds: number): () => void {
  const timer = setTimeout(act, milliseconds)
  return () => clearTimeout(timer)
}
