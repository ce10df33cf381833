/** How a call that runs in a thread is told that nobody waits for it: by a number that both see, set to 1. */
export type CancelFlag = Int32Array<SharedArrayBuffer>

export function createCancelFlag(signal: AbortSignal | undefined): CancelFlag {
  const flag = new Int32Array(new SharedArrayBuffer(4))
  signal?.addEventListener('abort', () => Atomics.store(flag, 0, 1), { once: true })
  return flag
}

export function isCancelled(flag: CancelFlag): boolean {
  return Atomics.load(flag, 0) === 1
}

const lookEvery = 100

/** In the thread: a signal that is aborted soon after the flag is set. */
export function watchCancelFlag(flag: CancelFlag): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController()
  const timer = setInterval(() => {
    if (isCancelled(flag)) controller.abort()
  }, lookEvery)
  return { signal: controller.signal, [Symbol.dispose]: () => clearInterval(timer) }
}
