import { Transferred, postFromThread, serveThread, threadData } from '#base'
import { BlobCodec } from '../blob-codec.ts'
import { BlobIndex } from '../blob-index.ts'
import type { CreateContentReader, CreateContentWriter, CreateFolderScanner } from '../content.ts'
import { passesSelfTest } from '../format/self-test.ts'
import { choosePrimitives } from '../format/primitives.ts'
import { packSealedPack } from '../pack-transfer.ts'
import type { DeliveryWrite } from '../delivery.ts'
import type { SealedPack } from '../packer.ts'
import type { FileOrder } from '../writing.ts'
import { BlobCopier } from './blob-copier.ts'
import type { CopyOrder } from './blob-copier.ts'
import { BlobDeliverer } from './blob-deliverer.ts'
import type { PackDelivery } from './blob-deliverer.ts'
import { BlobExaminer } from './blob-examiner.ts'
import type { VerifyOrder } from './blob-examiner.ts'
import { PackExaminer } from './pack-examiner.ts'
import type { ExamineOrder } from './pack-examiner.ts'
import { ChunkSaver } from './chunk-saver.ts'
import { FileStorer } from './file-storer.ts'
import { takeThreadNumber } from './memory.ts'
import { SharedPacker } from './shared-packer.ts'
import { SharedPackTable } from './shared-packs.ts'
import type { ModuleSpec, SharedStoring, ThreadSetup } from './setup.ts'
import { TreeScanner } from './tree-scanner.ts'
import type { TreeToScan } from './tree-scanner.ts'
import { ThreadFiles } from './thread-files.ts'

/** The worker thread of a repository: what it can be called for. */

// Before anything is known of a repository: a thread may have been started early.
const primitives = choosePrimitives()
const setup = await threadData<ThreadSetup>()
const index = new BlobIndex(setup.index)
const codec = new BlobCodec(setup.codec, primitives)
const thread = takeThreadNumber(setup.control)
const packer = setup.storing && createPacker(setup.storing)
const saver = setup.storing && packer && createSaver(setup.storing, packer)
const examiner = new BlobExaminer(codec, index)
const threadFiles = setup.reading && (await ThreadFiles.open(setup.reading))
const packExaminer = new PackExaminer(codec, index, threadFiles)

let copier: BlobCopier | undefined
let storer: FileStorer | undefined
let deliverer: BlobDeliverer | undefined
let scanner: TreeScanner | undefined

serveThread({
  async openReader({ module, options }: ModuleSpec): Promise<void> {
    const { createContentReader } = (await import(module)) as { createContentReader: CreateContentReader }
    const reader = createContentReader(options)
    const { polynomial, control } = setup
    const { parts } = setup.storing as SharedStoring
    storer = new FileStorer({ reader, polynomial, saver: saver as ChunkSaver, parts, control, thread })
  },

  storeFiles(files: readonly FileOrder[]): Transferred {
    const batch = (storer as FileStorer).store(files)
    return new Transferred(batch, [batch.nodes.buffer as ArrayBuffer])
  },

  /** Whether what every blob passes through gives the right results in this thread. */
  selfTest: () => passesSelfTest(codec.primitives),

  help: () => (saver as ChunkSaver).help(() => storer?.storePart() ?? false),

  async openScanner({ module, options }: ModuleSpec): Promise<void> {
    const { createFolderScanner } = (await import(module)) as { createFolderScanner: CreateFolderScanner }
    const blobs = {
      useBlobs: (content: Buffer) => index.useAll('data', content),
      lengthsOf: (content: Buffer) => index.plainLengths('data', content),
    }
    scanner?.[Symbol.dispose]()
    scanner = new TreeScanner(codec, index, await createFolderScanner(options, blobs))
  },

  scanFolders: (trees: readonly TreeToScan[]) => trees.map((tree) => (scanner as TreeScanner).scan(tree)),

  closeScanner(): void {
    scanner?.[Symbol.dispose]()
    scanner = undefined
  },

  copyBlobs(order: CopyOrder) {
    copier ??= createCopier(packer as SharedPacker, setup.source as NonNullable<ThreadSetup['source']>)
    const copied = copier.copy(order)
    // Given back at once: megabytes that wait for the garbage collector pile up.
    ;(order.piece.bytes.buffer as ArrayBuffer).transfer(0)
    return copied
  },

  verifyBlobs(order: VerifyOrder): Transferred {
    const verified = examiner.verify(order)
    return new Transferred(
      verified,
      order.pieces.map(({ bytes }) => bytes.buffer as ArrayBuffer),
    )
  },

  examinePack: (order: ExamineOrder) => packExaminer.examine(order),

  async openWriter({ module, options }: ModuleSpec): Promise<void> {
    const { createContentWriter } = (await import(module)) as { createContentWriter: CreateContentWriter }
    deliverer?.[Symbol.dispose]()
    deliverer = new BlobDeliverer(codec, threadFiles, createContentWriter(options))
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

function createPacker({ packs: shared }: SharedStoring): SharedPacker {
  const packs = new SharedPackTable(shared)
  const { control } = setup
  const emit = (pack: SealedPack, buffer: number) => postFromThread(packSealedPack(pack, buffer))
  return new SharedPacker({ codec, index, packs, control, emit })
}

function createCopier(into: SharedPacker, source: NonNullable<ThreadSetup['source']>): BlobCopier {
  return new BlobCopier(
    { codec: new BlobCodec(source.codec), index: new BlobIndex(source.index) },
    { codec, packer: into },
  )
}

function createSaver({ chunks }: SharedStoring, into: SharedPacker): ChunkSaver {
  const { control } = setup
  return new ChunkSaver({
    codec,
    packer: into,
    control,
    chunks,
    thread,
    callForHelp: () => postFromThread({ kind: 'large' }),
  })
}
