import { randomBytes } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { hasCode } from '#base'
import type { CallOptions } from './backend.ts'
import { type FolderSync, isSyncUnsupported } from './folder-sync.ts'
import { isDirectUnsupported } from './aligned-memory.ts'
import { openDirect, writeDirect } from './local-direct-write.ts'
import type { LocalFiles } from './local-files.ts'
import type { RateLimit } from './limit.ts'

/** A temporary file beside the final one. restic names its own the same way, and both pass over such names. */
export const temporaryName = /^(?:config|[0-9a-f]{64})-tmp-/

/** Bytes a call to the system: small enough to notice an abort and to show progress, large enough to cost nothing. */
const stride = 4 << 20

/** Less than this is not worth going past the cache. */
const leastDirect = 1 << 20

export interface DurableWrite extends CallOptions {
  readonly files: LocalFiles
  readonly folders: FolderSync
  /** Permission bits of the finished file. */
  readonly mode: number
  readonly limit?: RateLimit | undefined
  /** Whether to write past the system's cache; set to false when this was not possible. */
  readonly past?: { cache: boolean } | undefined
}

/**
 * Puts a file in place so that it is absent or whole at every moment, also after a power cut, and never replaces one.
 * Resolves to false when a file of that name is there already (nothing was changed then).
 *
 * A failed sync means *not stored*: the kernel may have dropped the pages and says so only once, so the temporary file
 * is thrown away and never synced again; the caller may write anew.
 */
export async function writeDurably(path: string, bytes: Uint8Array, options: DurableWrite): Promise<boolean> {
  const { files, folders, signal } = options
  const temporary = `${path}-tmp-${randomBytes(8).toString('hex')}`
  try {
    await writeTemporary(temporary, bytes, options)
    signal?.throwIfAborted()
    if (!(await putInPlace(files, temporary, path))) return false
  } finally {
    await removeQuietly(files, temporary)
  }
  try {
    await folders.sync(dirname(path))
  } catch (thrown) {
    await removeQuietly(files, path) // ours, and not certain to be there after a power cut
    throw thrown
  }
  return true
}

async function writeTemporary(temporary: string, bytes: Uint8Array, options: DurableWrite): Promise<void> {
  const { files, mode, past } = options
  const direct = past?.cache && bytes.length >= leastDirect
  const opened = direct ? await openDirect(files, temporary, mode) : undefined
  const handle = opened ?? (await files.open(temporary, 'wx', mode))
  try {
    await (opened ? writeDirect(opened, bytes, options) : writeAll(handle, bytes, options))
    if ((mode & 0o060) !== 0) await handle.chmod(mode) // for the group: whatever the umask says
    await syncFile(handle)
  } catch (thrown) {
    if (!opened || !isDirectUnsupported(thrown)) throw thrown
    // Some file systems say only now that they cannot.
    await files.unlink(temporary)
    return await writeTemporary(temporary, bytes, { ...options, past: undefined })
  } finally {
    await handle.close() // may fail too (NFS reports a full disk here): then nothing was stored
    if (past && direct && !opened) past.cache = false
  }
}

/** Writes every byte, however little the system takes at once. */
async function writeAll(handle: FileHandle, bytes: Uint8Array, options: DurableWrite): Promise<void> {
  const { signal, progress, limit } = options
  let position = 0
  while (position < bytes.length) {
    signal?.throwIfAborted()
    const length = Math.min(limit?.stride ?? stride, bytes.length - position)
    await limit?.take(length, options)
    const written = await writeSome(handle, bytes, { position, length })
    position += written
    if (written > 0) progress?.(written)
  }
}

async function writeSome(
  handle: FileHandle,
  bytes: Uint8Array,
  { position, length }: { readonly position: number; readonly length: number },
): Promise<number> {
  try {
    const { bytesWritten } = await handle.write(bytes, position, length, position)
    if (bytesWritten === 0) throw Object.assign(new Error('EIO: the system wrote nothing'), { code: 'EIO' })
    return bytesWritten
  } catch (thrown) {
    if (hasCode(thrown, 'EINTR')) return 0
    throw thrown
  }
}

/** Makes a file durable that somebody else has put there. */
export async function syncStored(files: LocalFiles, path: string): Promise<void> {
  await using handle = await files.open(path, process.platform === 'win32' ? 'r+' : 'r') // Windows syncs no read-only handle
  await syncFile(handle)
}

async function syncFile(handle: FileHandle): Promise<void> {
  try {
    await handle.sync()
  } catch (thrown) {
    if (!isSyncUnsupported(thrown)) throw thrown
  }
}

/** File systems without hard links (FAT, some network shares) answer with one of these. */
const noLinks = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EXDEV']

/** A link never replaces what is there, unlike a rename. False when the name is taken. */
async function putInPlace(files: LocalFiles, temporary: string, path: string): Promise<boolean> {
  try {
    await files.link(temporary, path)
    return true
  } catch (thrown) {
    if (hasCode(thrown, 'EEXIST')) return false
    if (!noLinks.some((code) => hasCode(thrown, code))) throw thrown
  }
  return renameIfFree(files, temporary, path)
}

/** The second best: between look and rename another writer may come. It would have to write the same new name. */
async function renameIfFree(files: LocalFiles, temporary: string, path: string): Promise<boolean> {
  const taken = await files.lstat(path).then(
    () => true,
    (thrown: unknown) => {
      if (hasCode(thrown, 'ENOENT')) return false
      throw thrown
    },
  )
  if (!taken) await files.rename(temporary, path)
  return !taken
}

/** For what is of no use any more. If it cannot be removed now, the cleaning of stale files does it later. */
export async function removeQuietly(files: LocalFiles, path: string): Promise<void> {
  await files.unlink(path).catch(() => undefined)
}
