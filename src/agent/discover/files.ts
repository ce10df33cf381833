import fs from 'node:fs'
import path from 'node:path'
import { hasCode, messageOf, printable } from '#base'
import type { Unseen } from '#protocol'

/**
 * Looking at a disk without being held up by what lies there: no file is opened that could wait (a pipe, a device), nothing is
 * read or listed without a limit, and what may not be looked at is remembered instead of passed over.
 *
 * Calls are synchronous: they run in a process of their own, which is ended from outside when a dead disk holds it
 * (`looker.ts`).
 */
export interface FilesOptions {
  /** The folder that stands for the root of the machine. */
  readonly root: string
  /** Gets what could not be looked at. */
  readonly unseen: (unseen: Unseen) => void
  /** Mount points that do not answer: nothing in them is touched. */
  readonly silent?: ReadonlySet<string>
}

/** Settings are smaller; whoever has a larger one does not want it read. */
const longestText = 1 << 20

/** What is told of a path: each of its characters may become six, and the protocol has a limit. */
const longestTold = 600

/** More names in one folder than this are not looked at. */
const mostNames = 20_000

// Windows has neither.
const noFollow = fs.constants.O_NOFOLLOW ?? 0
const nonBlocking = fs.constants.O_NONBLOCK ?? 0

const quiet = ['ENOENT', 'ENOTDIR']

export type EntryType = 'file' | 'folder' | 'link' | 'other'

export class Files {
  readonly #root: string
  readonly #unseen: (unseen: Unseen) => void
  readonly #silent: ReadonlySet<string>
  readonly #told = new Set<string>()

  constructor({ root, unseen, silent = new Set() }: FilesOptions) {
    this.#root = root
    this.#unseen = unseen
    this.#silent = silent
  }

  /** The same files, for looks of which somebody else is told what could not be seen. */
  telling(unseen: (unseen: Unseen) => void): Files {
    return new Files({ root: this.#root, silent: this.#silent, unseen })
  }

  /** Where a path of the machine lies for this process. */
  at(place: string): string {
    return this.#root === '/' || this.#root === '' ? place : path.join(this.#root, place)
  }

  isSilent(place: string): boolean {
    for (const mount of this.#silent) if (place === mount || place.startsWith(`${mount}/`)) return true
    return false
  }

  /** Says once that something could not be looked at. */
  tell(place: string, why: string): void {
    if (this.#told.has(`${place}\0${why}`)) return
    this.#told.add(`${place}\0${why}`)
    this.#unseen({ what: printable(place, longestTold), why: printable(why) })
  }

  /** The text of a file, or undefined when there is none, or none that may be read. */
  text(place: string, { follow = true }: { readonly follow?: boolean } = {}): string | undefined {
    return this.#try(place, () => {
      const bytes = this.#read(place, longestText + 1, follow)
      if (bytes && bytes.length > longestText) this.tell(place, 'only its first 1 MiB was read')
      return bytes?.toString('utf8', 0, longestText)
    })
  }

  /** The first bytes of a file. */
  head(place: string | Buffer, length: number): Uint8Array | undefined {
    try {
      return this.#read(place, length, false)
    } catch {
      return undefined // a look inside is a help, and no more
    }
  }

  /** The names in a folder; none when it is not there or may not be read. */
  names(place: string): string[] {
    return this.#try(place, () => this.#list(place)) ?? []
  }

  type(place: string, { follow = false }: { readonly follow?: boolean } = {}): EntryType | undefined {
    return this.#try(place, () => {
      const stat = follow ? fs.statSync(this.at(place)) : fs.lstatSync(this.at(place))
      if (stat.isFile()) return 'file'
      if (stat.isDirectory()) return 'folder'
      return stat.isSymbolicLink() ? 'link' : 'other'
    })
  }

  /** Bytes of a file; 0 of anything else. */
  size(place: string): number {
    return this.#try(place, () => fs.lstatSync(this.at(place))?.size) ?? 0
  }

  isFolder(place: string): boolean {
    return this.type(place, { follow: true }) === 'folder'
  }

  exists(place: string): boolean {
    return this.type(place, { follow: true }) !== undefined
  }

  link(place: string): string | undefined {
    return this.#try(place, () => fs.readlinkSync(this.at(place)))
  }

  /** The path without links; of something that cannot be followed, the path itself. */
  realPath(place: string): string {
    const real = this.#try(place, () => fs.realpathSync(this.at(place))) ?? this.at(place)
    const root = this.at('/').replace(/\/$/, '')
    return real.startsWith(`${root}/`) ? real.slice(root.length) : real
  }

  /** Bytes, and the count of entries where the file system keeps one. */
  volume(place: string): fs.StatsFs | undefined {
    return this.#try(place, () => fs.statfsSync(this.at(place)))
  }

  #read(place: string | Buffer, length: number, follow: boolean): Buffer | undefined {
    const file = typeof place === 'string' ? this.at(place) : place
    const fd = fs.openSync(file, fs.constants.O_RDONLY | nonBlocking | (follow ? 0 : noFollow))
    try {
      if (!fs.fstatSync(fd).isFile()) return undefined
      return readStart(fd, length)
    } finally {
      fs.closeSync(fd)
    }
  }

  #list(place: string): string[] {
    const names: string[] = []
    using folder = openFolder(Buffer.from(this.at(place)))
    for (let entry = folder.read(); entry; entry = folder.read()) {
      const name = entry.name.toString('utf8')
      if (!Buffer.from(name).equals(entry.name)) this.tell(place, `"${name}" in it has a name that is not UTF-8`)
      else if (names.push(name) >= mostNames) {
        this.tell(place, `only ${mostNames} of the names in it were looked at`)
        break
      }
    }
    return names.sort()
  }

  #try<Result>(place: string, look: () => Result): Result | undefined {
    if (this.isSilent(place)) return undefined // that its volume is silent has been said
    try {
      return look()
    } catch (error) {
      if (!quiet.some((code) => hasCode(error, code))) this.tell(place, reasonOf(error))
      return undefined
    }
  }
}

function readStart(fd: number, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  let filled = 0
  while (filled < length) {
    const count = fs.readSync(fd, bytes, filled, length - filled, null)
    if (count === 0) break
    filled += count
  }
  return bytes.subarray(0, filled)
}

export interface FolderEntry {
  readonly name: Buffer
  isDirectory(): boolean
  isFile(): boolean
  isSymbolicLink(): boolean
}

/** An open folder that gives one entry after the other, so that an enormous one takes no more memory than a small one. */
export function openFolder(place: Buffer): Disposable & { read(): FolderEntry | null } {
  // Node's types do not know that names can be asked for as bytes.
  const options = { encoding: 'buffer', bufferSize: 256 } as unknown as fs.OpenDirOptions
  const folder = fs.opendirSync(place, options)
  return {
    read: () => folder.readSync() as FolderEntry | null,
    [Symbol.dispose]: () => folder.closeSync(),
  }
}

/** What is said of everything that needs another user's rights. */
export const notAllowed = 'this user may not read it'

/** Why a system call failed, in a few words. */
export function reasonOf(error: unknown): string {
  if (hasCode(error, 'EACCES') || hasCode(error, 'EPERM')) return notAllowed
  if (hasCode(error, 'ELOOP')) return 'its links lead in a circle'
  if (hasCode(error, 'ENAMETOOLONG')) return 'its path is too long'
  return messageOf(error)
}
