/**
 * A disk that forgets what was not made durable: it writes down every change that goes through the file calls of the local
 * storage, and says what may be left of them when the power goes at any moment. For file systems of all kinds: a name may be
 * on the disk before or after its content, names of one folder before or after each other; what was synced is there.
 */
import { dirname, relative } from 'node:path'
import type { FileHandle } from 'node:fs/promises'
import { systemFiles } from '../../src/backend/local-files.ts'
import type { LocalFiles } from '../../src/backend/local-files.ts'
import type { Random } from './seed.ts'

/** What is left: everything that reached the disk, only what was synced, or any part of what was not. */
export type Left = 'everything' | 'what was synced' | 'some of it'

/** A change, as it was made. `begun`: what was written down before the sync began, and so is covered by it. */
export type DiskEvent =
  | { readonly kind: 'folder'; readonly path: string }
  | { readonly kind: 'file'; readonly path: string; readonly file: number }
  | { readonly kind: 'name'; readonly path: string; readonly from: string; readonly moves: boolean }
  | { readonly kind: 'no name'; readonly path: string }
  | { readonly kind: 'bytes'; readonly file: number; readonly bytes: Buffer }
  | { readonly kind: 'file synced'; readonly file: number; readonly begun: number }
  | { readonly kind: 'folder synced'; readonly path: string; readonly begun: number }
  /** Something that the test itself has noted. */
  | { readonly kind: 'note'; readonly note: unknown }

/** File calls that write down what they do below `root`. Nothing is really synced: only the notes count. */
export class DiskRecorder {
  readonly events: DiskEvent[] = []
  readonly #root: string
  readonly #files = new Map<string, number>()
  #lastFile = 0

  constructor(root: string) {
    this.#root = root
  }

  note(note: unknown): void {
    this.events.push({ kind: 'note', note })
  }

