import { Chunker, largestChunk, smallestChunk, windowLength } from '../format/chunker.ts'

/** Read and cut piece by piece, while the piece is in the processor's cache. */
const pieceSize = 1 << 20
/** Room for the longest chunk and the piece that ends it. */
const bufferSize = largestChunk + pieceSize
/** From here on what is needed is moved to the front: most chunks end long before, and no more memory is touched. */
const usualReach = 4 << 20

/** How far a sure cut is looked for: all but one place in a hundred thousand of a file in which nothing repeats has one. */
export const searchReach = 16 << 20
/** So many places that ask for a cut are looked at: three times as many as the reach has in a file in which nothing repeats. */
const mostAsking = 48
/** Where places follow each other like this something repeats, zeros mostly, … */
const repeats = 4096
/** … and it is passed over in steps like this. */
const stepOver = 64 << 10

/** Fills `into` from `position` on as far as possible; 0 only at the end. */
export type ReadAt = (into: Uint8Array, position: number) => number

/** Reads a file, from its beginning or anywhere, and cuts it. One for each thread. */
export class FileCutter {
  readonly #chunker: Chunker
  #read: ReadAt = () => 0
  /** Where in the file the buffer begins. */
  #base = 0
  /** In the buffer: the next chunk, what has been read, and how far a cut has been looked for. */
  #start = 0
  #end = 0
  #scanned = 0
  #ended = false

  constructor(polynomial: bigint) {
    this.#chunker = new Chunker(polynomial, { bufferSize })
  }

  /** Where the next chunk begins. */
  get position(): number {
    return this.#base + this.#start
  }

  /** Whether nothing of the next chunk has been read yet. */
  get isEmpty(): boolean {
    return this.#start === this.#end
  }

  /** A chunk of the file begins at `position`. */
  begin(read: ReadAt, position: number): void {
    this.#read = read
    this.#base = position
    this.#start = this.#end = this.#scanned = 0
    this.#ended = false
  }

  /** As `begin`, where `read` reads the same file as before: what has been read on is kept when the cutter is there. */
  goTo(read: ReadAt, position: number): void {
    if (position === this.position) this.#read = read
    else this.begin(read, position)
  }

  /**
   * As `begin`, at the first sure cut after `position`; false when none is found near. Throws what `read` throws.
   *
   * Where one place asks for a cut and the next that does so comes `smallestChunk` to `largestChunk - smallestChunk` later, this one is
   * a cut, however the bytes before were cut: a cut less than `smallestChunk` before it would be one that nothing asks
   * for, at the end of a longest chunk; but the place before lies inside that chunk, far enough from its beginning to have ended it.
   */
  beginAtSureCut(read: ReadAt, position: number): boolean {
    this.begin(read, position)
    let last = -Infinity
    let from = position + windowLength
    for (let asking = 0; asking < mostAsking;) {
      const place = this.#findAsking(from)
      if (place === undefined) {
        from = Math.max(from, this.#base + this.#end)
        if (this.#ended || from - position > searchReach) return false
        this.#start = this.#scanned = Math.min(from - windowLength - this.#base, this.#end)
        this.#readPiece()
        continue
      }
      asking++
      const distance = place - last
      if (distance >= smallestChunk && distance <= largestChunk - smallestChunk) {
        this.#start = this.#scanned = place - this.#base
        return true
      }
      const isRepeated = distance < repeats
      last = isRepeated ? -Infinity : place
      from = isRepeated ? place + stepOver : place
    }
    return false
  }

  /** The next chunk's bytes, good until the next call; undefined at the end. Throws what `read` throws. */
  next(): Buffer | undefined {
    for (;;) {
      if (!this.#ended && this.#end - this.#start < largestChunk) this.#readPiece()
      if (this.isEmpty) return undefined
      const cut = this.#chunker.findCut(this.#start, this.#end, this.#scanned)
      const length = cut || (this.#ended ? this.#end - this.#start : 0)
      this.#scanned = this.#end
      if (length === 0) continue
      const chunk = this.#chunker.buffer.subarray(this.#start, this.#start + length)
      this.#start += length
      this.#scanned = this.#start
      return chunk
    }
  }

  /** The first place after `from`, both in the file, that asks for a cut, in what has been read. */
  #findAsking(from: number): number | undefined {
    const at = from - this.#base
    const place = at < this.#end ? this.#chunker.findAsking(at, this.#end) : 0
    return place === 0 ? undefined : this.#base + place
  }

  /** What has been read from the next chunk on stays. */
  #readPiece(): void {
    const { buffer } = this.#chunker
    if (this.#end + pieceSize > usualReach && this.#start > 0) {
      buffer.copyWithin(0, this.#start, this.#end)
      this.#base += this.#start
      this.#end -= this.#start
      this.#scanned -= this.#start
      this.#start = 0
    }
    const piece = buffer.subarray(this.#end, this.#end + pieceSize)
    const read = this.#read(piece, this.#base + this.#end)
    this.#ended = read < piece.length
    this.#end += read
  }
}
