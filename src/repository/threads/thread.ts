import { Transferred, postFromThread, serveThread, threadData } from '#base'
import { BlobCodec } from '../blob-codec.ts'
import { BlobIndex } from '../blob-index.ts'
import type { CreateContentReader, CreateContentWriter } from '../content.ts'
import { packSealedPack } from '../pack-transfer.ts'
import { Packer } from '../packer.ts'
import type { DeliveryWrite } from '../delivery.ts'
import type { FileOrder } from '../writing.ts'
import { BlobDeliverer } from './blob-deliverer.ts'
import type { PackDelivery } from './blob-deliverer.ts'
import { FileStorer } from './file-storer.ts'
import { PackBufferPool, takeThreadNumber } from './memory.ts'
import type { SharedPackBuffer } from './memory.ts'
import type { ModuleSpec, ThreadSetup } from './setup.ts'

/** The worker thread of a repository: what it can be called for. */

/** Two packs are open, and two may wait to be written while the thread goes on. */
const packBuffers = 4
const openPacks = 2

const setup = threadData<ThreadSetup>()
const index = new BlobIndex(setup.index)
const codec = new BlobCodec(setup.codec)
const thread = takeThreadNumber(setup.control)
const buffers = new PackBufferPool(setup.control, packBuffers)
const lent = new Map<ArrayBufferLike, SharedPackBuffer>()

const packer = new Packer({
  codec,
  index,
  packSize: setup.packSize,
  openPacks,
  random: Math.random,
  buffers: {
    take(bytes) {
      const buffer = buffers.take(bytes)
      lent.set(buffer.bytes, buffer)
      return Buffer.from(buffer.bytes)
    },
  },
  emit: (pack) => postFromThread(packSealedPack(pack, lent.get(pack.bytes.buffer))),
})

let storer: FileStorer | undefined
let deliverer: BlobDeliverer | undefined

serveThread({
  async openReader({ module, options }: ModuleSpec): Promise<void> {
    const { createContentReader } = (await import(module)) as { createContentReader: CreateContentReader }
    const reader = createContentReader(options)
    storer = new FileStorer({ reader, polynomial: setup.polynomial, codec, packer, control: setup.control, thread })
  },

  storeFiles(files: readonly FileOrder[]): Transferred {
    const batch = (storer as FileStorer).store(files)
    return new Transferred(batch, [batch.nodes.buffer as ArrayBuffer])
  },

  /** Ends storing: the packs that are not complete are given away, to be joined with those of other threads. */
  takeOpenPacks: () => packer.takeOpen(),

  async openWriter({ module, options }: ModuleSpec): Promise<void> {
    const { createContentWriter } = (await import(module)) as { createContentWriter: CreateContentWriter }
    deliverer?.[Symbol.dispose]()
    deliverer = new BlobDeliverer(codec, createContentWriter(options))
  },

  deliver: (delivery: PackDelivery) => (deliverer as BlobDeliverer).deliver(delivery),

  /** Writes pieces that the main thread has opened itself. */
  write: ({ write, pieces }: { write: DeliveryWrite; pieces: readonly Uint8Array[] }) =>
    (deliverer as BlobDeliverer).write(write, pieces),

  closeWriter(): void {
    deliverer?.[Symbol.dispose]()
    deliverer = undefined
  },
})