  get files(): LocalFiles {
    const open = async (path: string, flags: string, mode?: number) =>
      this.#watch(await systemFiles.open(path, flags, mode), path, flags)
    const mkdir = async (path: string, options: { mode: number }) => {
      const made = await systemFiles.mkdir(path, options)
      this.events.push({ kind: 'folder', path: this.#below(path) })
      return made
    }
    const link = async (from: string, path: string) => {
      await systemFiles.link(from, path)
      this.#name(from, path, false)
    }
    const rename = async (from: string, path: string) => {
      await systemFiles.rename(from, path)
      this.#name(from, path, true)
    }
    const unlink = async (path: string) => {
      await systemFiles.unlink(path)
      this.events.push({ kind: 'no name', path: this.#below(path) })
    }
    return { ...systemFiles, open, mkdir, link, rename, unlink } as unknown as LocalFiles
  }

  #name(from: string, path: string, moves: boolean): void {
    this.#files.set(path, this.#files.get(from) as number)
    this.events.push({ kind: 'name', path: this.#below(path), from: this.#below(from), moves })
  }

  #watch(handle: FileHandle, path: string, flags: string): FileHandle {
    if (flags === 'wx') {
      this.#files.set(path, ++this.#lastFile)
      this.events.push({ kind: 'file', path: this.#below(path), file: this.#lastFile })
    }
    const file = this.#files.get(path)
    const write = handle.write.bind(handle)
    const watched = async (bytes: Uint8Array, offset: number, length: number, position: number) => {
      const done = await write(bytes, offset, length, position)
      const written = Buffer.from(bytes.subarray(offset, offset + done.bytesWritten))
      this.events.push({ kind: 'bytes', file: file as number, bytes: written })
      return done
    }
    const sync = async () => {
      const begun = this.events.length
      await handle.stat() // a moment in which others go on
      if (file === undefined) this.events.push({ kind: 'folder synced', path: this.#below(path), begun })
      else this.events.push({ kind: 'file synced', file, begun })
    }
    return Object.assign(handle, { write: watched, sync })
  }

  #below(path: string): string {
    return relative(this.#root, path)
  }
}

type Entry = number | 'folder'

interface PendingName {
  readonly path: string
  /** Undefined: the name was taken away. */
  readonly entry: Entry | undefined
  readonly at: number
}

interface Content {
  readonly pieces: { readonly bytes: Buffer; readonly at: number }[]
  /** As it certainly lies on the disk. */
  synced: Buffer
  isSynced: boolean
}

/** The events again, one by one. */
export class DiskReplay {
  readonly #names = new Map<string, Entry>()
  readonly #syncedNames = new Map<string, Entry>()
  readonly #contents = new Map<number, Content>()
  #pending: PendingName[] = []
  #at = 0

  apply(event: DiskEvent): void {
    const at = this.#at++
    if (event.kind === 'folder') this.#setName(event.path, 'folder', at)
    else if (event.kind === 'no name') this.#setName(event.path, undefined, at)
    else if (event.kind === 'file') {
      this.#contents.set(event.file, { pieces: [], synced: Buffer.alloc(0), isSynced: true })
      this.#setName(event.path, event.file, at)
    } else if (event.kind === 'name') {
      this.#setName(event.path, this.#names.get(event.from), at)
      if (event.moves) this.#setName(event.from, undefined, at)
    } else if (event.kind === 'bytes') {
      const content = this.#contents.get(event.file) as Content
      content.pieces.push({ bytes: event.bytes, at })
      content.isSynced = false
    } else if (event.kind === 'file synced') this.#syncFile(event.file, event.begun)
    else if (event.kind === 'folder synced') this.#syncFolder(event.path, event.begun)
  }

  /** Files by their paths, as they may be found when the power comes back. */
  leftBy(left: Left, random: Random): Map<string, Buffer> {
    const names = new Map(this.#syncedNames)
    for (const { path, entry } of this.#pending) {
      const isThere = left === 'everything' || (left === 'some of it' && random.next() < 0.5)
      if (!isThere) continue
      if (entry === undefined) names.delete(path)
      else names.set(path, entry)
    }
    const files = new Map<string, Buffer>()
    for (const [path, entry] of names) {
      if (typeof entry === 'number' && isReachable(names, path)) files.set(path, this.#contentLeft(entry, left, random))
    }
    return files
  }

  #contentLeft(file: number, left: Left, random: Random): Buffer {
    const { pieces, synced, isSynced } = this.#contents.get(file) as Content
    if (isSynced || left === 'what was synced') return synced
    const whole = Buffer.concat(pieces.map(({ bytes }) => bytes))
    // Its length is there before its bytes are, or some of the bytes.
    return left === 'everything' ? Buffer.alloc(whole.length) : whole.subarray(0, random.below(whole.length + 1))
  }

  #setName(path: string, entry: Entry | undefined, at: number): void {
    if (path === '') return // the disk itself
    if (entry === undefined) this.#names.delete(path)
    else this.#names.set(path, entry)
    this.#pending.push({ path, entry, at })
  }

  #syncFile(file: number, begun: number): void {
    const content = this.#contents.get(file) as Content
    const covered = content.pieces.filter(({ at }) => at < begun)
    content.synced = Buffer.concat(covered.map(({ bytes }) => bytes))
    content.isSynced = covered.length === content.pieces.length
  }

  #syncFolder(folder: string, begun: number): void {
    const isCovered = ({ path, at }: PendingName) => folderOf(path) === folder && at < begun
    for (const { path, entry } of this.#pending.filter(isCovered)) {
      if (entry === undefined) this.#syncedNames.delete(path)
      else this.#syncedNames.set(path, entry)
    }
    this.#pending = this.#pending.filter((name) => !isCovered(name))
  }
}

function isReachable(names: ReadonlyMap<string, Entry>, path: string): boolean {
  for (let folder = folderOf(path); folder !== ''; folder = folderOf(folder)) {
    if (names.get(folder) !== 'folder') return false
  }
  return true
}

function folderOf(path: string): string {
  const folder = dirname(path)
  return folder === '.' ? '' : folder
}
