import { fromPlainError, toPlainError } from '#base'
import type { PlainError } from '#base'

/**
 * How the main thread and the thread that reads a stream tell each other where they are: the thread wants the content, the
 * main thread starts what makes it, the thread reads it to its end and waits for the verdict. The thread works
 * synchronously, so it is memory that they share, and no message.
 */
export interface StreamChannel {
  readonly fields: SharedArrayBuffer
  /** The last bytes that were read. */
  readonly tail: SharedArrayBuffer
  /** Why the content is not good: a `PlainError` as JSON. */
  readonly reason: SharedArrayBuffer
}

/** Where a stream is. It only ever moves forward. */
export const streamStates = { idle: 0, wanted: 1, open: 2, ended: 3, good: 4, bad: 5, left: 6 } as const

type StreamState = (typeof streamStates)[keyof typeof streamStates]

const stateField = 0
const descriptorField = 1
const tailField = 2
const reasonField = 3
/** Of the 64-bit fields: it lies where 4 and 5 of the others would. */
const bytesField = 2
const stoppedField = 6

/** Enough to see by the last lines of a dump that it is whole. */
const tailSize = 1024
const reasonSize = 4096

export function createStreamChannel(): StreamChannel {
  return {
    fields: new SharedArrayBuffer(32),
    tail: new SharedArrayBuffer(tailSize),
    reason: new SharedArrayBuffer(reasonSize),
  }
}

/** What has been read of a stream. */
export interface StreamRead {
  readonly bytes: number
  /** The last bytes, at most a kibibyte. */
  readonly tail: Buffer
  /** Why it was ended before its time. */
  readonly interrupted?: Error | undefined
}

/** Main thread: resolves when the state is no longer `state`. */
export async function leavesState({ fields }: StreamChannel, state: StreamState): Promise<void> {
  const shared = new Int32Array(fields)
  while (Atomics.load(shared, stateField) === state) await Atomics.waitAsync(shared, stateField, state).value
}

export function stateOf({ fields }: StreamChannel): StreamState {
  return Atomics.load(new Int32Array(fields), stateField) as StreamState
}

/** Main thread: there is something to read. */
export function giveDescriptor(channel: StreamChannel, descriptor: number): void {
  Atomics.store(new Int32Array(channel.fields), descriptorField, descriptor)
  move(channel, streamStates.open)
}

/** Main thread: what was read may be kept. */
export function approve(channel: StreamChannel): void {
  move(channel, streamStates.good)
}

/** Main thread: there is nothing to read, or what was read is not to be kept. */
export function refuse(channel: StreamChannel, thrown: unknown): void {
  const bytes = encodeReason(toPlainError(thrown))
  new Uint8Array(channel.reason).set(bytes)
  Atomics.store(new Int32Array(channel.fields), reasonField, bytes.length)
  move(channel, streamStates.bad)
}

/** Main thread: nothing more is wanted; the thread takes for the end what there is, even if the pipe stays open. */
export function stopReading({ fields }: StreamChannel): void {
  Atomics.store(new Int32Array(fields), stoppedField, 1)
}

/** Thread. */
export function isStopped({ fields }: StreamChannel): boolean {
  return Atomics.load(new Int32Array(fields), stoppedField) === 1
}

/** Main thread: bytes that the thread has read by now. */
export function bytesRead({ fields }: StreamChannel): number {
  return Number(Atomics.load(new BigInt64Array(fields), bytesField))
}

/** Main thread, at the end of the stream. */
export function readResult(channel: StreamChannel): StreamRead {
  const length = Atomics.load(new Int32Array(channel.fields), tailField)
  return { bytes: bytesRead(channel), tail: Buffer.from(new Uint8Array(channel.tail).slice(0, length)) }
}

/** Thread: asks for the content and waits until it can be read; gives the descriptor, or throws why there is none. */
export function wantContent(channel: StreamChannel): number {
  move(channel, streamStates.wanted)
  awaitState(channel, streamStates.wanted)
  return Atomics.load(new Int32Array(channel.fields), descriptorField)
}

/** Thread: more bytes were read. */
export function noteRead({ fields, tail }: StreamChannel, bytes: Uint8Array): void {
  const shared = new Int32Array(fields)
  const last = new Uint8Array(tail)
  const kept = Math.min(Atomics.load(shared, tailField), Math.max(0, tailSize - bytes.length))
  const before = Atomics.load(shared, tailField)
  last.copyWithin(0, before - kept, before)
  const fresh = bytes.subarray(Math.max(0, bytes.length - tailSize))
  last.set(fresh, kept)
  Atomics.store(shared, tailField, kept + fresh.length)
  Atomics.add(new BigInt64Array(fields), bytesField, BigInt(bytes.length))
}

/** Thread: everything has been read; throws when it is not to be kept. */
export function awaitVerdict(channel: StreamChannel): void {
  move(channel, streamStates.ended)
  awaitState(channel, streamStates.ended)
}

/** Thread: it stops reading in the middle. */
export function leaveStream(channel: StreamChannel): void {
  move(channel, streamStates.left)
}

function move({ fields }: StreamChannel, to: StreamState): void {
  const shared = new Int32Array(fields)
  Atomics.store(shared, stateField, to)
  Atomics.notify(shared, stateField)
}

function awaitState(channel: StreamChannel, state: StreamState): void {
  const shared = new Int32Array(channel.fields)
  while (Atomics.load(shared, stateField) === state) Atomics.wait(shared, stateField, state)
  if (stateOf(channel) === streamStates.bad) throw fromPlainError(decodeReason(channel))
}

// What does not fit is the part that nobody reads.
function encodeReason(plain: PlainError): Buffer {
  const bytes = Buffer.from(JSON.stringify({ ...plain, stack: undefined, cause: undefined }))
  if (bytes.length <= reasonSize) return bytes
  const { name, code, message } = plain
  return Buffer.from(JSON.stringify({ name, code, message: message.slice(0, 500) }))
}

function decodeReason(channel: StreamChannel): PlainError {
  const length = Atomics.load(new Int32Array(channel.fields), reasonField)
  const text = Buffer.from(new Uint8Array(channel.reason).slice(0, length)).toString('utf8')
  return JSON.parse(text) as PlainError
}
