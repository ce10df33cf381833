import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { hasCode } from '#base'
import { isValidName } from '#backend'
import { isRepositoryId } from './path.ts'

/** Which machine wrote which lock: only that one may delete it. Survives a restart of the server. */
export interface LockOwners {
  record(repository: string, lock: string, machine: string): Promise<void>
  /** The machine that wrote the lock through the endpoint; undefined for all other locks (the server's own). */
  ownerOf(repository: string, lock: string): Promise<string | undefined>
  forget(repository: string, lock: string): Promise<void>
}

/** No repository has as many locks; what is left of locks that others have removed must not grow for ever. */
const mostLocks = 1000

/**
 * The owners of locks in a folder, a small file for each repository. Nothing is synced: what a power cut takes is the right
 * to delete a lock that is of no use any more, and the server removes those by their age.
 */
export class FolderLockOwners implements LockOwners {
  readonly #folder: string
  readonly #repositories = new Map<string, Promise<Map<string, string>>>()
  readonly #last = new Map<string, Promise<unknown>>()

  private constructor(folder: string) {
    this.#folder = folder
  }

  static async open(folder: string): Promise<FolderLockOwners> {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    return new FolderLockOwners(folder)
  }

  async record(repository: string, lock: string, machine: string): Promise<void> {
    await this.#change(repository, (owners) => {
      owners.set(lock, machine)
      for (const oldest of owners.keys()) {
        if (owners.size <= mostLocks) break
        owners.delete(oldest)
      }
    })
  }

  async ownerOf(repository: string, lock: string): Promise<string | undefined> {
    return (await this.#owners(repository)).get(lock)
  }

  async forget(repository: string, lock: string): Promise<void> {
    await this.#change(repository, (owners) => owners.delete(lock))
  }

  #owners(repository: string): Promise<Map<string, string>> {
    const known = this.#repositories.get(repository)
    if (known) return known
    const loading = this.#load(repository)
    this.#repositories.set(repository, loading)
    loading.catch(() => this.#repositories.delete(repository))
    return loading
  }

  async #load(repository: string): Promise<Map<string, string>> {
    const text = await readFile(this.#path(repository), 'utf8').catch((thrown: unknown) => {
      if (hasCode(thrown, 'ENOENT')) return '{}'
      throw thrown
    })
    return parseOwners(text)
  }

  /** One change after the other: each writes the whole file. */
  async #change(repository: string, change: (owners: Map<string, string>) => void): Promise<void> {
    const before = this.#last.get(repository)
    const done = (async () => {
      await before?.catch(() => undefined)
      const owners = await this.#owners(repository)
      change(owners)
      const temporary = `${this.#path(repository)}-tmp`
      await writeFile(temporary, JSON.stringify(Object.fromEntries(owners)), { mode: 0o600 })
      await rename(temporary, this.#path(repository))
    })()
    this.#last.set(repository, done)
    await done
  }

  #path(repository: string): string {
    if (!isRepositoryId(repository)) throw new TypeError('not the id of a repository')
    return join(this.#folder, `${repository}.json`)
  }
}

/** A file that is not what we wrote holds nobody's locks. */
function parseOwners(text: string): Map<string, string> {
  try {
    const entries = Object.entries(JSON.parse(text) as Record<string, unknown>)
    return new Map(entries.flatMap(([lock, owner]) => (isOwner(lock, owner) ? [[lock, owner as string]] : [])))
  } catch {
    return new Map()
  }
}

function isOwner(lock: string, owner: unknown): boolean {
  return isValidName('lock', lock) && typeof owner === 'string'
}
