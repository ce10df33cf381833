import { extname } from 'node:path'
import { formatBytes, printable } from '#base'
import { permissionsOf } from '#repository'
import type { NamedSnapshot, NodeType, TreeNode } from '#repository'
import { formatGoMode } from './go-mode.ts'
import { encodeJson, omitEmpty } from './json.ts'
import type { LineWriter, Printer } from './printer.ts'
import { describeSnapshot, listedSnapshot, snapshotFields } from './snapshot-view.ts'
import { formatWallTime } from './words.ts'

/** The ways in which `ls` prints a snapshot. */

/** An entry, with values of its own: the tree that it came from may be gone. */
export interface ListedEntry {
  readonly path: Buffer
  readonly name: Buffer
  readonly type: NodeType
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly size: bigint
  readonly mtimeNs: bigint
  readonly times: { readonly mtime: string; readonly atime: string; readonly ctime: string }
  readonly atimeNs: bigint
  readonly ctimeNs: bigint
  readonly inode: bigint
  readonly deviceId: bigint
  readonly links: bigint
  readonly linkTarget: Buffer | undefined
}

export function listEntry(path: Buffer, node: TreeNode): ListedEntry {
  const { name, type, mode, uid, gid, size, mtime, atime, ctime, inode, deviceId, links, linkTarget } = node.decode()
  const { mtimeNs, atimeNs, ctimeNs } = node
  const times = { mtime, atime, ctime }
  // Copied: what is collected must not hold on to whole trees.
  return {
    path,
    name: Buffer.from(name),
    type,
    mode,
    uid,
    gid,
    size,
    times,
    mtimeNs,
    atimeNs,
    ctimeNs,
    inode,
    deviceId,
    links,
    linkTarget: linkTarget && Buffer.from(linkTarget),
  }
}

export interface ListingStyle {
  readonly kind: 'text' | 'json' | 'ncdu'
  readonly long: boolean
  readonly human: boolean
}

export interface Listing {
  begin(snapshot: NamedSnapshot, folders: readonly Buffer[]): void
  entry(entry: ListedEntry): void
  /** A folder that only leads to what is shown. */
  above?(entry: ListedEntry): void
  end?(): void
}

export function createListing(style: ListingStyle, lines: LineWriter, printer: Printer): Listing {
  if (style.kind === 'json') return jsonListing(lines)
  return style.kind === 'ncdu' ? new NcduListing(lines) : textListing(style, lines, printer)
}

function textListing(style: ListingStyle, lines: LineWriter, printer: Printer): Listing {
  return {
    begin(snapshot, folders) {
      const names = folders.map((folder) => printable(folder.length === 0 ? '/' : folder)).join(' ')
      const filtered = folders.length === 0 ? '' : ` filtered by [${names}]`
      if (printer.verbosity >= 1) lines.line(`${describeSnapshot(snapshot)}${filtered}:`)
    },
    entry: (entry) => lines.line(style.long ? formatLong(entry, style) : printable(entry.path, Infinity)),
  }
}

/** A line of `ls -l`. */
export function formatLong(
  { path, mode, type, uid, gid, size, mtimeNs, linkTarget }: ListedEntry,
  style: Pick<ListingStyle, 'human'>,
): string {
  const bytes = type === 'file' ? size : 0n
  const shownSize = style.human ? formatBytes(bytes) : String(bytes).padStart(6)
  const time = formatWallTime(Number(mtimeNs / 1_000_000n))
  const target = type === 'symlink' ? ` -> ${printable(linkTarget ?? '', Infinity)}` : ''
  const owner = `${String(uid).padStart(5)} ${String(gid).padStart(5)}`
  return `${formatGoMode(mode)} ${owner} ${shownSize} ${time} ${printable(path, Infinity)}${target}`
}

function jsonListing(lines: LineWriter): Listing {
  return {
    begin: (snapshot) =>
      lines.line(encodeJson({ ...listedSnapshot(snapshot), message_type: 'snapshot', struct_type: 'snapshot' })),
    entry: (entry) => lines.line(encodeJson(entryFields(entry))),
  }
}

