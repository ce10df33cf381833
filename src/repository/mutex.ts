/** Tries before sleeping: what is guarded is over sooner than the kernel puts a thread to sleep and wakes it. */
const tries = 100

/**
 * A mutex in shared memory, as in "Futexes Are Tricky" (Drepper): 0 free, 1 held, 2 held and somebody waits.
 * What it guards takes microseconds; nobody may wait for anything else while holding it.
 */
export function lockMutex(fields: Int32Array, field: number): void {
  for (let i = 0; i < tries; i++) {
    if (Atomics.load(fields, field) === 0 && Atomics.compareExchange(fields, field, 0, 1) === 0) return
  }
  while (Atomics.exchange(fields, field, 2) !== 0) Atomics.wait(fields, field, 2)
}

export function unlockMutex(fields: Int32Array, field: number): void {
  if (Atomics.exchange(fields, field, 0) === 2) Atomics.notify(fields, field, 1)
}
