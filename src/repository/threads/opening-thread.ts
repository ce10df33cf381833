import { Transferred, serveThread, threadData, throwIfBug } from '#base'
import { BlobCodec } from '../blob-codec.ts'
import type { CodecSettings } from '../blob-codec.ts'
import { hashLength } from '../format/hash.ts'
import { paddingRoom } from '../format/hash-pairs.ts'
import type { Span } from '../format/hash-pairs.ts'

/** A worker thread that only opens blobs: it needs no index, so it is ready soon. */

export interface OpenOrder {
  /** A stretch of a pack. */
  readonly sealed: Uint8Array
  readonly blobs: readonly BlobToOpen[]
}

export interface BlobToOpen {
  readonly id: Uint8Array
  /** In `sealed`. */
  readonly offset: number
  readonly length: number
  readonly plainLength: number
  readonly isCompressed: boolean
}

export interface OpenedBlobs {
  /** The blobs one after the other, each of its plain length and followed by `paddingRoom` bytes. */
  readonly plain: Uint8Array
  /** Those that do not open to what their ids say, by their positions: their bytes in `plain` mean nothing. */
  readonly damaged: readonly number[]
}

const codec = new BlobCodec(await threadData<CodecSettings>())
const hashes = codec.primitives.createPairHasher()

serveThread({
  open({ sealed, blobs }: OpenOrder): Transferred {
    const plain = Buffer.allocUnsafeSlow(blobs.reduce((sum, { plainLength }) => sum + plainLength + paddingRoom, 0))
    const spans = layOut(blobs)
    const opened = blobs.map((blob, i) => openInto(plain, (spans[i] as Span).offset, sealed, blob))
    // Its memory is free without waiting for the garbage collector.
    if (sealed.buffer instanceof ArrayBuffer) sealed.buffer.transfer(0)
    const found = Buffer.alloc(blobs.length * hashLength)
    hashes.hashAll(plain, spans, found)
    const isRight = ({ id }: BlobToOpen, i: number) => found.subarray(i * hashLength, (i + 1) * hashLength).equals(id)
    const damaged = blobs.flatMap((blob, i) => (opened[i] === true && isRight(blob, i) ? [] : [i]))
    return new Transferred({ plain, damaged } satisfies OpenedBlobs, [plain.buffer])
  },
})

function layOut(blobs: readonly BlobToOpen[]): Span[] {
  let offset = 0
  return blobs.map(({ plainLength }) => {
    const span = { offset, length: plainLength }
    offset += plainLength + paddingRoom
    return span
  })
}

function openInto(
  plain: Buffer,
  at: number,
  sealed: Uint8Array,
  { offset, length, plainLength, isCompressed }: BlobToOpen,
): boolean {
  try {
    const blob = sealed.subarray(offset, offset + length)
    return codec.openInto(blob, isCompressed ? plainLength : 0, plain, at) === plainLength
  } catch (thrown) {
    throwIfBug(thrown)
    return false // looked at with all care by whoever gave the order
  }
}
