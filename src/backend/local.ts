import { dirname, join, resolve } from 'node:path'
import { type Cancellable, type Clock, hasCode, systemClock } from '#base'
import type { Backend, CallOptions, FileRef, FileType, ListedFile, ReadOptions, WriteOptions } from './backend.ts'
import { syncStored, writeDurably } from './durable-write.ts'
import { BackendError } from './errors.ts'
import { fileError } from './file-errors.ts'
import { FolderSync, syncLocalFolder } from './folder-sync.ts'
import { fileDetails, folders, isValidName, layoutPath } from './layout.ts'
import { readLocalFile } from './local-read.ts'
import { removeStaleTemporaries } from './local-stale.ts'
import { type LocalFiles, systemFiles } from './local-files.ts'
import type { RateLimits } from './limit.ts'

export interface LocalOptions {
  readonly connections?: number | undefined
  readonly clock?: Clock | undefined
  readonly files?: LocalFiles | undefined
  readonly limits?: RateLimits | undefined
}

/** As restic sets them: read-only files, so that nobody changes one by mistake. */
const privateModes = { folder: 0o700, file: 0o400 }
/** When the group may read the config, the owner wants the whole repository shared with the group. */
const groupModes = { folder: 0o770, file: 0o440 }

/** Types whose removal must survive a power cut, too: an index that came back would name packs that are gone. */
const syncedDeletes = new Set<FileType>(['index', 'snapshot', 'key'])

/** A repository in a folder of this machine, in restic's layout. */
export class LocalBackend implements Backend {
  readonly location: string
  readonly connections: number
  readonly fast: boolean = true
  readonly #root: string
  readonly #files: LocalFiles
  readonly #clock: Clock
  readonly #folders: FolderSync
  readonly #limits: RateLimits
  /** Large files go past the system's cache, as long as that works. */
  readonly #past = { cache: true }
  #modes: Promise<typeof privateModes> | undefined
  #cleaning: Promise<void> | undefined
  /** Milliseconds by which the storage's clock is ahead of ours (a network share has its own), once we have seen it. */
  #clockAhead: number | undefined

  constructor(path: string, { connections = 4, clock = systemClock, files = systemFiles, limits }: LocalOptions = {}) {
    this.#root = resolve(path)
    this.location = this.#root
    this.connections = connections
    this.#files = files
    this.#limits = limits ?? {}
    this.#clock = clock
    this.#folders = new FolderSync((folder) => syncLocalFolder(files, folder))
  }

  async create({ signal }: Cancellable = {}): Promise<void> {
    signal?.throwIfAborted()
    await this.#translated(undefined, async () => {
      const { folder: mode } = await this.#readModes()
      await this.#files.mkdir(this.#root, { recursive: true, mode })
      const subfolders = Array.from({ length: 256 }, (_, i) => join(folders.pack, i.toString(16).padStart(2, '0')))
      for (const folder of Object.values(folders)) await this.#makeFolder(join(this.#root, folder))
      await Promise.all(subfolders.map((folder) => this.#makeFolder(join(this.#root, folder))))
      for (const folder of [join(this.#root, folders.pack), this.#root, dirname(this.#root)]) {
        await this.#folders.sync(folder)
      }
    })
    await this.#cleanOnce()
  }

  async *list(type: FileType, { signal, progress }: CallOptions = {}): AsyncIterable<ListedFile> {
    signal?.throwIfAborted()
    if (type === 'config') {
      const size = await this.size({ type, name: '' }, { signal })
      if (size !== undefined) yield { name: '', size }
      return
    }
    for (const folder of await this.#foldersOf(type)) {
      const found = await this.#listFolder(folder, type)
      signal?.throwIfAborted()
      progress?.(found.length * 128) // about what names and sizes take on a disk
      yield* found
    }
  }

  async size(file: FileRef, { signal }: Cancellable = {}): Promise<number | undefined> {
    signal?.throwIfAborted()
    return this.#translated(undefined, async () => (await this.#statFile(this.#path(file)))?.size)
  }

  async read(file: FileRef, options: ReadOptions = {}): Promise<Buffer> {
    options.signal?.throwIfAborted()
    return this.#translated(file, () =>
      readLocalFile(this.#files, this.#path(file), {
        ...options,
        file,
        location: this.location,
        limit: this.#limits.download,
      }),
    )
  }

