import { printable } from '#base'
import { goText } from '#repository'
import type { NamedSnapshot, TreeNode } from '#repository'
import { formatGoMode } from './go-mode.ts'
import { encodeJson, omitEmpty } from './json.ts'
import { formatLong, listEntry } from './ls-output.ts'
import type { LineWriter, Printer } from './printer.ts'
import { formatTimeText, shortId } from './words.ts'

/** What `find` prints, as restic prints it. */

export interface FindStyle {
  readonly long: boolean
  readonly human: boolean
}

/** A blob or tree in a snapshot. */
export interface FoundObject {
  readonly type: 'blob' | 'tree'
  readonly id: string
  readonly path: Buffer
  /** Of the folder that a blob's file is in. */
  readonly parentTree?: string
  /** Names of the packs that hold it, when they were asked for. */
  readonly packs?: readonly string[] | undefined
}

export interface FindOutput {
  entry(snapshot: NamedSnapshot, path: Buffer, node: TreeNode): void
  object(snapshot: NamedSnapshot, found: FoundObject): void
  end(): void
}

export function createFindOutput(lines: LineWriter, printer: Printer, style: FindStyle): FindOutput {
  return printer.isJson ? new JsonOutput(lines) : new TextOutput(lines, printer, style)
}

class TextOutput implements FindOutput {
  readonly #lines: LineWriter
  readonly #style: FindStyle
  readonly #isQuiet: boolean
  #snapshot: NamedSnapshot | undefined

  constructor(lines: LineWriter, { verbosity }: Printer, style: FindStyle) {
    this.#lines = lines
    this.#style = style
    this.#isQuiet = verbosity === 0
  }

  entry(snapshot: NamedSnapshot, path: Buffer, node: TreeNode): void {
    if (this.#snapshot !== snapshot && !this.#isQuiet) {
      if (this.#snapshot) this.#lines.line('')
      const from = formatTimeText(snapshot.time)
      this.#lines.line(`Found matching entries in snapshot ${shortId(snapshot.id)} from ${from}`)
    }
    this.#snapshot = snapshot
    const { long } = this.#style
    this.#lines.line(long ? formatLong(listEntry(path, node), this.#style) : printable(path, Infinity))
  }

  object({ id: snapshot, time }: NamedSnapshot, { type, id, path, parentTree, packs = [] }: FoundObject): void {
    this.#lines.line(`Found ${type} ${id}`)
    this.#lines.line(` ... ${type === 'blob' ? 'in file' : 'path'} ${printable(path, Infinity)}`)
    if (parentTree !== undefined) this.#lines.line(`     (tree ${parentTree})`)
    this.#lines.line(` ... in snapshot ${shortId(snapshot)} (${formatTimeText(time)})`)
    for (const pack of packs) this.#lines.line(` ... in pack ${pack}`)
  }

  end(): void {}
}

/** One list, which is written while the search goes on. */
class JsonOutput implements FindOutput {
  readonly #lines: LineWriter
  #snapshot: NamedSnapshot | undefined
  #hits = 0
  #isOpen = false

  constructor(lines: LineWriter) {
    this.#lines = lines
  }

  entry(snapshot: NamedSnapshot, path: Buffer, node: TreeNode): void {
    this.#open()
    if (this.#snapshot !== snapshot) {
      if (this.#snapshot) this.#lines.text(`${this.#endOfSnapshot()},`)
      this.#lines.text('{"matches":[')
      this.#snapshot = snapshot
      this.#hits = 0
    }
    this.#lines.text(`${this.#hits++ > 0 ? ',' : ''}${encodeJson(matchFields(path, node))}`)
  }

  object(snapshot: NamedSnapshot, { type, id, path, parentTree, packs }: FoundObject): void {
    this.#open()
    const about = { object_type: type, id, path: goText(path), parent_tree: parentTree }
    const fields = { ...about, snapshot: snapshot.id, time: snapshot.time, packs }
    this.#lines.text(`${this.#hits++ > 0 ? ',' : ''}${encodeJson(fields)}`)
  }

  end(): void {
    this.#open()
    this.#lines.line(this.#snapshot ? `${this.#endOfSnapshot()}]` : ']')
  }

  #open(): void {
    if (!this.#isOpen) this.#lines.text('[')
    this.#isOpen = true
  }

  #endOfSnapshot(): string {
    return `],"hits":${this.#hits},"snapshot":"${this.#snapshot?.id}"}`
  }
}

function matchFields(path: Buffer, node: TreeNode): Record<string, unknown> {
  const { type, mode, mtime, atime, ctime, uid, gid, user, group, inode, deviceId, size, links, linkTarget, error } =
    node.decode()
  return {
    path: goText(path),
    permissions: formatGoMode(mode),
    type,
    ...omitEmpty({ mode }),
    mtime,
    atime,
    ctime,
    uid,
    gid,
    ...omitEmpty({ user, group, inode, device_id: deviceId, size, links }),
    ...omitEmpty({ linktarget: linkTarget && goText(linkTarget), error }),
  }
}
