import { MessageChannel, Worker, receiveMessageOnPort } from 'node:worker_threads'
import type { MessagePort } from 'node:worker_threads'

import { programModule } from '#base'

import { at, bodyState, ringBytes } from './fetch-protocol.ts'
import type { FetchAnswer, FetchOrder, FetchShared } from './fetch-protocol.ts'
import type { RemoteItem } from './remote-item.ts'
import { parseItem } from './remote-item.ts'

/** Nothing came for as long as one is willing to wait. */
export class Silence extends Error {
  override readonly name = 'Silence'
}

/** rclone's refusal. */
export class Refused extends Error {
  override readonly name = 'Refused'
  readonly status: number

  constructor({ status, reason }: { readonly status: number; readonly reason: string }) {
    super(reason)
    this.status = status
  }
}

export interface Opened {
  /** Bytes; undefined when the machine does not say. */
  readonly size: number | undefined
  /** Seconds since 1970. */
  readonly modified: number | undefined
}

/** Reads files through rclone, and waits for them. One content at a time. */
export class BlockingFetch {
  readonly #counters = new Int32Array(new SharedArrayBuffer(16))
  readonly #ring = new Uint8Array(new SharedArrayBuffer(ringBytes))
  readonly #port: MessagePort
  readonly #patience: number
  #lastId = 0

  /** @param patience milliseconds in which something must come */
  constructor(socket: string, patience: number) {
    const { port1, port2 } = new MessageChannel()
    const shared: FetchShared = { socket, counters: this.#counters, ring: this.#ring, port: port2 }
    const worker = new Worker(programModule('agent/neighbour/neighbour-fetch'), {
      workerData: shared,
      transferList: [port2],
    })
    // The thread that reads ends when it is told to, and this one with it.
    worker.unref()
    port1.unref()
    this.#port = port1
    this.#patience = patience
  }

  /** Throws Refused, Silence. */
  open(path: string): Opened {
    const answer = this.#ask({ do: 'open', path })
    if (!('opened' in answer)) throw new Error('the fetching thread mixed up its answers')
    return answer.opened
  }

  /** Undefined when there is no such entry. Throws Refused, Silence. */
  stat(fs: string, path: string): RemoteItem | undefined {
    const answer = this.#ask({ do: 'stat', fs, path })
    return 'item' in answer ? parseItem(answer.item) : undefined
  }

  /** Fills `into`; fewer bytes only at the end. Throws Silence, and Refused when the content broke off. */
  read(into: Uint8Array): number {
    let filled = 0
    while (filled < into.length) {
      const seen = Atomics.load(this.#counters, at.events)
      const state = Atomics.load(this.#counters, at.state)
      const count = this.#take(into.subarray(filled))
      filled += count
      if (count > 0) continue
      if (state === bodyState.ended) break
      if (state === bodyState.broken) throw new Refused({ status: 0, reason: 'the content broke off' })
      this.#wait(seen)
    }
    return filled
  }

  close(): void {
    this.#port.postMessage({ do: 'close' } satisfies FetchOrder)
  }

  #take(into: Uint8Array): number {
    const [written, taken] = [Atomics.load(this.#counters, at.written), Atomics.load(this.#counters, at.taken)]
    const start = (taken >>> 0) % ringBytes
    const count = Math.min((written - taken) | 0, ringBytes - start, into.length)
    if (count === 0) return 0
    into.set(this.#ring.subarray(start, start + count))
    Atomics.store(this.#counters, at.taken, (taken + count) | 0)
    Atomics.notify(this.#counters, at.taken)
    return count
  }

  #ask(order: { do: 'open'; path: string } | { do: 'stat'; fs: string; path: string }): FetchAnswer {
    const id = ++this.#lastId
    this.#port.postMessage({ ...order, id } satisfies FetchOrder)
    for (;;) {
      const seen = Atomics.load(this.#counters, at.events)
      const received: { readonly message: FetchAnswer } | undefined = receiveMessageOnPort(this.#port)
      if (received?.message.id === id) {
        if ('failed' in received.message) throw new Refused(received.message.failed)
        return received.message
      }
      // An older one answers a question that nobody waits for any more.
      if (!received) this.#wait(seen)
    }
  }

  #wait(seen: number): void {
    if (Atomics.wait(this.#counters, at.events, seen, this.#patience) === 'timed-out')
      throw new Silence(`nothing came for ${this.#patience / 1000} seconds`)
  }
}
