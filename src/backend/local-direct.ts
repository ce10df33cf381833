import { constants } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { Semaphore } from '#base'
import { alignedMemory, block, bytesAtOnce, isDirectUnsupported } from './aligned-memory.ts'
import type { ByteRange, CallOptions } from './backend.ts'
import type { RateLimit } from './limit.ts'
import type { LocalFiles } from './local-files.ts'

/**
 * Reads past the system's cache (O_DIRECT): what the cache keeps of a wrong read would be as wrong the second time.
 */

interface DirectRead extends ByteRange, CallOptions {
  readonly limit?: RateLimit | undefined
}

let memory: Uint8Array | undefined
/** There is one such memory, and this is nothing that is done often. */
const turn = new Semaphore(1)

/** The bytes of a range that lies within the file; undefined where the file system cannot read so. */
export async function readDirect(
  files: LocalFiles,
  path: string,
  { offset, length, signal, progress, waited, limit }: DirectRead,
): Promise<Buffer | undefined> {
  if (constants.O_DIRECT === undefined) return undefined
  using _ = await turn.acquire()
  try {
    await using handle = await files.open(path, constants.O_RDONLY | constants.O_DIRECT | constants.O_NONBLOCK)
    const bytes = Buffer.allocUnsafeSlow(length)
    let at = offset
    while (at < offset + length) {
      signal?.throwIfAborted()
      const step = Math.min(limit?.stride ?? bytesAtOnce, offset + length - at)
      await limit?.take(step, { signal, waited })
      const taken = await readBlocks(handle, at, bytes.subarray(at - offset, at - offset + step))
      if (taken === 0) return undefined // the usual way says what is wrong
      progress?.(taken)
      at += taken
    }
    return bytes
  } catch (thrown) {
    if (isDirectUnsupported(thrown)) return undefined
    throw thrown
  }
}

/** Fills the start of `into` with what stands at `at` in the file; returns how much that was. */
async function readBlocks(handle: FileHandle, at: number, into: Buffer): Promise<number> {
  memory ??= alignedMemory()
  const start = at - (at % block)
  const wanted = Math.min(bytesAtOnce, Math.ceil((at - start + into.length) / block) * block)
  const { bytesRead } = await handle.read(memory, 0, wanted, start)
  const end = Math.min(bytesRead, at - start + into.length)
  if (end <= at - start) return 0
  into.set(memory.subarray(at - start, end))
  return end - (at - start)
}
