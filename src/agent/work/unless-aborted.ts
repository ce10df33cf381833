import type { Cancellable } from '#base'

/** What a promise gives; rejects with the signal's reason when that aborts first. */
export async function unlessAborted<T>(promise: Promise<T>, { signal }: Cancellable): Promise<T> {
  signal?.throwIfAborted()
  const aborted = Promise.withResolvers<never>()
  const abort = () => aborted.reject(signal?.reason)
  signal?.addEventListener('abort', abort, { once: true })
  return await Promise.race([promise, aborted.promise]).finally(() => signal?.removeEventListener('abort', abort))
}
