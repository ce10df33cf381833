import { type Cancellable, type Clock, systemClock } from '#base'
import type { Backend, CallOptions, FileRef, FileType, ListedFile, ReadOptions, WriteOptions } from './backend.ts'
import { untilAborted } from './abort.ts'

export type FaultyMethod = 'create' | 'list' | 'size' | 'read' | 'write' | 'delete'

/** What goes wrong. */
export type FaultKind =
  /** The call fails before anything is done. */
  | { readonly kind: 'fail'; readonly error: Error }
  /** The call is done, but its reply is lost: the caller sees the error. */
  | { readonly kind: 'lost reply'; readonly error: Error }
  /** A read gives, or a write stores, only so many bytes, and says that all is well. */
  | { readonly kind: 'truncate'; readonly bytes: number }
  /** One bit of what is read or stored is wrong. `bit` counts from the start; from the end when negative. */
  | { readonly kind: 'flip'; readonly bit: number }
  /** A write or delete that does nothing and says that all is well. */
  | { readonly kind: 'pretend' }
  /** The call is done after so many milliseconds. */
  | { readonly kind: 'delay'; readonly milliseconds: number }
  /** The call never ends, unless it is aborted. */
  | { readonly kind: 'hang' }
  /** A listing without some files, or with files that are gone. */
  | { readonly kind: 'stale list'; readonly hide?: readonly string[]; readonly show?: readonly ListedFile[] }

/** One line of the script: which calls, and what happens to them. */
export interface Fault {
  readonly on: FaultyMethod | 'any'
  readonly type?: FileType | undefined
  readonly name?: string | undefined
  /** The first of the matching calls that is hit, from 1. Default 1. */
  readonly call?: number | undefined
  /** How many in a row are hit. Default 1; `Infinity` for all from there on. */
  readonly times?: number | undefined
  readonly fault: FaultKind
}

/** A call as the log of a `FaultyBackend` has it. */
export interface LoggedCall {
  readonly method: FaultyMethod
  readonly type?: FileType | undefined
  readonly name?: string | undefined
  readonly fault?: FaultKind | undefined
}

/** A backend whose calls go wrong as scripted: "the third write of a pack fails" is one line in a test. */
export class FaultyBackend implements Backend {
  readonly location: string
  readonly connections: number
  readonly fast: boolean
  /** Every call so far, in order. */
  readonly calls: LoggedCall[] = []
  readonly #inner: Backend
  readonly #clock: Clock
  readonly #script: { readonly fault: Fault; seen: number }[]

  constructor(inner: Backend, faults: readonly Fault[] = [], { clock = systemClock }: { readonly clock?: Clock } = {}) {
    this.#inner = inner
    this.location = inner.location
    this.connections = inner.connections
    this.fast = inner.fast
    this.#clock = clock
    this.#script = faults.map((fault) => ({ fault, seen: 0 }))
  }

  /** Adds a line to the script; its calls are counted from now on. */
  add(fault: Fault): void {
    this.#script.push({ fault, seen: 0 })
  }

  async create(options: Cancellable = {}): Promise<void> {
    await this.#do({ method: 'create' }, options, () => this.#inner.create(options))
  }

  async *list(type: FileType, options: CallOptions = {}): AsyncIterable<ListedFile> {
    const fault = this.#log({ method: 'list', type })
    await this.#before(fault, options)
    const stale = fault?.kind === 'stale list' ? fault : undefined
    yield* stale?.show ?? []
    for await (const file of this.#inner.list(type, options)) if (!stale?.hide?.includes(file.name)) yield file
    if (fault?.kind === 'lost reply') throw fault.error
  }

  async size(file: FileRef, options: Cancellable = {}): Promise<number | undefined> {
    return this.#do({ method: 'size', ...file }, options, () => this.#inner.size(file, options))
  }

  async read(file: FileRef, options: ReadOptions = {}): Promise<Buffer> {
    return this.#do({ method: 'read', ...file }, options, async (fault) =>
      damaged(await this.#inner.read(file, options), fault),
    )
  }

  async write(file: FileRef, bytes: Uint8Array, options: WriteOptions = {}): Promise<void> {
    await this.#do({ method: 'write', ...file }, options, async (fault) => {
      if (fault?.kind !== 'pretend') await this.#inner.write(file, damaged(bytes, fault), options)
    })
  }

  async delete(file: FileRef, options: Cancellable = {}): Promise<void> {
    await this.#do({ method: 'delete', ...file }, options, async (fault) => {
      if (fault?.kind !== 'pretend') await this.#inner.delete(file, options)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#inner[Symbol.asyncDispose]()
  }

  async #do<T>(
    call: Omit<LoggedCall, 'fault'>,
    options: Cancellable,
    work: (fault: FaultKind | undefined) => Promise<T>,
  ): Promise<T> {
    const fault = this.#log(call)
    await this.#before(fault, options)
    const result = await work(fault)
    if (fault?.kind === 'lost reply') throw fault.error
    return result
  }

  #log(call: Omit<LoggedCall, 'fault'>): FaultKind | undefined {
    let hit: FaultKind | undefined
    for (const line of this.#script) {
      if (!matches(line.fault, call)) continue
      line.seen++
      const first = line.fault.call ?? 1
      if (line.seen >= first && line.seen < first + (line.fault.times ?? 1)) hit ??= line.fault.fault
    }
    this.calls.push({ ...call, fault: hit })
    return hit
  }

  async #before(fault: FaultKind | undefined, { signal }: Cancellable): Promise<void> {
    signal?.throwIfAborted()
    if (fault?.kind === 'fail') throw fault.error
    if (fault?.kind === 'delay') await this.#clock.sleep(fault.milliseconds, { signal })
    if (fault?.kind === 'hang') await untilAborted(new Promise<never>(() => undefined), signal)
  }
}

function matches(fault: Fault, call: LoggedCall): boolean {
  if (fault.on !== 'any' && fault.on !== call.method) return false
  if (fault.type !== undefined && fault.type !== call.type) return false
  return fault.name === undefined || fault.name === call.name
}

/** The bytes themselves when nothing happens to them, else a changed copy. */
function damaged<Bytes extends Uint8Array>(bytes: Bytes, fault: FaultKind | undefined): Bytes | Buffer {
  if (fault?.kind === 'truncate') return copyOf(bytes.subarray(0, fault.bytes))
  if (fault?.kind !== 'flip' || bytes.length === 0) return bytes
  const bits = bytes.length * 8
  const bit = ((fault.bit % bits) + bits) % bits
  const copy = copyOf(bytes)
  copy[Math.floor(bit / 8)] = (copy[Math.floor(bit / 8)] as number) ^ (1 << (bit % 8))
  return copy
}

function copyOf(bytes: Uint8Array): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length)
  copy.set(bytes)
  return copy
}
