/**
 * What the main thread and the worker threads of one repository share, besides the index: a flag that stops everything,
 * and counters for the display.
 */

const stopField = 0
const signalField = 1
const threadsField = 2
const largeField = 3
const waitingField = 4
const fieldCount = 5

export interface SharedControl {
  readonly flags: SharedArrayBuffer
  /** Bytes read so far, one 64-bit float for each thread: only its thread writes it, and a display may read it late. */
  readonly bytesRead: SharedArrayBuffer
}

export function createControl(threads: number): SharedControl {
  return { flags: new SharedArrayBuffer(fieldCount * 4), bytesRead: new SharedArrayBuffer(8 * threads) }
}

/** Asks every thread to end what it does, soon. */
export function stopThreads(control: SharedControl): void {
  Atomics.store(new Int32Array(control.flags), stopField, 1)
  wakeThreads(control)
}

/** Throws `STOPPED` when everything is being stopped. */
export function throwIfStopped({ flags }: SharedControl): void {
  if (Atomics.load(new Int32Array(flags), stopField) === 1) throw new Stopped()
}

/** Something changed that threads may be waiting for. */
export function wakeThreads({ flags }: SharedControl): void {
  const shared = new Int32Array(flags)
  Atomics.add(shared, signalField, 1)
  Atomics.notify(shared, signalField)
}

/** To be taken before looking for what `waitForChange` then waits for, so that no change falls between. */
export function changesSoFar({ flags }: SharedControl): number {
  return Atomics.load(new Int32Array(flags), signalField)
}

/** Longest sleep of a thread that waits for another, in milliseconds, so that it never misses that it is not wanted any more. */
export const longestWait = 20

/** In a thread: sleeps until something has changed since `seen`, at most so many milliseconds. */
export function waitForChange({ flags }: SharedControl, seen: number, most: number = Infinity): void {
  Atomics.wait(new Int32Array(flags), signalField, seen, most)
}

/** In a thread: it stores a large file now, with which others may help. */
export function startLargeFile({ flags }: SharedControl): void {
  Atomics.add(new Int32Array(flags), largeField, 1)
}

export function endLargeFile(control: SharedControl): void {
  Atomics.sub(new Int32Array(control.flags), largeField, 1)
  wakeThreads(control)
}

/** How many large files are being stored. */
export function largeFiles({ flags }: SharedControl): number {
  return Atomics.load(new Int32Array(flags), largeField)
}

/** Whether there is work of their own for threads that help with a large file. */
export function setWorkWaiting(control: SharedControl, isWaiting: boolean): void {
  Atomics.store(new Int32Array(control.flags), waitingField, isWaiting ? 1 : 0)
  if (isWaiting) wakeThreads(control)
}

export function workIsWaiting({ flags }: SharedControl): boolean {
  return Atomics.load(new Int32Array(flags), waitingField) === 1
}

/** In a thread, once: its number among the threads, from 0. */
export function takeThreadNumber({ flags }: SharedControl): number {
  return Atomics.add(new Int32Array(flags), threadsField, 1)
}

export function totalBytesRead({ bytesRead }: SharedControl): number {
  return new Float64Array(bytesRead).reduce((sum, bytes) => sum + bytes, 0)
}

/** Thrown inside a thread when everything is being stopped; the reason is the main thread's to tell. */
export class Stopped extends Error {
  readonly code = 'STOPPED'
  constructor() {
    super('stopped')
  }
}
