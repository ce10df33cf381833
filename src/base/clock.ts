/** Time as a parameter: whatever waits or asks the time takes a `Clock`, so that tests of hours take no time. */
export interface Clock {
  /** Wall-clock time in milliseconds since 1970. It may jump. */
  now(): number
  /** Milliseconds that only grow, for durations. Stops while the machine sleeps. */
  monotonic(): number
  /** Resolves after `milliseconds`; rejects with the signal's reason when it is aborted. */
  sleep(milliseconds: number, options?: { readonly signal?: AbortSignal | undefined }): Promise<void>
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (milliseconds, { signal } = {}) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason as Error)
      const done = () => {
        signal?.removeEventListener('abort', abort)
        resolve()
      }
      const timer = setTimeout(done, milliseconds)
      const abort = () => {
        clearTimeout(timer)
        reject(signal?.reason as Error)
      }
      signal?.addEventListener('abort', abort, { once: true })
    }),
}
