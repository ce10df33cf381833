import { posix } from 'node:path'
import { forEachConcurrent } from '#base'
import type { CallOptions, FileType, ListedFile } from './backend.ts'
import { temporaryName } from './durable-write.ts'
import { folders, isValidName } from './layout.ts'
import { type FolderEntry, hasStatus, type Handle, type SftpClient } from './sftp-client.ts'
import { type Attributes, isFolder, isRegular } from './sftp-packets.ts'
import { withHandle } from './sftp-write.ts'

/** Names under way at once: a long way costs its time once for all of them. */
const foldersAtOnce = 16
const readsAtOnce = 4

/** A file of the repository, or one that a writer is making or has left behind. */
export interface SeenFile extends ListedFile {
  readonly path: string
  readonly isTemporary: boolean
  /** Milliseconds since 1970, by the server's clock. */
  readonly modified: number | undefined
}

export type FolderType = Exclude<FileType, 'config'>

/** Every file of a type, and temporary ones. Undefined when the folder of that type is missing. */
export async function listFiles(
  client: SftpClient,
  root: string,
  type: FolderType,
  options: CallOptions,
): Promise<SeenFile[] | undefined> {
  const base = posix.join(root, folders[type])
  const entries = await readFolder(client, base, options)
  if (!entries || type !== 'pack') return entries && toFiles(client, base, type, entries)
  const files: SeenFile[] = []
  const subfolders = entries.filter(({ name }) => /^[0-9a-f]{2}$/.test(name)).map(({ name }) => name)
  const listSubfolder = async (name: string) => {
    const folder = posix.join(base, name)
    const found = await toFiles(client, folder, type, (await readFolder(client, folder, options)) ?? [])
    for (const file of found) if (file.name.startsWith(name)) files.push(file)
  }
  await forEachConcurrent(subfolders, listSubfolder, { concurrency: foldersAtOnce, signal: options.signal })
  return files
}

/** What lies in a folder; undefined when it is absent, or no folder. */
async function readFolder(
  client: SftpClient,
  path: string,
  { signal, progress }: CallOptions,
): Promise<FolderEntry[] | undefined> {
  signal?.throwIfAborted()
  const handle = await client.openFolder(path).catch((thrown: unknown) => {
    if (hasStatus(thrown, 'noSuchFile')) return undefined
    throw thrown
  })
  if (!handle) return undefined
  return withHandle(client, handle, () => readEntries(client, handle, { signal, progress }))
}

/** The end is known only when it is reached: some questions too many are asked meanwhile. */
async function readEntries(
  client: SftpClient,
  handle: Handle,
  { signal, progress }: CallOptions,
): Promise<FolderEntry[]> {
  const entries: FolderEntry[] = []
  for (;;) {
    signal?.throwIfAborted()
    const parts = await Promise.all(Array.from({ length: readsAtOnce }, () => client.readFolder(handle)))
    for (const part of parts) {
      if (!part) return entries
      entries.push(...part)
      progress?.(part.length * 128) // about what names and attributes take
    }
  }
}

async function toFiles(
  client: SftpClient,
  folder: string,
  type: FolderType,
  entries: readonly FolderEntry[],
): Promise<SeenFile[]> {
  const ours = entries.filter(({ name }) => isValidName(type, name) || temporaryName.test(name))
  const files = await Promise.all(
    ours.map(async ({ name, attributes }) => {
      const path = posix.join(folder, name)
      const { size, mtime } = (await regularFile(client, path, attributes)) ?? {}
      if (size === undefined) return []
      const modified = mtime === undefined ? undefined : mtime * 1000
      return [{ name, size, path, modified, isTemporary: !isValidName(type, name) }]
    }),
  )
  return files.flat()
}

/** Links are followed; what is no file, or gone meanwhile, is none. Servers may leave parts out of a listing. */
export async function regularFile(
  client: SftpClient,
  path: string,
  listed: Attributes = {},
): Promise<Attributes | undefined> {
  if (isRegular(listed) && listed.size !== undefined) return listed
  if (isFolder(listed)) return undefined
  try {
    const attributes = await client.stat(path)
    return attributes.mode === undefined || isRegular(attributes) ? attributes : undefined
  } catch (thrown) {
    if (hasStatus(thrown, 'noSuchFile')) return undefined
    throw thrown
  }
}
