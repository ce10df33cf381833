import { randomBytes } from 'node:crypto'
import { mkdir, readdir, statfs, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '#base'
import { fileError } from '#backend'
import { Arrival, type Spooled } from './arrival.ts'
import { ByteBudget } from './byte-budget.ts'
import { EndpointError } from './errors.ts'
import type { Upload } from './storage.ts'
import { Writers } from './writers.ts'

export interface SpoolOptions {
  readonly clock: Clock
  /** Permission bits of what arrives. */
  readonly mode: number
  /** Most bytes that may lie here; not bounded when absent. */
  readonly most?: number | undefined
  /** Bytes of the disk that uploads leave free, locks apart. */
  readonly keepFree: number
}

const namePattern = /^[0-9a-f]{32}$/
/** Bytes of uploads that may be in memory. */
const memory = 48 << 20
/** Milliseconds for which the free space counts as known: what arrives meanwhile is counted here. */
const spaceKnownFor = 1000

/** The folder in which uploads lie while they arrive, under names that nobody takes for theirs. */
export class Spool implements AsyncDisposable {
  readonly #folder: string
  readonly #options: SpoolOptions
  readonly #writers = new Writers()
  readonly #memory = new ByteBudget(memory)
  /** Bytes of uploads that are here or announced. */
  #reserved = 0
  #space: { readonly free: number; readonly at: number; arrived: number } | undefined

  private constructor(folder: string, options: SpoolOptions) {
    this.#folder = folder
    this.#options = options
  }

  /** Makes the folder, and removes what a process that was killed has left there. */
  static async open(folder: string, options: SpoolOptions): Promise<Spool> {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    for (const name of await readdir(folder)) if (namePattern.test(name)) await unlink(join(folder, name))
    return new Spool(folder, options)
  }

  /** Takes an upload in, whole, with its hash on the way. What goes wrong leaves nothing behind. */
  async receive(upload: Upload): Promise<Spooled> {
    const arrival = new Arrival(join(this.#folder, randomBytes(16).toString('hex')), {
      mode: this.#options.mode,
      memory: this.#memory,
      writers: this.#writers,
      takeRoom: (bytes) => this.#takeRoom(bytes, upload),
      giveBack: (bytes) => (this.#reserved -= bytes),
    })
    try {
      arrival.reserve(upload.length ?? 0)
      await this.#checkDisk(upload)
      await arrival.take(upload)
      return arrival
    } catch (thrown) {
      await arrival[Symbol.asyncDispose]()
      throw fileError(thrown, { location: this.#folder })
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writers[Symbol.asyncDispose]()
  }

  #takeRoom(bytes: number, upload: Upload): void {
    const { most } = this.#options
    if (most !== undefined && this.#reserved + bytes > most) throw new EndpointError('ENDPOINT_SPOOL_FULL')
    upload.grow(bytes)
    this.#reserved += bytes
    if (this.#space) this.#space.arrived += bytes
  }

  /** Locks are let through: without one nothing could be restored from a full disk, and nothing pruned. */
  async #checkDisk({ file }: Upload): Promise<void> {
    const { keepFree } = this.#options
    if (keepFree === 0 || file.type === 'lock') return
    const { free, arrived } = await this.#measure()
    if (free - arrived < keepFree) throw new EndpointError('ENDPOINT_STORAGE_FULL')
  }

  async #measure() {
    const now = this.#options.clock.monotonic()
    if (this.#space && now - this.#space.at < spaceKnownFor) return this.#space
    // Of what is on its way nobody knows how much is written: all of it counts as still to come.
    const space = { free: await freeBytesOf(this.#folder), at: now, arrived: this.#reserved }
    this.#space = space
    return space
  }
}

async function freeBytesOf(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}
