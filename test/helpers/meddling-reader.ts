/**
 * The reader module of local disks, and something that happens, once, to a file while several threads read it: for tests of
 * files that are read in parts. Runs in threads.
 */
import { appendFileSync, closeSync, openSync, truncateSync, writeSync } from 'node:fs'
import { threadId } from 'node:worker_threads'
import type { ContentReader, CreateContentReader } from '../../src/repository/content.ts'
import { createContentReader as createLocalReader } from '../../src/filesystem/reader.ts'

export interface Meddling {
  readonly path: string
  /** What happens when somebody reads here or behind: the file is cut off here, becomes longer, other bytes stand here, or reading fails for good. */
  readonly event?: 'shrink' | 'grow' | 'rewrite' | 'break' | undefined
  readonly at: number
  /** `createMeddlingState`: shared by all threads. */
  readonly state: Int32Array
}

const happenedField = 0
/** Thread that reads first, and whether another has read. */
const firstField = 1
const otherField = 2

export function createMeddlingState(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(12))
}

/** Whether more than one thread has read the file. */
export function wasShared(state: Int32Array): boolean {
  return Atomics.load(state, otherField) === 1
}

/** The thread that reads first waits here, so that there is something left for another one. */
const waitsAt = 8 << 20
const patience = 30_000

export const createContentReader: CreateContentReader = (options): ContentReader => {
  const { event, at, state, path } = options as Meddling
  const local = createLocalReader({})
  return {
    open: (ref) => local.open(ref),
    readAt(handle, into, position) {
      meetOthers(state, position)
      const isThere = position + into.length > at
      if (event === 'break' && isThere) throw Object.assign(new Error('input/output error'), { code: 'EIO' })
      if (event && isThere && Atomics.exchange(state, happenedField, 1) === 0) meddle(event, path, at)
      return (local.readAt as NonNullable<ContentReader['readAt']>)(handle, into, position)
    },
  }
}

function meetOthers(state: Int32Array, position: number): void {
  const first = Atomics.compareExchange(state, firstField, 0, threadId)
  if (first !== 0 && first !== threadId) {
    Atomics.store(state, otherField, 1)
    Atomics.notify(state, otherField)
  } else if (position >= waitsAt) Atomics.wait(state, otherField, 0, patience)
}

function meddle(event: Exclude<Meddling['event'], undefined>, path: string, at: number): void {
  if (event === 'shrink') return truncateSync(path, at)
  if (event === 'grow') return appendFileSync(path, Buffer.alloc(30 << 20, 'more'))
  const file = openSync(path, 'r+')
  // Behind what has been read: a part that another thread has begun is not what it was.
  for (let place = at; place < at + (24 << 20); place += 100_000) writeSync(file, 'x', place)
  closeSync(file)
}
