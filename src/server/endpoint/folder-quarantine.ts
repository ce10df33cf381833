import { lstat, mkdir, readdir, rename, stat, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type Cancellable, type Clock, hasCode } from '#base'
import { fileError, type FileRef, fileTypes, type FolderSync, isValidName, layoutPath } from '#backend'
import {
  dayOf,
  inPurgeOrder,
  isOlder,
  type Purged,
  type PurgeOptions,
  type Quarantine,
  type SetAsideFile,
} from './quarantine.ts'

/** In the repository's own folder: it moves with it, and restic passes it over. */
const quarantineFolder = 'deleted'
const dayPattern = /^\d{4}-\d{2}-\d{2}$/
const folderMode = 0o700

export interface FolderQuarantineOptions {
  readonly clock: Clock
  readonly folders: FolderSync
}

/**
 * Files that were deleted from a repository in a folder, moved to `deleted/<day>/<type>/<name>` beside its own folders. A move
 * is one rename: it takes no space (a full disk must be prunable), and a crash leaves the file in one of the two places.
 */
export class FolderQuarantine implements Quarantine {
  readonly #root: string
  readonly #clock: Clock
  readonly #folders: FolderSync

  constructor(root: string, { clock, folders }: FolderQuarantineOptions) {
    this.#root = root
    this.#clock = clock
    this.#folders = folders
  }

  async take(file: FileRef, { signal }: Cancellable = {}): Promise<void> {
    signal?.throwIfAborted()
    await this.#translated(async () => {
      const from = join(this.#root, ...layoutPath(file))
      const to = this.#path({ file, day: dayOf(this.#clock.now()) })
      if (!(await this.#exists(from))) return
      await this.#makeFolder(dirname(to))
      await rename(from, to).catch((thrown: unknown) => {
        if (!hasCode(thrown, 'ENOENT')) throw thrown // somebody else has just taken it
      })
      await this.#folders.sync(dirname(to))
      await this.#folders.sync(dirname(from))
    })
  }

  hides(): boolean {
    return false
  }

  async reveal(): Promise<void> {}

  async *list({ signal }: Cancellable = {}): AsyncIterable<SetAsideFile> {
    const base = join(this.#root, quarantineFolder)
    const days = await this.#translated(() => this.#names(base))
    for (const day of days.filter((name) => dayPattern.test(name)).toSorted()) {
      for (const type of fileTypes) {
        for (const name of await this.#translated(() => this.#names(join(base, day, type)))) {
          signal?.throwIfAborted()
          const file = { type, name: type === 'config' ? '' : name }
          if (!isValidName(type, file.name)) continue
          const { size } = await this.#translated(() => stat(this.#path({ file, day })))
          yield { file, size, day }
        }
      }
    }
  }

  async putBack(files: readonly SetAsideFile[], { signal }: Cancellable = {}): Promise<void> {
    for (const one of inPurgeOrder(files).toReversed()) {
      signal?.throwIfAborted()
      await this.#translated(async () => {
        const [from, to] = [this.#path(one), join(this.#root, ...layoutPath(one.file))]
        if (await this.#exists(to)) return
        await rename(from, to)
        await this.#folders.sync(dirname(to))
        await this.#folders.sync(dirname(from))
      })
    }
  }

  async purge(olderThan: number, { signal, mayDelete }: PurgeOptions = {}): Promise<Purged> {
    const now = this.#clock.now()
    const all = await Array.fromAsync(this.list({ signal }))
    let [files, bytes] = [0, 0]
    for (const one of inPurgeOrder(all.filter(({ day }) => isOlder(day, { olderThan, now })))) {
      signal?.throwIfAborted()
      await mayDelete?.()
      await this.#translated(() => unlink(this.#path(one)))
      files++
      bytes += one.size
    }
    return { files, bytes }
  }

  #path({ file, day }: Pick<SetAsideFile, 'file' | 'day'>): string {
    return join(this.#root, quarantineFolder, day, file.type, file.name === '' ? 'config' : file.name)
  }

  /** Below the repository's own folder only, and durable from the top on. */
  async #makeFolder(folder: string): Promise<void> {
    if (folder === this.#root || (await this.#exists(folder))) return
    await this.#makeFolder(dirname(folder))
    await mkdir(folder, { mode: folderMode }).catch((thrown: unknown) => {
      if (!hasCode(thrown, 'EEXIST')) throw thrown
    })
    await this.#folders.sync(dirname(folder))
  }

  async #exists(path: string): Promise<boolean> {
    return lstat(path).then(
      () => true,
      (thrown: unknown) => {
        if (hasCode(thrown, 'ENOENT')) return false
        throw thrown
      },
    )
  }

  async #names(folder: string): Promise<string[]> {
    return readdir(folder).catch((thrown: unknown) => {
      if (hasCode(thrown, 'ENOENT')) return []
      throw thrown
    })
  }

  async #translated<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (thrown) {
      throw fileError(thrown, { location: this.#root })
    }
  }
}
