import { Transferred, serveThread, threadData } from '#base'
import { BlobCodec } from '../blob-codec.ts'
import type { CodecSettings } from '../blob-codec.ts'

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
  /** The blobs one after the other, each of its plain length. */
  readonly plain: Uint8Array
  /** Those that do not open to what their ids say, by their positions: their bytes in `plain` mean nothing. */
  readonly damaged: readonly number[]
}

const codec = new BlobCodec(threadData<CodecSettings>())
const hash = Buffer.alloc(32)

serveThread({
  open({ sealed, blobs }: OpenOrder): Transferred {
    const plain = Buffer.allocUnsafeSlow(blobs.reduce((sum, { plainLength }) => sum + plainLength, 0))
    const damaged: number[] = []
    let at = 0
    blobs.forEach((blob, i) => {
      if (!openInto(plain, at, sealed, blob)) damaged.push(i)
      at += blob.plainLength
    })
    // Its memory is free without waiting for the garbage collector.
    if (sealed.buffer instanceof ArrayBuffer) sealed.buffer.transfer(0)
    return new Transferred({ plain, damaged } satisfies OpenedBlobs, [plain.buffer])
  },
})

function openInto(
  plain: Buffer,
  at: number,
  sealed: Uint8Array,
  { id, offset, length, plainLength, isCompressed }: BlobToOpen,
): boolean {
  try {
    const blob = sealed.subarray(offset, offset + length)
    if (codec.openInto(blob, isCompressed ? plainLength : 0, plain, at) !== plainLength) return false
    codec.primitives.hasher.sha256(plain.subarray(at, at + plainLength), hash, 0)
    return hash.equals(id)
  } catch {
    return false // looked at with all care by whoever gave the order
  }
}
