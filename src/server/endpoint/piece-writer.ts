import type { FileHandle } from 'node:fs/promises'
import { hasCode } from '#base'

/** Writes what arrives in larger pieces, one of them while the next is gathered. */
export class PieceWriter {
  readonly #handle: FileHandle
  #gathered: Buffer[] = []
  #gatheredBytes = 0
  #position = 0
  #writing: Promise<void> = Promise.resolve()

  constructor(handle: FileHandle) {
    this.#handle = handle
  }

  /** Takes the next bytes; resolves when there is room for more. `piece`: how many are written at once. */
  async push(bytes: Buffer, piece: number): Promise<void> {
    this.#gathered.push(bytes)
    this.#gatheredBytes += bytes.length
    if (this.#gatheredBytes >= piece) await this.#start()
  }

  /** Resolves when everything is written. */
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
    const [pieces, position] = [this.#gathered, this.#position]
    this.#position += this.#gatheredBytes
    this.#gathered = []
    this.#gatheredBytes = 0
    this.#writing = writeAll(this.#handle, pieces, position)
    this.#writing.catch(() => undefined) // awaited before the next piece
  }
}

/** Every byte, however little the system takes at once. */
async function writeAll(handle: FileHandle, pieces: readonly Buffer[], position: number): Promise<void> {
  let left = pieces
  let at = position
  while (left.length > 0) {
    const written = await writeSome(handle, left, at)
    at += written
    left = behind(left, written)
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
function behind(pieces: readonly Buffer[], bytes: number): Buffer[] {
  let skip = bytes
  return pieces.flatMap((piece) => {
    const rest = piece.subarray(Math.min(skip, piece.length))
    skip -= piece.length - rest.length
    return rest.length > 0 ? [rest] : []
  })
}
