import { constants } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { hasCode } from '#base'
import type { FileRef, ReadOptions } from './backend.ts'
import { BackendError } from './errors.ts'
import { fileDetails, longestFile } from './layout.ts'
import { readDirect } from './local-direct.ts'
import type { LocalFiles } from './local-files.ts'
import type { RateLimit } from './limit.ts'
import { checkRange } from './range.ts'

const stride = 8 << 20

/** Never waits for somebody to write, should a fifo lie where a file belongs. */
const readFlags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)

interface LocalRead extends ReadOptions {
  readonly file: FileRef
  readonly location: string
  readonly limit?: RateLimit | undefined
}

/** Reads exactly the asked part. The size is asked first, so that a range never claims more memory than there is file. */
export async function readLocalFile(files: LocalFiles, path: string, options: LocalRead): Promise<Buffer> {
  const { file, location } = options
  await using handle = await files.open(path, readFlags)
  const stat = await handle.stat()
  if (!stat.isFile()) throw new BackendError('STORAGE_FAILED', { location, reason: `${path} is no file` })
  const range = options.range ?? { offset: 0, length: stat.size }
  checkRange(range, stat.size, { file, location })
  if (range.length > longestFile[file.type]) throw new BackendError('FILE_TOO_LARGE', fileDetails(file, location))
  if (options.fresh) {
    const direct = await readDirect(files, path, { ...options, ...range })
    if (direct) return direct
  }
  const bytes = Buffer.allocUnsafeSlow(range.length)
  await readAll(handle, bytes, { ...options, offset: range.offset })
  return bytes
}

async function readAll(
  handle: FileHandle,
  into: Buffer,
  options: LocalRead & { readonly offset: number },
): Promise<void> {
  const { file, location, offset, signal, progress, limit } = options
  let filled = 0
  while (filled < into.length) {
    signal?.throwIfAborted()
    const length = Math.min(limit?.stride ?? stride, into.length - filled)
    await limit?.take(length, options)
    const bytesRead = await readSome(handle, into.subarray(filled, filled + length), offset + filled)
    if (bytesRead === 0) throw new BackendError('FILE_TOO_SHORT', fileDetails(file, location))
    if (bytesRead === undefined) continue
    filled += bytesRead
    progress?.(bytesRead)
  }
}

/** Undefined when a signal of the system interrupted the call before anything was read. */
async function readSome(handle: FileHandle, into: Buffer, position: number): Promise<number | undefined> {
  try {
    return (await handle.read(into, 0, into.length, position)).bytesRead
  } catch (thrown) {
    if (hasCode(thrown, 'EINTR')) return undefined
    throw thrown
  }
}
