import { messageOf } from '#base'
import type { ContentReader, CreateContentReader, EntryStat, OpenContent } from '#archiver'

import { FilesystemError } from './errors.ts'
import { buildNode } from './node.ts'
import { readPipe } from './platform/pipe.ts'

/** The reader module of standard input and of commands: one descriptor, read once, from its beginning to its end. */

export interface StreamOptions {
  readonly descriptor: number
  readonly name: string
  readonly stat: EntryStat
  /** One shared number, of the bytes read so far: an empty stream is an error that the main thread must see. */
  readonly count: BigInt64Array
}

export const createContentReader: CreateContentReader = (options): ContentReader => ({
  open: () => openStream(options as StreamOptions),
})

function openStream({ descriptor, name, stat, count }: StreamOptions): OpenContent {
  const node = buildNode({ name: Buffer.from(name), stat }, {})
  return {
    node,
    problems: [],
    read: (into) => {
      const length = fillFromPipe(descriptor, into, { offset: Number(count[0]) })
      count[0] = (count[0] as bigint) + BigInt(length)
      return length
    },
    holeAhead: () => 0,
    skip: () => undefined,
    rewind: () => {
      throw new FilesystemError('STREAM_READ_TWICE')
    },
    changed: () => false,
    [Symbol.dispose]: () => undefined, // the descriptor belongs to the main thread
  }
}

/** Fills `into` as far as there is anything before the end; `offset` is where in the whole it begins. Throws FILE_NOT_READ. */
export function fillFromPipe(
  descriptor: number,
  into: Uint8Array,
  { offset, isGivenUp }: { readonly offset: number; readonly isGivenUp?: () => boolean },
): number {
  let filled = 0
  try {
    while (filled < into.length) {
      const count = readPipe(descriptor, filled === 0 ? into : into.subarray(filled), isGivenUp)
      if (count === 0) break
      filled += count
    }
    return filled
  } catch (cause) {
    throw new FilesystemError('FILE_NOT_READ', { offset: offset + filled, reason: messageOf(cause), cause })
  }
}
