import { setImmediate } from 'node:timers/promises'

/** Longest time that other work of this thread waits, in milliseconds. */
const longest = 20

/**
 * Makes a function to be awaited again and again in a long loop whose steps are synchronous underneath: from time to time
 * it lets timers, signals and the backend have their turn.
 */
export function breather(): () => Promise<void> {
  let last = performance.now()
  return async () => {
    if (performance.now() - last < longest) return
    await setImmediate()
    last = performance.now()
  }
}
