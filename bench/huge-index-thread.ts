/** Runs in the threads of `huge-index.ts`: makes small blobs and puts them into packs, as every backup does. */
import { Transferred, postFromThread, serveThread, threadData } from '#base'
import { BlobIndex } from '#repository'
import { BlobCodec } from '../src/repository/blob-codec.ts'
import type { CodecSettings } from '../src/repository/blob-codec.ts'
import type { SharedIndex } from '../src/repository/blob-index.ts'
import { Packer, defaultPackSize } from '../src/repository/packer.ts'
import type { PackedBlobs, SealedPack } from '../src/repository/packer.ts'
import { blobBytes } from './huge-index-layout.ts'

export interface HugeIndexSetup {
  readonly index: SharedIndex
  readonly codec: CodecSettings
}

export interface FileOfBlobs {
  /** Number of its first blob; each blob of the repository has one of its own. */
  readonly first: number
  readonly blobs: number
}

/** A pack on its way to the main thread. */
export interface PackPosted {
  readonly name: Uint8Array
  readonly bytes: Uint8Array
  readonly blobs: PackedBlobs
}

const { index, codec: settings } = await threadData<HugeIndexSetup>()
const codec = new BlobCodec(settings)
let buffer = Buffer.alloc(0)
const packer = new Packer({
  codec,
  index: new BlobIndex(index),
  packSize: defaultPackSize,
  // Kept for the next pack: what leaves is a copy of its own size.
  buffers: { take: (bytes) => (buffer.length >= bytes ? buffer : (buffer = Buffer.allocUnsafeSlow(bytes))) },
  emit: post,
})

function post({ name, bytes, blobs }: SealedPack): void {
  const copy = Uint8Array.from(bytes)
  postFromThread({ name: Uint8Array.from(name), bytes: copy, blobs } satisfies PackPosted, [copy.buffer])
}

/** Stores the blobs of one file and returns their ids. */
function store({ first, blobs }: FileOfBlobs): Transferred {
  const ids = new Uint8Array(blobs * 32)
  const plain = Buffer.alloc(blobBytes, 'a line of text that stands for what is in a small file ')
  for (let i = 0; i < blobs; i++) {
    plain.writeDoubleLE(Math.sqrt(first + i + 1), 0)
    plain.writeUInt32LE(first + i, 8)
    codec.primitives.hasher.sha256(plain, ids, i * 32)
    packer.save('data', plain, ids, i * 32)
  }
  return new Transferred(ids, [ids.buffer])
}

function flush(): void {
  packer.flush()
}

serveThread({ store, flush })
