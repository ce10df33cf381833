import { lstat, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { hasCode } from '#base'

/** The caches that lie in the folder for caches: one for each repository, and those that a killed `check` left behind. */

export interface ListedCache {
  /** The repository's id, or the name of a temporary cache. */
  readonly name: string
  readonly path: string
  /** When it was last used, in milliseconds since 1970. */
  readonly lastUsed: number
  readonly isTemporary: boolean
}

/** Temporary caches are made with this at the start of their name. */
export const temporaryCachePrefix = 'understudy-check-cache-'

/** The longest unused first. A folder that is not there has none. */
export async function listCaches(base: string): Promise<ListedCache[]> {
  const caches: ListedCache[] = []
  for (const name of await namesIn(base)) {
    const isTemporary = name.startsWith(temporaryCachePrefix)
    if (!isTemporary && !/^[0-9a-f]{64}$/.test(name)) continue
    const path = join(base, name)
    const stat = await lstat(path).catch(absent)
    if (stat?.isDirectory()) caches.push({ name, path, lastUsed: stat.mtimeMs, isTemporary })
  }
  return caches.toSorted((a, b) => a.lastUsed - b.lastUsed)
}

/** Bytes of all files in a cache. What is removed meanwhile counts for nothing. */
export async function sizeOfCache({ path }: Pick<ListedCache, 'path'>): Promise<number> {
  let bytes = 0
  for (const name of await namesIn(path)) {
    const inner = join(path, name)
    const stat = await lstat(inner).catch(absent)
    if (stat?.isDirectory()) bytes += await sizeOfCache({ path: inner })
    else bytes += stat?.size ?? 0
  }
  return bytes
}

export async function removeCache({ path }: Pick<ListedCache, 'path'>): Promise<void> {
  await rm(path, { recursive: true, force: true })
}

async function namesIn(path: string): Promise<string[]> {
  return (await readdir(path).catch(absent)) ?? []
}

function absent(thrown: unknown): undefined {
  if (!hasCode(thrown, 'ENOENT')) throw thrown
}
