import type { FileHandle } from 'node:fs/promises'
import { hasCode } from '#base'

/** Writes pieces one behind the other, each while the next is gathered. */
export class PieceWriter {
  readonly #handle: FileHandle
  #position = 0
  #writing: Promise<void> = Promise.resolve()

  constructor(handle: FileHandle) {
    this.#handle = handle
  }

  /** Resolves when the piece before is written; `written` is called when this one is, or is given up. */
  async write(pieces: readonly Buffer[], written: () => void): Promise<void> {
    try {
      await this.#writing
    } catch (thrown) {
      written()
      throw thrown
    }
    const position = this.#position
    this.#position += pieces.reduce((sum, { length }) => sum + length, 0)
    this.#writing = writeAll(this.#handle, pieces, position).finally(written)
    this.#writing.catch(() => undefined) // awaited before the next piece
  }

  /** Resolves when everything is written. */
  async finish(): Promise<void> {
    await this.#writing
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
