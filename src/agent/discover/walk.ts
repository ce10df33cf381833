import fs from 'node:fs'
import type { Clock } from '#base'
import type { Size } from '#protocol'
import { openFolder, reasonOf } from './files.ts'
import type { Files, FolderEntry } from './files.ts'

/** How much of the disk one look may cost. */
export interface WalkBudget {
  /** Files and folders that may still be looked at; goes down. */
  entries: number
  /** `clock.monotonic()` at which it must be over. */
  readonly until: number
}

export interface WalkOptions {
  readonly files: Files
  readonly clock: Pick<Clock, 'monotonic'>
  readonly budget: WalkBudget
  /** Mount points are not entered: what is there is another volume, and may be dead. */
  readonly mountPoints: ReadonlySet<string>
  /** Folders that are left out, by path or by name. */
  readonly leaveOut?: ((place: string, name: string) => boolean) | undefined
  readonly onFile?: ((file: WalkedFile) => void) | undefined
}

export interface WalkedFile {
  /** As far as it is UTF-8: bytes that are not stand as the replacement character. */
  readonly path: string
  readonly name: string
  readonly bytes: number
  readonly changedAt: number
  /** The path for a look inside. */
  readonly raw: Buffer
}

export interface Walked extends Size {
  /** Newest change of a file; undefined when there is none. */
  readonly changedAt: number | undefined
}

const slash = Buffer.from('/')

/**
 * Counts what lies in a folder. Follows no link, enters no other volume, and stops when the budget is used up; then, and when
 * something may not be read, the size is a least one, and what was not looked at is told.
 */
export function walk(place: string, options: WalkOptions): Walked {
  const { files } = options
  if (files.isSilent(place)) return { bytes: 0, files: 0, isAtLeast: true, changedAt: undefined }
  const walker = new Walker(options)
  walker.start(place)
  return walker.result
}

class Walker {
  readonly #options: WalkOptions
  readonly #waiting: { readonly place: string; readonly raw: Buffer }[] = []
  #bytes = 0
  #files = 0
  #isAtLeast = false
  #changedAt = -Infinity

  constructor(options: WalkOptions) {
    this.#options = options
  }

  get result(): Walked {
    const changedAt = this.#files > 0 ? this.#changedAt : undefined
    return { bytes: this.#bytes, files: this.#files, isAtLeast: this.#isAtLeast, changedAt }
  }

  start(place: string): void {
    const { files } = this.#options
    const raw = Buffer.from(files.at(place))
    let refused = 0
    let firstReason = ''
    this.#waiting.push({ place, raw })
    for (let next = this.#waiting.pop(); next; next = this.#waiting.pop()) {
      try {
        if (!this.#list(next.place, next.raw)) {
          files.tell(place, 'it is too large to be looked at as a whole: sizes are at least what is shown')
          break
        }
      } catch (error) {
        refused++
        firstReason ||= reasonOf(error)
      }
    }
    if (refused === 0) return
    this.#isAtLeast = true
    const many = refused === 1 ? 'a folder' : `${refused} folders`
    files.tell(place, `${many} in it could not be looked at: ${firstReason}`)
  }

  /** False when the budget is used up. */
  #list(place: string, raw: Buffer): boolean {
    const { budget, clock } = this.#options
    using folder = openFolder(raw)
    for (let entry = folder.read(); entry; entry = folder.read()) {
      if (budget.entries <= 0 || clock.monotonic() > budget.until) {
        this.#isAtLeast = true
        return false
      }
      budget.entries--
      this.#see(place, raw, entry)
    }
    return true
  }

  #see(folder: string, rawFolder: Buffer, entry: FolderEntry): void {
    const { mountPoints, leaveOut, onFile } = this.#options
    const name = entry.name.toString('utf8')
    const place = folder.endsWith('/') ? `${folder}${name}` : `${folder}/${name}`
    if (mountPoints.has(place)) return
    const raw = Buffer.concat([rawFolder, slash, entry.name])
    if (entry.isDirectory()) {
      if (!leaveOut?.(place, name)) this.#waiting.push({ place, raw })
    } else if (entry.isFile()) {
      const stat = fs.lstatSync(raw, { throwIfNoEntry: false })
      if (!stat?.isFile()) return // it went away, or is something else by now
      this.#files++
      this.#bytes += stat.size
      this.#changedAt = Math.max(this.#changedAt, stat.mtimeMs)
      onFile?.({ path: place, name, bytes: stat.size, changedAt: stat.mtimeMs, raw })
    }
  }
}
