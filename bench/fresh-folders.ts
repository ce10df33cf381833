import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Folders to write trees into, a new one for each run, all below one.
 *
 * An ext4 without a journal does not give out the inodes of deleted files for five minutes and passes over them one by one
 * at every file that is made near them: after a few rounds of deleting and restoring 54,000 files, `cp -a` spent 35 s there
 * instead of 8. So each run gets a folder of another name, which a parent marked with `chattr +T` lays out elsewhere on
 * the disk. On other file systems the mark is refused, and not needed.
 */
export class FreshFolders {
  readonly #parent: string
  readonly #last = new Map<string, string>()
  #made = 0

  constructor(parent: string) {
    this.#parent = parent
  }

  /** A path of that name where nothing is yet; the last one of that name is removed. */
  next(name: string): string {
    this.#remove(name)
    if (this.#last.size === 0) {
      mkdirSync(this.#parent, { recursive: true })
      spawnSync('chattr', ['+T', this.#parent])
    }
    const path = join(this.#parent, `${name} ${++this.#made}`)
    this.#last.set(name, path)
    return path
  }

  /** The path that `next` gave last for that name. */
  last(name: string): string {
    return this.#last.get(name) ?? this.next(name)
  }

  #remove(name: string): void {
    const last = this.#last.get(name)
    if (last !== undefined) rmSync(last, { recursive: true, force: true })
  }

  removeAll(): void {
    rmSync(this.#parent, { recursive: true, force: true })
    this.#last.clear()
  }
}
