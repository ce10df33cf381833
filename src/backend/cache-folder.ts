import { hash, randomBytes } from 'node:crypto'
import {
  constants,
  type FileHandle,
  lstat,
  mkdir,
  open,
  readdir,
  rename,
  rm,
  unlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { hasCode } from '#base'
import type { ByteRange, FileRef } from './backend.ts'
import { folders, isValidName } from './layout.ts'

/** Types that are kept: small, or read again and again. */
export type CachedType = 'snapshot' | 'index' | 'pack'

const cachedTypes = ['snapshot', 'index', 'pack'] as const satisfies readonly CachedType[]
/** The mark by which other programs know a cache (https://bford.info/cachedir/). */
const cacheTag = 'Signature: 8a477f597d28d172789f06886806bc55\n'
const day = 24 * 60 * 60 * 1000
const unusedAfter = 30 * day
const staleTemporaryAfter = day

/** Where caches lie on this system unless the user says otherwise. */
export function defaultCacheFolder(env: NodeJS.ProcessEnv = process.env, platform: string = process.platform): string {
  if (platform === 'win32') return join(env.LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local'), 'understudy')
  if (platform === 'darwin') return join(env.HOME ?? homedir(), 'Library', 'Caches', 'understudy')
  return join(env.XDG_CACHE_HOME || join(env.HOME ?? homedir(), '.cache'), 'understudy')
}

/**
 * Copies of a repository's files on this machine, in restic's cache layout. Nothing here is believed: a file is handed
 * out only after its SHA-256 was found equal to its name. Every method may fail; the caller does without the cache then.
 */
export class CacheFolder {
  readonly #folder: string
  /** Files whose hash has been checked, as they were then; a changed file is checked anew. */
  readonly #verified = new Map<string, string>()

  constructor(base: string, repositoryId: string) {
    if (!isValidName('pack', repositoryId)) throw new TypeError('not the id of a repository')
    this.#folder = join(base, repositoryId)
  }

  /** Makes the folders and notes that they are in use; removes what no repository has used for 30 days. */
  static async open(base: string, repositoryId: string, now: number): Promise<CacheFolder> {
    const cache = new CacheFolder(base, repositoryId)
    await mkdir(base, { recursive: true, mode: 0o700 })
    await writeFile(join(base, 'CACHEDIR.TAG'), cacheTag, { flag: 'wx' }).catch(ignore('EEXIST'))
    for (const type of cachedTypes) await mkdir(join(cache.#folder, folders[type]), { recursive: true, mode: 0o700 })
    await utimes(cache.#folder, now / 1000, now / 1000)
    await removeUnused(base, now)
    return cache
  }

  /** The whole file or a part of it; undefined when it is not here, or is here but not what its name says. */
  async read(file: FileRef, range?: ByteRange): Promise<Buffer | undefined> {
    const handle = await open(this.#path(file), constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0)).catch(
      ignore('ENOENT'),
    )
    if (!handle) return undefined
    await using opened = handle
    const identity = await identify(opened)
    if (range && this.#verified.get(file.name) === identity) return await readPart(opened, range)
    const whole = await readWhole(opened)
    if (hash('sha256', whole, 'hex') !== file.name) {
      await this.remove(file)
      return undefined
    }
    this.#verified.set(file.name, identity)
    return range ? cutOut(whole, range) : whole
  }

  /** Stores a file whose bytes match its name. Other processes see all of it or nothing. */
  async save(file: FileRef, bytes: Uint8Array): Promise<void> {
    const path = this.#path(file)
    const temporary = `${path}-tmp-${randomBytes(8).toString('hex')}`
    try {
      await mkdir(join(path, '..'), { recursive: true, mode: 0o700 })
      await writeFile(temporary, bytes, { flag: 'wx', mode: 0o600 })
      await rename(temporary, path)
    } catch (thrown) {
      await unlink(temporary).catch(() => undefined)
      throw thrown
    }
  }

  async remove(file: FileRef): Promise<void> {
    this.#verified.delete(file.name)
    await unlink(this.#path(file)).catch(ignore('ENOENT'))
  }

  /** The names that are here. Leftovers of crashed writers are removed on the way. */
  async names(type: CachedType, now: number): Promise<Set<string>> {
    const names = new Set<string>()
    const base = join(this.#folder, folders[type])
    for (const prefix of (await readdir(base).catch(ignore('ENOENT'))) ?? []) {
      for (const name of (await readdir(join(base, prefix)).catch(() => [])) as string[]) {
        if (isValidName(type, name)) names.add(name)
        else await removeIfOlder(join(base, prefix, name), now - staleTemporaryAfter)
      }
    }
    return names
  }

  #path({ type, name }: FileRef): string {
    if (type === 'config' || !isValidName(type, name)) throw new TypeError(`not a file for the cache: ${type}`)
    return join(this.#folder, folders[type], name.slice(0, 2), name)
  }
}

/** Changes whenever the file is written to or replaced: nobody but the system sets a ctime. */
async function identify(handle: FileHandle): Promise<string> {
  const { dev, ino, size, mtimeNs, ctimeNs } = await handle.stat({ bigint: true })
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ')
}

async function readWhole(handle: FileHandle): Promise<Buffer> {
  const { size } = await handle.stat()
  return (await readPart(handle, { offset: 0, length: size })) ?? Buffer.alloc(0)
}

async function readPart(handle: FileHandle, { offset, length }: ByteRange): Promise<Buffer | undefined> {
  if (offset + length > (await handle.stat()).size) return undefined
  const bytes = Buffer.allocUnsafeSlow(length)
  for (let filled = 0; filled < length;) {
    const { bytesRead } = await handle.read(bytes, filled, length - filled, offset + filled)
    if (bytesRead === 0) return undefined
    filled += bytesRead
  }
  return bytes
}

function cutOut(whole: Buffer, { offset, length }: ByteRange): Buffer | undefined {
  if (offset + length > whole.length) return undefined
  const part = Buffer.allocUnsafeSlow(length)
  whole.copy(part, 0, offset, offset + length)
  return part
}

async function removeUnused(base: string, now: number): Promise<void> {
  for (const name of await readdir(base)) {
    if (isValidName('pack', name)) await removeIfOlder(join(base, name), now - unusedAfter)
  }
}

async function removeIfOlder(path: string, time: number): Promise<void> {
  const stat = await lstat(path).catch(ignore('ENOENT'))
  if (stat && stat.mtimeMs < time) await rm(path, { recursive: true, force: true })
}

function ignore(code: string): (thrown: unknown) => undefined {
  return (thrown) => {
    if (!hasCode(thrown, code)) throw thrown
  }
}
