import type { ContentReader, CreateContentReader, EntryStat, Node, OpenContent } from '#archiver'

import { FilesystemError } from './errors.ts'
import { buildNode } from './node.ts'
import { awaitVerdict, isStopped, leaveStream, noteRead, wantContent } from './stream-channel.ts'
import type { StreamChannel } from './stream-channel.ts'
import { fillFromPipe } from './stream-reader.ts'

/** The reader module of a tree of streams: each is made when a thread opens it, and judged when it has been read. */

export interface StreamRef {
  readonly name: string
  readonly stat: EntryStat
  readonly channel: StreamChannel
}

export const createContentReader: CreateContentReader = (): ContentReader => ({
  open: (ref) => new OpenStream(ref as StreamRef),
})

class OpenStream implements OpenContent {
  readonly node: Node
  readonly problems: readonly Error[] = []
  readonly #channel: StreamChannel
  readonly #descriptor: number
  #bytes = 0
  #isOver = false

  constructor({ name, stat, channel }: StreamRef) {
    this.#channel = channel
    this.#descriptor = wantContent(channel)
    this.node = buildNode({ name: Buffer.from(name), stat }, {})
  }

  /** Whoever gets the last bytes may keep them: at the end this waits for what made them to say that it is the end. */
  read(into: Uint8Array): number {
    if (this.#isOver) return 0
    const isGivenUp = () => isStopped(this.#channel)
    const length = fillFromPipe(this.#descriptor, into, { offset: this.#bytes, isGivenUp })
    noteRead(this.#channel, into.subarray(0, length))
    this.#bytes += length
    if (length < into.length) {
      this.#isOver = true
      awaitVerdict(this.#channel)
    }
    return length
  }

  holeAhead(): number {
    return 0
  }

  skip(): void {}

  rewind(): void {
    throw new FilesystemError('STREAM_READ_TWICE')
  }

  changed(): boolean {
    return false
  }

  [Symbol.dispose](): void {
    if (!this.#isOver) leaveStream(this.#channel)
  }
}
