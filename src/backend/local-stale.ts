import { join } from 'node:path'
import { removeQuietly, temporaryName } from './durable-write.ts'
import type { LocalFiles } from './local-files.ts'

/** No write takes a day; a younger temporary file may belong to a writer that is alive. */
const staleAfter = 24 * 60 * 60 * 1000

/**
 * Removes what writers that crashed have left: temporary files, ours and restic's, that have not changed for a day.
 * They are harmless, so whatever fails here (no right to delete, a folder gone) is left for another time.
 */
export async function removeStaleTemporaries(
  files: LocalFiles,
  findFolders: () => Promise<readonly string[]>,
  now: number,
): Promise<void> {
  const folders = await findFolders().catch(() => [])
  for (const folder of folders) {
    const names = await files.readdir(folder).catch(() => [])
    for (const name of names) if (temporaryName.test(name)) await removeIfStale(files, join(folder, name), now)
  }
}

async function removeIfStale(files: LocalFiles, path: string, now: number): Promise<void> {
  const stat = await files.lstat(path).catch(() => undefined)
  if (stat?.isFile() && now - stat.mtimeMs > staleAfter) await removeQuietly(files, path)
}
