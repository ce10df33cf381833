import { hash } from 'node:crypto'
import { type FileHandle, open, unlink } from 'node:fs/promises'
import { formatBytes } from '#base'
import type { ByteBudget } from './byte-budget.ts'
import { EndpointError } from './errors.ts'
import type { Upload } from './storage.ts'
import type { PieceWriter, Writers } from './writers.ts'

/** An upload that has arrived, until it is disposed of. */
export interface Spooled extends AsyncDisposable {
  readonly size: number
  /** SHA-256 in hex. */
  readonly hash: string
  /** Where it lies, or would. */
  readonly path: string
  /** A small one is in memory only, which is its own. */
  readonly bytes: Buffer<ArrayBuffer> | undefined
  /** The file that holds a large one, written but not synced. */
  readonly handle: FileHandle | undefined
  /** Its temporary name is gone: there is nothing to remove. */
  isPlaced: boolean
}

export interface ArrivalOptions {
  /** Permission bits of the file. */
  readonly mode: number
  /** What all uploads may have in memory. Without room there, bytes go to the disk as they come. */
  readonly memory: ByteBudget
  readonly writers: Writers
  /** Throws when there is no room for more bytes. */
  readonly takeRoom: (bytes: number) => void
  readonly giveBack: (bytes: number) => void
}

/** Bytes that are written at once; what has fewer stays in memory. */
const piece = 1 << 20

/** One upload on its way: in memory as long as it is small, then in a file. */
export class Arrival implements Spooled {
  readonly path: string
  size = 0
  hash = ''
  bytes: Buffer<ArrayBuffer> | undefined
  handle: FileHandle | undefined
  isPlaced = false
  readonly #options: ArrivalOptions
  #reserved = 0
  #writer: PieceWriter | undefined
  #gathered: Buffer[] = []
  #gatheredBytes = 0
  /** Of the budget of memory, for what is gathered. */
  #held = 0

  constructor(path: string, options: ArrivalOptions) {
    this.path = path
    this.#options = options
  }

  /** Takes room for so many bytes in all. */
  reserve(total: number): void {
    const more = total - this.#reserved
    if (more <= 0) return
    this.#options.takeRoom(more)
    this.#reserved = total
  }

  async take(upload: Upload): Promise<void> {
    await upload.body((bytes) => {
      this.size += bytes.length
      if (this.size > upload.longest) throw tooLarge(upload)
      this.reserve(this.size)
      return this.#gather(bytes)
    })
    if (this.#writer) {
      await this.#flush()
      this.hash = await this.#writer.finish()
    } else {
      this.bytes = join(this.#gathered, this.size)
      this.hash = hash('sha256', this.bytes)
    }
    this.#gathered = []
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer?.[Symbol.asyncDispose]()
    this.#options.memory.give(this.#held)
    this.#options.giveBack(this.#reserved)
    this.#held = 0
    this.#reserved = 0
    if (!this.handle) return
    await this.handle.close().catch(() => undefined)
    if (!this.isPlaced) await unlink(this.path).catch(() => undefined) // at the latest it goes when the server starts again
  }

  #gather(bytes: Buffer): Promise<void> | undefined {
    const fits = this.#options.memory.tryTake(bytes.length)
    if (fits) this.#held += bytes.length
    this.#gathered.push(bytes)
    this.#gatheredBytes += bytes.length
    return !fits || this.#gatheredBytes >= piece ? this.#flush() : undefined
  }

  async #flush(): Promise<void> {
    this.handle ??= await open(this.path, 'wx', this.#options.mode)
    this.#writer ??= this.#options.writers.begin(this.handle.fd)
    const [pieces, held] = [this.#gathered, this.#held]
    this.#gathered = []
    this.#gatheredBytes = 0
    this.#held = 0
    await this.#writer.write(pieces, () => this.#options.memory.give(held))
  }
}

/** In memory of its own, so that it can be handed to a thread. */
function join(pieces: readonly Buffer[], size: number): Buffer<ArrayBuffer> {
  const whole = Buffer.allocUnsafeSlow(size)
  let at = 0
  for (const bytes of pieces) at += bytes.copy(whole, at)
  return whole
}

export function tooLarge({ file, longest }: Pick<Upload, 'file' | 'longest'>): EndpointError {
  return new EndpointError('ENDPOINT_FILE_TOO_LARGE', { type: file.type, allowed: `at most ${formatBytes(longest)}` })
}
