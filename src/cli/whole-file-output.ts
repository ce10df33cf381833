import { fstatSync, writeSync } from 'node:fs'
import { Writable } from 'node:stream'
import type { Output } from './terminal.ts'

/**
 * Standard output for the terminal. Node's own stream for a file takes a write that the system did only in part for a whole
 * one: on a disk that becomes full, the end of a dump would be missing without a word.
 */
export function standardOutput(): Output {
  return isFile(1) ? new WholeFileOutput(1) : process.stdout
}

/** What is no terminal, pipe or socket is written to directly. */
function isFile(descriptor: number): boolean {
  if (process.stdout.isTTY) return false
  try {
    const kind = fstatSync(descriptor)
    return kind.isFile() || kind.isCharacterDevice() || kind.isBlockDevice()
  } catch {
    return false // closed, or nothing that can be asked
  }
}

/** Writes each piece to its last byte, or fails. */
export class WholeFileOutput extends Writable {
  readonly #descriptor: number
  readonly #write: typeof writeSync

  /** `write` stands for the system's, so that a test can do a part only. */
  constructor(descriptor: number, write: typeof writeSync = writeSync) {
    super()
    this.#descriptor = descriptor
    this.#write = write
  }

  override _write(bytes: Buffer, _: BufferEncoding, done: (error?: Error | null) => void): void {
    try {
      for (let at = 0; at < bytes.length;) at += this.#write(this.#descriptor, bytes, at, bytes.length - at)
    } catch (thrown) {
      return done(thrown as Error)
    }
    done()
  }
}
