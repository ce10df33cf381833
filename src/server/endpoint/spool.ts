import { createHash, randomBytes } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { formatBytes, hasCode } from '#base'
import { fileError, type LocalFiles, removeQuietly, syncFile, systemFiles } from '#backend'
import { EndpointError } from './errors.ts'
import { SharedMemory } from './shared-memory.ts'
import type { Upload } from './storage.ts'

export interface SpoolOptions {
  readonly files?: LocalFiles | undefined
  /** Permission bits of what arrives. */
  readonly mode: number
  /** Whether what has arrived must survive a power cut. */
  readonly durable: boolean
  /** Most bytes that may lie here; not bounded when absent. */
  readonly most?: number | undefined
  /** Bytes of the disk that uploads leave free, locks apart. */
  readonly keepFree: number
  /** Free bytes of the disk that a folder lies on. */
  readonly freeBytes?: ((folder: string) => Promise<number>) | undefined
}

/** An upload that lies in the spool, until it is disposed of. */
export interface Spooled extends AsyncDisposable {
  readonly path: string
  readonly size: number
  /** SHA-256 in hex. */
  readonly hash: string
}

const namePattern = /^[0-9a-f]{32}$/
const memory = { total: 48 << 20, least: 64 << 10, most: 1 << 20 }

/** The folder in which uploads lie while they arrive, under names that nobody takes for theirs. */
export class Spool {
  readonly #folder: string
  readonly #files: LocalFiles
  readonly #options: SpoolOptions
  readonly #memory = new SharedMemory(memory)
  /** Bytes of uploads that are here or announced. */
  #reserved = 0

  private constructor(folder: string, options: SpoolOptions) {
    this.#folder = folder
    this.#files = options.files ?? systemFiles
    this.#options = options
  }

  /** Makes the folder, and removes what a process that was killed has left there. */
  static async open(folder: string, options: SpoolOptions): Promise<Spool> {
    const spool = new Spool(folder, options)
    await spool.#files.mkdir(folder, { recursive: true, mode: 0o700 })
    for (const name of await spool.#files.readdir(folder)) {
      if (namePattern.test(name)) await spool.#files.unlink(join(folder, name))
    }
    return spool
  }

  /** Takes an upload in, whole, with its hash on the way. What goes wrong leaves nothing behind. */
  async receive(upload: Upload): Promise<Spooled> {
    const path = join(this.#folder, randomBytes(16).toString('hex'))
    let reserved = 0
    const takeRoom = (total: number) => {
      const more = total - reserved
      if (more <= 0) return
      this.#checkRoom(more)
      upload.grow(more)
      this.#reserved += more
      reserved = total
    }
    const dispose = async () => {
      this.#reserved -= reserved
      reserved = 0
      await removeQuietly(this.#files, path)
    }
    try {
      takeRoom(upload.length ?? 0)
      await this.#checkDisk(upload)
      const received = await this.#write(path, upload, takeRoom)
      return { path, ...received, [Symbol.asyncDispose]: dispose }
    } catch (thrown) {
      await dispose()
      throw fileError(thrown, { location: this.#folder })
    }
  }

  #checkRoom(more: number): void {
    const { most } = this.#options
    if (most !== undefined && this.#reserved + more > most) throw new EndpointError('ENDPOINT_SPOOL_FULL')
  }

  /** Locks are let through: without one nothing could be restored from a full disk, and nothing pruned. */
  async #checkDisk({ file, length = 0 }: Upload): Promise<void> {
    const { keepFree, freeBytes = freeBytesOf } = this.#options
    if (keepFree === 0 || file.type === 'lock') return
    const free = await freeBytes(this.#folder)
    if (free - Math.max(length, this.#reserved) < keepFree) throw new EndpointError('ENDPOINT_STORAGE_FULL')
  }

  async #write(path: string, upload: Upload, takeRoom: (total: number) => void) {
    using _ = this.#memory.enter()
    const hash = createHash('sha256')
    const handle = await this.#files.open(path, 'wx', this.#options.mode)
    const writer = new PieceWriter(handle)
    try {
      for await (const bytes of upload.body) {
        const total = writer.size + bytes.length
        if (total > upload.longest) throw tooLarge(upload)
        takeRoom(total)
        hash.update(bytes)
        await writer.push(bytes, this.#memory.piece)
      }
      await writer.finish()
      if (this.#options.durable) await syncFile(handle)
      return { size: writer.size, hash: hash.digest('hex') }
    } finally {
      await writer.settle()
      await handle.close() // may fail too (NFS reports a full disk here): then nothing was stored
    }
  }
}

async function freeBytesOf(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}

export function tooLarge({ file, longest }: Pick<Upload, 'file' | 'longest'>): EndpointError {
  return new EndpointError('ENDPOINT_FILE_TOO_LARGE', { type: file.type, allowed: `at most ${formatBytes(longest)}` })
}

/** Writes what arrives in larger pieces, one of them while the next is gathered. */
class PieceWriter {
  readonly #handle: FileHandle
  #gathered: Buffer[] = []
  #gatheredBytes = 0
  #written = 0
  #writing: Promise<void> = Promise.resolve()

  constructor(handle: FileHandle) {
    this.#handle = handle
  }

  /** Bytes taken so far. */
  get size(): number {
    return this.#written + this.#gatheredBytes
  }

  async push(bytes: Buffer, piece: number): Promise<void> {
    this.#gathered.push(bytes)
    this.#gatheredBytes += bytes.length
    if (this.#gatheredBytes >= piece) await this.#start()
  }

  async finish(): Promise<void> {
    await this.#start()
    await this.#writing
  }

  /** Resolves when nothing is written any more, whatever came of it. */
  async settle(): Promise<void> {
    await this.#writing.catch(() => undefined)
  }

  async #start(): Promise<void> {
    await this.#writing
    const [pieces, position] = [this.#gathered, this.#written]
    this.#written += this.#gatheredBytes
    this.#gathered = []
    this.#gatheredBytes = 0
    this.#writing = writeAll(this.#handle, pieces, position)
    this.#writing.catch(() => undefined) // awaited before the next piece
  }
}

/** Every byte, however little the system takes at once. */
async function writeAll(handle: FileHandle, pieces: readonly Buffer[], position: number): Promise<void> {
  let left = pieces.filter(({ length }) => length > 0)
  let at = position
  while (left.length > 0) {
    const written = await writeSome(handle, left, at)
    at += written
    left = after(left, written)
  }
}

async function writeSome(handle: FileHandle, pieces: readonly Buffer[], position: number): Promise<number> {
  try {
    const { bytesWritten } = await handle.writev(pieces, position)
    if (bytesWritten === 0) throw Object.assign(new Error('EIO: the system wrote nothing'), { code: 'EIO' })
    return bytesWritten
  } catch (thrown) {
    if (hasCode(thrown, 'EINTR')) return 0
    throw thrown
  }
}

/** What is left of the pieces behind their first `bytes`. */
function after(pieces: readonly Buffer[], bytes: number): Buffer[] {
  let skip = bytes
  return pieces.flatMap((piece) => {
    const rest = piece.subarray(Math.min(skip, piece.length))
    skip -= piece.length - rest.length
    return rest.length > 0 ? [rest] : []
  })
}
