import { parseTime } from '#repository'
import type { Node } from '#repository'
import type { Archive, ArchiveEntry, WriteBytes } from './archive.ts'
import { blockLength, encodeEntryHeaders, paddingOf, typeFlagOf } from './tar-records.ts'

/** Writes a tar file with everything that a tar file can hold: exact times, attributes, ACLs, hard links, devices. */
export class TarArchive implements Archive {
  readonly hasHardLinks = true
  readonly #write: WriteBytes
  #padding: Buffer = Buffer.alloc(0)

  constructor(write: WriteBytes) {
    this.#write = write
  }

  holds(node: Node): boolean {
    return typeFlagOf(node) !== undefined
  }

  async begin(entry: ArchiveEntry): Promise<void> {
    const headers = encodeEntryHeaders(entry, parseTime(entry.node.mtime))
    await this.#write(this.#padding.length > 0 ? Buffer.concat([this.#padding, headers]) : headers)
    this.#padding = paddingOf(entry.size)
  }

  async add(piece: Uint8Array): Promise<void> {
    await this.#write(piece)
  }

  async finish(): Promise<void> {
    await this.#write(Buffer.concat([this.#padding, Buffer.alloc(2 * blockLength)]))
  }
}
