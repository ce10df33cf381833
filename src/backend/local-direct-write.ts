import { constants } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { hasCode } from '#base'
import { alignedMemory, block, bytesAtOnce, isDirectUnsupported } from './aligned-memory.ts'
import type { CallOptions } from './backend.ts'
import type { LocalFiles } from './local-files.ts'
import type { RateLimit } from './limit.ts'

/**
 * Writes past the system's cache (O_DIRECT): copying a pack into the cache takes longer than compressing some, and pushes out what
 * the machine works with, for bytes that nobody reads again soon.
 */

interface DirectWrite extends CallOptions {
  readonly limit?: RateLimit | undefined
}

/** Memory that is not in use. As much as there are writes at once. */
const spare: Uint8Array[] = []

/** Makes a file for direct writing; undefined where the file system has none: then there is no such file. */
export async function openDirect(files: LocalFiles, path: string, mode: number): Promise<FileHandle | undefined> {
  if (constants.O_DIRECT === undefined) return undefined
  const { O_WRONLY, O_CREAT, O_EXCL, O_DIRECT } = constants
  try {
    return await files.open(path, O_WRONLY | O_CREAT | O_EXCL | O_DIRECT, mode)
  } catch (thrown) {
    if (!isDirectUnsupported(thrown)) throw thrown
    await files.unlink(path).catch(() => undefined) // it may have been made all the same (open(2), EINVAL)
    return undefined
  }
}

/** Writes all of `bytes` to an empty file that was opened so. */
export async function writeDirect(handle: FileHandle, bytes: Uint8Array, options: DirectWrite): Promise<void> {
  const memory = spare.pop() ?? alignedMemory()
  try {
    let at = 0
    while (at < bytes.length) at += await writeBlocks(handle, bytes, { ...options, at, memory })
    // The last block was filled up.
    if (bytes.length % block !== 0) await handle.truncate(bytes.length)
  } finally {
    spare.push(memory)
  }
}

/** Returns how many bytes were written: whole blocks, but for the last. */
async function writeBlocks(
  handle: FileHandle,
  bytes: Uint8Array,
  { at, memory, signal, progress, waited, limit }: DirectWrite & { readonly at: number; readonly memory: Uint8Array },
): Promise<number> {
  signal?.throwIfAborted()
  const step = Math.min(Math.max(block, limit?.stride ?? bytesAtOnce), bytes.length - at)
  await limit?.take(step, { signal, waited })
  const padded = Math.ceil(step / block) * block
  memory.set(bytes.subarray(at, at + step))
  memory.fill(0, step, padded)
  const written = await writeSome(handle, memory, padded, at)
  // What is no whole block cannot be gone on from; it is written again.
  const taken = written === padded ? step : written - (written % block)
  if (taken > 0) progress?.(taken)
  return taken
}

async function writeSome(handle: FileHandle, memory: Uint8Array, length: number, at: number): Promise<number> {
  try {
    const { bytesWritten } = await handle.write(memory, 0, length, at)
    if (bytesWritten === 0) throw Object.assign(new Error('EIO: the system wrote nothing'), { code: 'EIO' })
    return bytesWritten
  } catch (thrown) {
    if (hasCode(thrown, 'EINTR')) return 0
    throw thrown
  }
}
