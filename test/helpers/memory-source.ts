/**
 * A `Source` in memory, and the reader module of its files: for tests of what the archiver makes of a source.
 *
 * @example const source = memorySource({ docs: { 'a.txt': file('text') }, link: link('docs') })
 */
import type { Described, Listing, Source, SourceEntry, SourceFolder } from '../../src/archiver/source.ts'
import type { ContentReader, CreateContentReader, OpenContent } from '../../src/repository/content.ts'
import { goModeOf } from '../../src/repository/format/mode.ts'
import type { EntryStat, Node } from '../../src/repository/format/node.ts'
import { formatTime } from '../../src/repository/format/time.ts'

export interface MemoryFile {
  readonly kind: 'file' | 'symlink'
  readonly content: Uint8Array
  readonly mtime: bigint
  readonly ctime: bigint
  readonly inode: bigint
  readonly mode: number
  /** Names that the file has. */
  readonly links?: bigint
  /** It is listed, and cannot be opened. */
  readonly unreadable?: boolean
  /** Reading fails from this byte on, as on a bad disk. */
  readonly breaksAt?: number
  /** How many times in a row it is found changed after reading. */
  readonly changes?: number
  /** What it holds when it is opened: it was changed after it was listed. */
  readonly later?: { readonly content: Uint8Array; readonly mtime: bigint }
}

export interface MemoryFolder {
  readonly [name: string]: MemoryFile | MemoryFolder | typeof closed
}

/** In the place of a folder: one that cannot be listed. */
export const closed = Symbol('a folder that cannot be listed')

const someTime = 1_700_000_000_000_000_000n

/** A file; the same arguments give the same file. */
export function file(content: string | Uint8Array, about: Partial<Omit<MemoryFile, 'content'>> = {}): MemoryFile {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content
  return { kind: 'file', content: bytes, mtime: someTime, ctime: someTime, inode: 7n, mode: 0o100644, ...about }
}

export function link(target: string): MemoryFile {
  return file(target, { kind: 'symlink', mode: 0o120777 })
}

export interface MemorySourceOptions {
  readonly paths?: readonly string[]
  readonly finish?: () => Promise<void>
}

/** The source `tree`; names are given in any order, and listed sorted by their bytes. */
export function memorySource(tree: MemoryFolder, { paths = ['/data'], finish }: MemorySourceOptions = {}): Source {
  const root: Folder = { path: Buffer.from('/'), entries: tree }
  return {
    paths,
    root,
    reader: { module: new URL(import.meta.url), options: undefined },
    list: async (folder) => list(folder as Folder),
    describe: async ({ name, stat, ref }): Promise<Described> => {
      const target = stat.type === 'symlink' ? { linkTarget: Buffer.from((ref as MemoryFile).content) } : {}
      return { node: { ...nodeOf(name, stat), ...target }, problems: [] }
    },
    ...(finish && { finish }),
  }
}

interface Folder extends SourceFolder {
  readonly entries: MemoryFolder | typeof closed
}

interface Ref extends MemoryFile {
  readonly name: Uint8Array
}

function list({ path, entries }: Folder): Listing {
  if (entries === closed) return { entries: [], problems: [{ path, error: refused() }], unreadable: true }
  const names = Object.keys(entries).map((name) => Buffer.from(name))
  return {
    entries: names.toSorted((a, b) => Buffer.compare(a, b)).map((name) => entryOf(path, name, entries)),
    problems: [],
  }
}

function entryOf(above: Buffer, name: Buffer, entries: MemoryFolder): SourceEntry {
  const path = Buffer.concat([above, Buffer.from(above.at(-1) === 0x2f ? '' : '/'), name])
  const here = entries[name.toString()] as MemoryFile | MemoryFolder | typeof closed
  if (isFile(here)) return { name, path, stat: statOf(here), ref: { ...here, name } satisfies Ref }
  const folder: Folder = { path, entries: here }
  const stat = { ...statOf(file('', { mode: 0o040755 })), type: 'dir' } as const
  return { name, path, stat, folder }
}

function isFile(entry: MemoryFile | MemoryFolder | typeof closed): entry is MemoryFile {
  return typeof entry === 'object' && entry['content'] instanceof Uint8Array
}

function statOf({ kind, content, mtime, ctime, inode, mode, links = 1n }: MemoryFile): EntryStat {
  const ids = { uid: 1000, gid: 1000, inode, deviceId: 5n, links, device: 0n }
  return { type: kind, mode, ...ids, size: BigInt(content.length), atime: mtime, mtime, ctime }
}

function nodeOf(name: Uint8Array, stat: EntryStat): Node {
  const { type, uid, gid, inode, deviceId, links, device } = stat
  return {
    name: Buffer.from(name),
    type,
    mode: goModeOf(stat.mode),
    mtime: formatTime(stat.mtime),
    atime: formatTime(stat.mtime),
    ctime: formatTime(stat.ctime),
    uid,
    gid,
    user: 'ann',
    group: 'staff',
    inode,
    deviceId,
    links,
    device,
    size: type === 'file' ? stat.size : 0n,
    content: null,
  }
}

/** In a thread. */
export const createContentReader: CreateContentReader = (): ContentReader => ({
  open(ref): OpenContent {
    const { later, ...listed } = ref as Ref
    if (listed.unreadable) throw refused()
    const now: Ref = { ...listed, ...later }
    return new OpenMemory(now)
  },
})

class OpenMemory implements OpenContent {
  readonly node: Node
  readonly problems: readonly Error[] = []
  readonly #content: Uint8Array
  readonly #breaksAt: number
  #changes: number
  #at = 0

  constructor(now: Ref) {
    this.node = nodeOf(now.name, statOf(now))
    this.#content = now.content
    this.#breaksAt = now.breaksAt ?? Infinity
    this.#changes = now.changes ?? 0
  }

  read(into: Uint8Array): number {
    if (this.#at + into.length > this.#breaksAt) throw Object.assign(new Error('input/output error'), { code: 'EIO' })
    const part = this.#content.subarray(this.#at, this.#at + into.length)
    into.set(part)
    this.#at += part.length
    return part.length
  }

  holeAhead(): number {
    return 0
  }

  skip(bytes: number): void {
    this.#at += bytes
  }

  rewind(): void {
    this.#at = 0
  }

  changed(): boolean {
    return this.#changes-- > 0
  }

  [Symbol.dispose](): void {}
}

function refused(): Error {
  return Object.assign(new Error('permission denied'), { code: 'EACCES' })
}
