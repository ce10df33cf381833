import { createHash, type Hash } from 'node:crypto'
import * as fs from 'node:fs'
import { hasCode } from '#base'

/** A part of an upload, behind those before it. */
export interface Part {
  /** The number of the upload, its own in the process. */
  readonly upload: number
  /** The file that is written, open. */
  readonly fd: number
  readonly pieces: readonly Uint8Array[]
  readonly position: number
}

/** The calls that this makes. A parameter, so that tests can have them write less than they are given, or fail. */
export type WriteFiles = Pick<typeof fs, 'writevSync'>

/** Uploads under way, in a thread that hashes and writes them. */
export class WritingUploads {
  readonly #hashes = new Map<number, Hash>()
  readonly #files: WriteFiles

  constructor(files: WriteFiles = fs) {
    this.#files = files
  }

  /** Every byte, however little the system takes at once. */
  write({ upload, fd, pieces, position }: Part): void {
    const hash = this.#hashOf(upload)
    for (const piece of pieces) hash.update(piece)
    let left = pieces
    let at = position
    while (left.length > 0) {
      const written = this.#writeSome(fd, left, at)
      at += written
      left = behind(left, written)
    }
    for (const { buffer } of pieces) if (buffer instanceof ArrayBuffer) buffer.transfer(0)
  }

  /** The SHA-256, in hex, of all bytes of an upload, which is over. */
  end(upload: number): string {
    const hash = this.#hashOf(upload)
    this.#hashes.delete(upload)
    return hash.digest('hex')
  }

  #hashOf(upload: number): Hash {
    const known = this.#hashes.get(upload)
    if (known) return known
    const hash = createHash('sha256')
    this.#hashes.set(upload, hash)
    return hash
  }

  #writeSome(fd: number, pieces: readonly Uint8Array[], position: number): number {
    try {
      const written = this.#files.writevSync(fd, pieces, position)
      if (written === 0) throw Object.assign(new Error('EIO: the system wrote nothing'), { code: 'EIO' })
      return written
    } catch (thrown) {
      if (hasCode(thrown, 'EINTR')) return 0
      throw thrown
    }
  }
}

/** What is left of the pieces behind their first `bytes`. */
function behind(pieces: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let skip = bytes
  return pieces.flatMap((piece) => {
    const rest = piece.subarray(Math.min(skip, piece.length))
    skip -= piece.length - rest.length
    return rest.length > 0 ? [rest] : []
  })
}
