// oxlint-disable-next-line no-restricted-imports -- reads its own program, not data
import { readFileSync } from 'node:fs'
import { WebAssembly, programFile } from '#base'
import { polynomialDegree } from './polynomial.ts'

/** No chunk but the last of a file is shorter. */
export const smallestChunk = 512 * 1024
/** No chunk is longer. */
export const largestChunk = 8 * 1024 * 1024

/** Whether there is a cut depends on so many bytes before it. */
export const windowLength = 64

/** The tables of assembly/chunker.ts lie before the buffer. */
const tablesLength = 4096
const pageLength = 65_536

interface ChunkerExports {
  prepare(polynomial: bigint): void
  scan(from: number, end: number): number
}

/**
 * Cuts contents exactly where restic cuts them with the same polynomial (restic's chunker: chunker.go), so that either
 * finds the blobs of the other. One for each thread. Contents are read into its own `buffer`, which lies in the memory of
 * the WebAssembly that scans it: nothing is copied.
 *
 * restic starts each chunk with an empty window, slides in one byte `1`, skips the first 512 KiB − 64 bytes and hashes
 * from there on. By the time a cut is allowed the window has been filled, and the `1` is out: so whether there is a cut
 * depends on the 64 bytes before it alone, and a chunker needs no state between calls.
 */
export class Chunker {
  /** Where contents are read into. It never moves. */
  readonly buffer: Buffer
  readonly #exports: ChunkerExports

  /** `polynomial` has degree 53 (`parsePolynomial` sees to that); `bufferSize` is a good deal more than a chunk. */
  constructor(polynomial: bigint, { bufferSize = 2 * largestChunk }: { readonly bufferSize?: number } = {}) {
    if (polynomial >> BigInt(polynomialDegree) !== 1n) throw new RangeError('the polynomial must have degree 53')
    if (bufferSize < largestChunk) throw new RangeError('the buffer must hold a chunk of the longest kind')
    const pages = Math.ceil((tablesLength + bufferSize) / pageLength)
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages })
    const { exports } = new WebAssembly.Instance(loadModule(), { env: { memory } })
    this.#exports = exports as unknown as ChunkerExports
    this.#exports.prepare(polynomial)
    this.buffer = Buffer.from(memory.buffer, tablesLength, bufferSize)
  }

  /**
   * Length of the chunk that begins at `start` of `buffer`, where bytes are available up to `end`; 0 when more are
   * needed to tell. At the end of a file, what is left then is the last chunk.
   *
   * @param from the `end` of the last call for this chunk (or `start`): cuts up to there have been looked for. When the
   *   contents have been moved inside the buffer since, it moves with them.
   */
  findCut(start: number, end: number, from: number): number {
    if (!(start >= 0 && start <= from && from <= end && end <= this.buffer.length)) {
      throw new RangeError(`not inside the buffer: ${start} to ${end}, scanned to ${from}`)
    }
    const last = Math.min(end, start + largestChunk)
    const first = Math.max(from, start + smallestChunk - 1)
    const cut = first < last ? this.#exports.scan(tablesLength + first, tablesLength + last) : 0
    if (cut !== 0) return (cut >>> 0) - tablesLength - start
    return end - start >= largestChunk ? largestChunk : 0
  }

  /**
   * The first position after `from` of `buffer`, up to `end`, that asks for a cut, wherever the content was cut before; 0 when
   * there is none. The window before `from` is in the buffer.
   */
  findAsking(from: number, end: number): number {
    if (!(from >= windowLength && from <= end && end <= this.buffer.length)) {
      throw new RangeError(`not inside the buffer: ${from} to ${end}`)
    }
    const place = this.#exports.scan(tablesLength + from, tablesLength + end)
    return place === 0 ? 0 : (place >>> 0) - tablesLength
  }
}

let compiled: object | undefined

/** The compiled module, once a thread: compiling its kilobyte takes less than reading the file. */
function loadModule(): object {
  return (compiled ??= new WebAssembly.Module(readFileSync(programFile('repository/format/chunker.wasm'))))
}
