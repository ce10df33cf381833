import { randomBytes } from 'node:crypto'
import { dirname } from 'node:path/posix'
import type { FolderSync } from './folder-sync.ts'
import { hasStatus, type Handle, type SftpClient } from './sftp-client.ts'
import { openFlags } from './sftp-packets.ts'
import { type Transfer, writePieces } from './sftp-transfer.ts'

export interface SftpWrite extends Transfer {
  /** Permission bits of the finished file. */
  readonly mode: number
  readonly folders: FolderSync
}

/**
 * Puts a file in place so that it is absent or whole at every moment, and never replaces one; durable as far as the server
 * can sync. Resolves to false when a file of that name is there already (nothing was changed then).
 */
export async function writeThroughSftp(
  client: SftpClient,
  path: string,
  bytes: Uint8Array,
  options: SftpWrite,
): Promise<boolean> {
  const { folders, signal } = options
  const temporary = `${path}-tmp-${randomBytes(8).toString('hex')}`
  let isNew: boolean
  try {
    await writeTemporary(client, temporary, bytes, options)
    signal?.throwIfAborted()
    isNew = await putInPlace(client, temporary, path)
  } catch (thrown) {
    await removeQuietly(client, temporary)
    throw thrown
  }
  const removed = removeQuietly(client, temporary)
  try {
    if (isNew) await folders.sync(dirname(path))
  } catch (thrown) {
    await removeQuietly(client, path) // ours, and not certain to be there after a power cut
    throw thrown
  } finally {
    await removed
  }
  return isNew
}

async function writeTemporary(client: SftpClient, path: string, bytes: Uint8Array, options: SftpWrite): Promise<void> {
  const { mode, limit, progress } = options
  const handle = await client.open(path, openFlags.write | openFlags.create | openFlags.exclusive, mode)
  // For the group: whatever the umask of the server says.
  const shared = (mode & 0o060) === 0 ? Promise.resolve() : client.setModeOf(handle, mode)
  const finish = () => Promise.all([syncHandle(client, handle), client.close(handle)])
  if (bytes.length <= (limit?.stride ?? client.pieces.write)) {
    await limit?.take(bytes.length, options)
    // Asked for at once, and done in this order: what is small costs the way there and back only once.
    await settled([shared, client.write(handle, 0, bytes), finish()])
    progress?.(bytes.length)
  } else {
    const written = writePieces(client, handle, bytes, options)
    await settled([shared, written]).then(finish, (thrown: unknown) => abandon(client, handle, thrown))
  }
}

/** All of them, and then the first failure: nothing of them may be under way when the file is removed. */
async function settled(calls: readonly Promise<unknown>[]): Promise<void> {
  const failed = (await Promise.allSettled(calls)).find(({ status }) => status === 'rejected')
  if (failed) throw (failed as PromiseRejectedResult).reason
}

async function abandon(client: SftpClient, handle: Handle, thrown: unknown): Promise<never> {
  await client.close(handle).catch(() => undefined)
  throw thrown
}

/** Servers without the extension give no way to know when bytes are safe; `sftp.ts` says so, once. */
async function syncHandle(client: SftpClient, handle: Handle): Promise<void> {
  if (!client.offers('fsync@openssh.com')) return
  await client.sync(handle).catch((thrown: unknown) => {
    if (!hasStatus(thrown, 'unsupported')) throw thrown
  })
}

/** For a handle through which nothing was written: nothing depends on its being closed. */
export async function withHandle<T>(client: SftpClient, handle: Handle, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } finally {
    client.close(handle).catch(() => undefined)
  }
}

/** Makes a file durable that somebody else has put there. */
export async function syncStored(client: SftpClient, path: string): Promise<void> {
  if (!client.offers('fsync@openssh.com')) return
  const handle = await client.open(path, openFlags.read)
  await withHandle(client, handle, () => syncHandle(client, handle))
}

/** Makes the names in a folder durable: OpenSSH opens folders like files. Where that is refused there is no way. */
export async function syncFolder(client: SftpClient, folder: string): Promise<void> {
  if (!client.offers('fsync@openssh.com')) return
  const handle = await client.open(folder, openFlags.read).catch((thrown: unknown) => {
    if (hasStatus(thrown, 'failure', 'permissionDenied', 'unsupported')) return undefined
    throw thrown
  })
  if (handle) await withHandle(client, handle, () => client.sync(handle)).catch(ignoreUnsupported)
}

function ignoreUnsupported(thrown: unknown): void {
  // EINVAL and ENOTSUP, which file systems answer that cannot sync a folder and need not.
  if (!hasStatus(thrown, 'unsupported', 'badMessage')) throw thrown
}

/** False when the name is taken. A link never replaces what is there; without links there is the rename. */
async function putInPlace(client: SftpClient, temporary: string, path: string): Promise<boolean> {
  if (client.offers('hardlink@openssh.com')) {
    const linked = await succeeds(() => client.link(temporary, path))
    if (linked) return true
  }
  if (await isThere(client, path)) return false
  // By the standard this never replaces anything, but not all servers keep to it. Then another writer may come between look
  // and rename; it would have to write the same new name.
  if (await succeeds(() => client.rename(temporary, path))) return true
  if (await isThere(client, path)) return false
  await client.rename(temporary, path)
  return true
}

/** False when the server refused: it has no words for "the name is taken" or "this disk has no links". */
async function succeeds(change: () => Promise<void>): Promise<boolean> {
  try {
    await change()
    return true
  } catch (thrown) {
    if (!hasStatus(thrown, 'failure', 'permissionDenied', 'unsupported', 'fileExists')) throw thrown
    return false
  }
}

async function isThere(client: SftpClient, path: string): Promise<boolean> {
  return client.lstat(path).then(
    () => true,
    (thrown: unknown) => {
      if (hasStatus(thrown, 'noSuchFile')) return false
      throw thrown
    },
  )
}

/** For what is of no use any more. If it cannot be removed now, it is when it is stale. */
export async function removeQuietly(client: SftpClient, path: string): Promise<void> {
  await client.remove(path).catch(() => undefined)
}
