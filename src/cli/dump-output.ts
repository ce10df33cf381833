import { open } from 'node:fs/promises'
import { hasCode } from '#base'
import { CliError } from './errors.ts'
import { plainMessage } from './failure-text.ts'
import type { Terminal } from './terminal.ts'

/** Where the bytes of a dump go: standard output or a file. Small pieces are written together. */

export interface DumpOutput extends AsyncDisposable {
  readonly write: (bytes: Uint8Array) => Promise<void>
  /** Writes what is left. Throws when anything did not get where it should. */
  finish(): Promise<void>
}

const wholePiece = 256 << 10
/** Written as it is, without being copied. */
const largePiece = 64 << 10

/** Throws DUMP_NOT_WRITTEN. */
export async function openDumpOutput(terminal: Terminal, target: string | undefined): Promise<DumpOutput> {
  if (target === undefined || target === '') {
    const pieces = new Pieces((bytes) => print(terminal, bytes))
    return { write: pieces.write, finish: () => pieces.flush(), [Symbol.asyncDispose]: async () => undefined }
  }
  const named = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    try {
      return await work()
    } catch (cause) {
      throw notWritten(target, cause)
    }
  }
  const file = await named(() => open(target, 'w'))
  const pieces = new Pieces((bytes) => named(() => file.writeFile(bytes)))
  return {
    write: pieces.write,
    finish: async () => {
      await pieces.flush()
      // What is not a file, a pipe say, cannot be made durable.
      await named(async () => (await file.stat()).isFile() && (await file.sync()))
    },
    [Symbol.asyncDispose]: async () => await file.close().catch(() => undefined),
  }
}

async function print(terminal: Terminal, bytes: Uint8Array): Promise<void> {
  try {
    await terminal.writeThrough(bytes)
  } catch (cause) {
    // A reader that went away ends the command by itself.
    throw hasCode(cause, 'EPIPE') || hasCode(cause, 'EIO') ? cause : notWritten('standard output', cause)
  }
}

function notWritten(path: string, cause: unknown): CliError {
  return new CliError('DUMP_NOT_WRITTEN', { path, reason: plainMessage(cause), cause })
}

class Pieces {
  readonly #put: (bytes: Uint8Array) => Promise<void>
  readonly #small = Buffer.allocUnsafeSlow(wholePiece)
  #length = 0

  constructor(put: (bytes: Uint8Array) => Promise<void>) {
    this.#put = put
  }

  readonly write = async (bytes: Uint8Array): Promise<void> => {
    if (bytes.length >= largePiece || this.#length + bytes.length > wholePiece) await this.flush()
    if (bytes.length >= largePiece) return await this.#put(bytes)
    this.#small.set(bytes, this.#length)
    this.#length += bytes.length
  }

  async flush(): Promise<void> {
    const length = this.#length
    this.#length = 0
    if (length > 0) await this.#put(this.#small.subarray(0, length))
  }
}