  async write(file: FileRef, bytes: Uint8Array, options: WriteOptions = {}): Promise<void> {
    options.signal?.throwIfAborted()
    void this.#cleanOnce()
    await this.#translated(undefined, async () => {
      const { file: mode } = await this.#readModes()
      const how = {
        ...options,
        files: this.#files,
        folders: this.#folders,
        limit: this.#limits.upload,
        mode,
        past: this.#past,
      }
      const write = () => writeDurably(this.#path(file), bytes, how)
      const isNew = await write().catch(async (thrown: unknown) => {
        if (!hasCode(thrown, 'ENOENT')) throw thrown
        await this.#makeFoldersFor(file)
        return write()
      })
      if (!isNew) await this.#acceptSame(file, bytes, options)
      else if (file.type === 'lock') await this.#compareClocks(this.#path(file))
    })
  }

  async delete(file: FileRef, { signal }: Cancellable = {}): Promise<void> {
    signal?.throwIfAborted()
    await this.#translated(undefined, async () => {
      const path = this.#path(file)
      if (process.platform === 'win32') await this.#files.chmod(path, 0o600).catch(() => undefined)
      const gone = await this.#files.unlink(path).then(
        () => true,
        (thrown: unknown) => {
          if (hasCode(thrown, 'ENOENT')) return false
          throw thrown
        },
      )
      if (gone && syncedDeletes.has(file.type)) await this.#folders.sync(dirname(path))
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cleaning
  }

  #path(file: FileRef): string {
    return join(this.#root, ...layoutPath(file))
  }

  /** A lost reply, or the same file from elsewhere: fine if the bytes are the same, and then made durable here. */
  async #acceptSame(file: FileRef, bytes: Uint8Array, { signal, progress, waited }: CallOptions): Promise<void> {
    const present = await this.read(file, { signal, progress, waited })
    if (!present.equals(bytes)) throw new BackendError('FILE_EXISTS', fileDetails(file, this.location))
    await syncStored(this.#files, this.#path(file))
    await this.#folders.sync(dirname(this.#path(file)))
  }

  /** Makes the folders of a file, but never the repository's own: that may be a disk that is not mounted. */
  async #makeFoldersFor(file: FileRef): Promise<void> {
    const parts = layoutPath(file).slice(0, -1)
    for (let depth = 1; depth <= parts.length; depth++) {
      const folder = join(this.#root, ...parts.slice(0, depth))
      await this.#makeFolder(folder)
      await this.#folders.sync(dirname(folder))
    }
  }

  async #makeFolder(folder: string): Promise<void> {
    const { folder: mode } = await this.#readModes()
    const isNew = await this.#files.mkdir(folder, { mode }).then(
      () => true,
      (thrown: unknown) => {
        if (hasCode(thrown, 'EEXIST')) return false
        throw thrown
      },
    )
    if (isNew && (mode & 0o070) !== 0) await this.#files.chmod(folder, mode)
  }

  async #foldersOf(type: Exclude<FileType, 'config'>): Promise<readonly string[]> {
    const base = join(this.#root, folders[type])
    if (type !== 'pack') return [base]
    const names = await this.#readFolder(base, type)
    return names.filter((name) => /^[0-9a-f]{2}$/.test(name)).map((name) => join(base, name))
  }

  async #listFolder(folder: string, type: Exclude<FileType, 'config'>): Promise<ListedFile[]> {
    const prefix = type === 'pack' ? folder.slice(-2) : ''
    const names = (await this.#readFolder(folder, type)).filter(
      (name) => isValidName(type, name) && name.startsWith(prefix),
    )
    const listed = await this.#translated(undefined, () =>
      Promise.all(names.map(async (name) => ({ name, stat: await this.#statFile(join(folder, name)) }))),
    )
    return listed.flatMap(({ name, stat }) => (stat ? [{ name, size: stat.size, ...this.#ageOf(stat) }] : []))
  }

  /** A lock that we have just written shows the storage's time; whoever judges locks by their age has written one. */
  async #compareClocks(path: string): Promise<void> {
    const stat = await this.#statFile(path)
    if (stat) this.#clockAhead = stat.mtimeMs - this.#clock.now()
  }

  #ageOf({ mtimeMs }: { readonly mtimeMs: number }): { readonly age?: number } {
    if (this.#clockAhead === undefined) return {}
    return { age: Math.max(0, this.#clock.now() + this.#clockAhead - mtimeMs) }
  }

  /** Undefined for what is absent (it may go while we list) and for what is no file. */
  async #statFile(path: string): Promise<{ readonly size: number; readonly mtimeMs: number } | undefined> {
    try {
      const stat = await this.#files.stat(path)
      return stat.isFile() ? stat : undefined
    } catch (thrown) {
      if (hasCode(thrown, 'ENOENT')) return undefined
      throw thrown
    }
  }

  /**
   * The names in a folder. A folder that is missing holds nothing, unless the repository has a config: then the missing
   * folder is a fault (a prune that took "no snapshots" for the truth would delete everything). Only an empty `locks`
   * may have been lost on the way, in a copy without empty folders.
   */
  async #readFolder(folder: string, type: Exclude<FileType, 'config'>): Promise<string[]> {
    return this.#translated(undefined, async () => {
      try {
        return await this.#files.readdir(folder)
      } catch (thrown) {
        if (hasCode(thrown, 'ENOTDIR') && type === 'pack') return []
        if (!hasCode(thrown, 'ENOENT')) throw thrown
        const isSubfolder = dirname(folder) !== this.#root
        if (type !== 'lock' && !isSubfolder && (await this.#hasConfig())) {
          const reason = `its folder ${folders[type]} is missing`
          throw new BackendError('STORAGE_FAILED', { location: this.location, reason, cause: thrown })
        }
        return []
      }
    })
  }

  async #hasConfig(): Promise<boolean> {
    return (await this.#statFile(join(this.#root, 'config'))) !== undefined
  }

  #readModes(): Promise<typeof privateModes> {
    this.#modes ??= this.#files.stat(join(this.#root, 'config')).then(
      (stat) => ((stat.mode & 0o040) !== 0 && process.platform !== 'win32' ? groupModes : ownerModes()),
      () => ownerModes(),
    )
    return this.#modes
  }

  /** Once a run: what crashed writers left behind. Never in the way of the call that caused it. */
  #cleanOnce(): Promise<void> {
    const types = Object.keys(folders) as (keyof typeof folders)[]
    this.#cleaning ??= removeStaleTemporaries(
      this.#files,
      async () => [this.#root, ...(await Promise.all(types.map((type) => this.#foldersOf(type)))).flat()],
      this.#clock.now(),
    )
    return this.#cleaning
  }

  async #translated<T>(reading: FileRef | undefined, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (thrown) {
      throw fileError(thrown, { location: this.location, reading })
    }
  }
}

/** On Windows a read-only file could not be deleted. */
function ownerModes(): typeof privateModes {
  return process.platform === 'win32' ? { ...privateModes, file: 0o600 } : privateModes
}
