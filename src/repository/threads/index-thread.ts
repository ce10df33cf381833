import { Transferred, serveThread, threadData, throwIfBug } from '#base'
import { BlobCodec } from '../blob-codec.ts'
import type { CodecSettings } from '../blob-codec.ts'
import { readIndexFile } from '../read-index-file.ts'
import { openSealedFile } from '../sealed-file.ts'

/** A worker thread that opens and reads index files. */

export interface IndexThreadSetup {
  readonly codec: CodecSettings
  readonly plainAllowed: boolean
}

export interface ReadIndexOrder {
  readonly name: string
  readonly sealed: Uint8Array<ArrayBuffer>
}

const { codec: settings, plainAllowed } = await threadData<IndexThreadSetup>()
const codec = new BlobCodec(settings)

serveThread({
  /** What the file names; undefined when it is damaged, or marks packs: then it is for the main thread to read. */
  readIndex({ name, sealed }: ReadIndexOrder): Transferred | undefined {
    try {
      const { batch, marks, damage } = readIndexFile(
        openSealedFile({ codec, plainAllowed }, { type: 'index', name }, sealed),
      )
      if (damage !== undefined || marks.length > 0) return undefined
      return new Transferred(batch, [batch.packs.buffer, batch.entries.buffer])
    } catch (thrown) {
      throwIfBug(thrown)
      return undefined
    } finally {
      // Its memory is free without waiting for the garbage collector.
      sealed.buffer.transfer(0)
    }
  },
})