function entryFields({ name, type, path, uid, gid, size, mode, times, inode }: ListedEntry): Record<string, unknown> {
  return {
    name: name.toString('utf8'),
    type,
    path: path.toString('utf8'),
    uid,
    gid,
    ...(type === 'file' && { size }),
    ...omitEmpty({ mode }),
    permissions: formatGoMode(mode),
    ...times,
    ...omitEmpty({ inode }),
    message_type: 'node',
    struct_type: 'node',
  }
}

const ncduBlock = 512n

/** https://dev.yorhel.nl/ncdu/jsonfmt: a folder is a list that begins with its own entry. */
class NcduListing implements Listing {
  readonly #lines: LineWriter
  #depth = 0
  /** Folders whose lists are not closed yet. */
  readonly #open: Buffer[] = []
  #pending = ''

  constructor(lines: LineWriter) {
    this.#lines = lines
  }

  begin(snapshot: NamedSnapshot): void {
    this.#depth = 1
    this.#pending = `[1, 2, ${encodeJson(snapshotFields(snapshot))}, [{"name":"/"}`
  }

  entry(entry: ListedEntry): void {
    this.#closeUpTo(entry.path)
    this.#lines.line(`${this.#pending},`)
    const fields = encodeJson(ncduFields(entry))
    const indent = '  '.repeat(this.#depth)
    this.#pending = entry.type === 'dir' ? `${indent}[${fields}` : `${indent}${fields}`
    if (entry.type !== 'dir') return
    this.#open.push(entry.path)
    this.#depth++
  }

  above(entry: ListedEntry): void {
    this.entry(entry)
  }

  end(): void {
    while (this.#open.length > 0) this.#close()
    this.#lines.line(this.#pending)
    this.#lines.line(']')
    this.#lines.line(']')
  }

  #closeUpTo(path: Buffer): void {
    for (let last = this.#open.at(-1); last; last = this.#open.at(-1)) {
      if (path.subarray(0, last.length).equals(last) && path[last.length] === 0x2f) return
      this.#close()
    }
  }

  #close(): void {
    this.#open.pop()
    this.#depth--
    this.#pending += `\n${'  '.repeat(this.#depth)}]`
  }
}

function ncduFields({ name, type, size, deviceId, inode, links, uid, gid, mode, mtimeNs }: ListedEntry) {
  const bytes = type === 'file' ? size : 0n
  return {
    name: name.toString('utf8'),
    asize: bytes,
    dsize: ((bytes + ncduBlock - 1n) / ncduBlock) * ncduBlock,
    dev: deviceId,
    ino: inode,
    nlink: links,
    notreg: type !== 'dir' && type !== 'file',
    uid,
    gid,
    mode: permissionsOf(mode),
    mtime: mtimeNs < 0n ? 0n : mtimeNs / 1_000_000_000n, // ncdu knows no time before 1970
  }
}

export type SortKey = 'name' | 'size' | 'time' | 'mtime' | 'atime' | 'ctime' | 'extension'

const sortKeys: Readonly<Record<SortKey, (entry: ListedEntry) => bigint | string>> = {
  name: () => 0n,
  size: ({ type, size }) => (type === 'file' ? size : 0n),
  time: ({ mtimeNs }) => mtimeNs,
  mtime: ({ mtimeNs }) => mtimeNs,
  atime: ({ atimeNs }) => atimeNs,
  ctime: ({ ctimeNs }) => ctimeNs,
  extension: ({ name }) => extname(name.toString('latin1')),
}

export function isSortKey(text: unknown): text is SortKey {
  return typeof text === 'string' && Object.hasOwn(sortKeys, text)
}

export function compareListed(key: SortKey): (a: ListedEntry, b: ListedEntry) => number {
  const valueOf = sortKeys[key]
  return (a, b) => {
    const [first, second] = [valueOf(a), valueOf(b)]
    if (first !== second) return first < second ? -1 : 1
    return Buffer.compare(a.path, b.path)
  }
}
