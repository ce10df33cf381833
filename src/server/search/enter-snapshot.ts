import { setImmediate } from 'node:timers/promises'
import { mapOrdered } from '#base'
import type { Cancellable } from '#base'
import { FormatError, isSafeName } from '#repository'
import type { Tree, TreeNode } from '#repository'
import type { Children } from './children.ts'
import { versionOfNode } from './entry-version.ts'
import { SearchError } from './errors.ts'
import type { FolderTrees } from './folder-trees.ts'
import type { RecoveryPoint } from './recovery-points.ts'
import { folderType, noRow, rootPath, stillThere } from './table.ts'
import type { EntryVersion, IndexTable } from './table.ts'

/** An index that is being updated. */
export interface IndexInWork {
  readonly table: IndexTable
  readonly children: Children
  readonly trees: FolderTrees
  /** Ends of rows that have changed: row → slot. */
  readonly ends: Map<number, number>
}

export interface EnterOptions extends Cancellable {
  /** The tree of that id; undefined when it is damaged or not there. */
  readonly load: (id: Buffer) => Promise<Tree | undefined>
  /** Id of the repository, for messages. */
  readonly repository: string
  /** Most rows of the table. */
  readonly mostRows: number
}

export interface Entered {
  /** Folders that could not be read, or not to their end. */
  readonly unreadable: number
  /** Entries whose names no restore would write (`..`, `a/b`), or whose paths are longer than any system's. */
  readonly skipped: number
}

/** Windows takes paths of 32,767 characters, others less. Only made-up trees have longer ones, and of those endlessly many. */
const longestPath = 32_767 * 3
/** More than names have on the average, and hostile ones must not have. */
const nameBytesPerRow = 64
/** Trees that are loaded ahead. */
const ahead = 16

/**
 * Enters a snapshot into the index: compares its trees with what the index knows of the recovery point before it in its series.
 * In a folder that has the same tree as there nothing is read. A snapshot that is older than others of its series is read
 * whole, because only the newest state has its trees noted.
 *
 * On an error the index in work is of no use any more.
 */
export async function enterSnapshot(work: IndexInWork, point: RecoveryPoint, options: EnterOptions): Promise<Entered> {
  return await new Entering(work, work.table.points.add(point), options).run(Buffer.from(point.tree, 'hex'))
}

interface Folder {
  readonly path: number
  readonly tree: Buffer
  readonly pathLength: number
}

class Entering {
  readonly #work: IndexInWork
  readonly #options: EnterOptions
  readonly #slot: number
  readonly #series: number
  /** Slots of the recovery points before and after this one. */
  readonly #before: number | undefined
  readonly #after: number | undefined
  /** Where each slot of the series stands in it. */
  readonly #places = new Map<number, number>()
  readonly #waiting: Folder[] = []
  #unreadable = 0
  #skipped = 0

  constructor(work: IndexInWork, slot: number, options: EnterOptions) {
    const { points } = work.table
    this.#work = work
    this.#options = options
    this.#slot = slot
    this.#series = points.seriesOf[slot] as number
    const order = points.series[this.#series]?.order ?? []
    order.forEach((one, place) => this.#places.set(one, place))
    const place = this.#placeOf(slot)
    this.#before = order[place - 1]
    this.#after = order[place + 1]
  }

  async run(tree: Buffer): Promise<Entered> {
    this.#meet({ path: rootPath, tree, pathLength: 0 }, this.#before !== undefined)
    while (this.#waiting.length > 0) await this.#readWaiting()
    if (this.#unreadable > 0) this.#work.table.points.setWhole(this.#slot, false)
    return { unreadable: this.#unreadable, skipped: this.#skipped }
  }

  // The list grows while it is worked on; a round ends when it is empty, with the last trees still on their way.
  async #readWaiting(): Promise<void> {
    const { load, signal } = this.#options
    const loadOne = async (folder: Folder) => ({ folder, tree: await load(folder.tree) })
    let last = performance.now()
    for await (const { folder, tree } of mapOrdered(this.#take(), loadOne, { concurrency: ahead, signal })) {
      this.#enterFolder(folder, tree)
      if (performance.now() - last < 20) continue
      await setImmediate() // for whoever wants to cancel
      last = performance.now()
    }
  }

  *#take(): Iterable<Folder> {
    for (let next = this.#waiting.pop(); next; next = this.#waiting.pop()) yield next
  }

  /** Has a folder read, unless the newest state of the index knows it just so. */
  #meet(folder: Folder, wasThere: boolean): void {
    const isNewest = this.#after === undefined
    if (isNewest && wasThere && this.#work.trees.has(this.#series, folder.path, folder.tree)) return
    this.#waiting.push(folder)
  }

  #enterFolder(folder: Folder, tree: Tree | undefined): void {
    const known = this.#work.children.sorted(folder.path)
    const isWhole = tree ? this.#enterNodes(folder, tree, known) : false
    if (!tree) this.#leaveAll(known)
    if (!isWhole) this.#unreadable++
    if (this.#after !== undefined) return
    if (isWhole) this.#work.trees.set(this.#series, folder.path, folder.tree)
    else this.#forgetTrees(folder.path)
  }

  /** The next snapshot must come here again, so it must not find a folder above unchanged. */
  #forgetTrees(unreadable: number): void {
    const { table, trees } = this.#work
    for (let path = unreadable; ; path = table.parents.values[path] as number) {
      trees.set(this.#series, path)
      if (path === rootPath) return
    }
  }

  /** Goes through the nodes and what is known of the folder side by side: both are sorted. False when not all could be read. */
  #enterNodes(folder: Folder, tree: Tree, known: readonly number[]): boolean {
    const gone: number[] = []
    let isWhole = true
    let at = 0
    const orderOf = (name: Buffer) =>
      at < known.length ? Buffer.compare(this.#work.table.nameOf(known[at] as number), name) : 1
    try {
      for (const node of tree) {
        let order = orderOf(node.name)
        for (; order < 0; order = orderOf(node.name)) gone.push(known[at++] as number)
        const path = order === 0 ? known[at++] : undefined
        if (!this.#enterNode(folder, node, path)) isWhole = false
      }
    } catch (thrown) {
      if (!(thrown instanceof FormatError)) throw thrown
      isWhole = false
    }
    this.#leaveAll(gone.concat(known.slice(at)))
    return isWhole
  }

  /** False when the node is malformed. */
  #enterNode(folder: Folder, node: TreeNode, known: number | undefined): boolean {
    const { name } = node
    const pathLength = folder.pathLength + 1 + name.length
    if (!isSafeName(name) || pathLength > longestPath) {
      this.#skipped++
      if (known !== undefined) this.#leaveAll([known])
      return true
    }
    const read = readNode(node)
    if (!read) {
      if (known !== undefined) this.#leaveAll([known])
      return false
    }
    const path = known ?? this.#work.children.add(folder.path, name)
    const wasFolder = this.#enterVersion(path, read.version)
    if (read.version.type !== folderType) {
      if (wasFolder) this.#leaveAll(this.#work.children.of(path))
      return true
    }
    if (read.subtree) this.#meet({ path, tree: read.subtree, pathLength }, wasFolder)
    else this.#leaveAll(this.#work.children.of(path))
    return read.subtree !== undefined
  }

  /** Says that this version is there; returns whether the path was a folder in the recovery point before. */
  #enterVersion(path: number, version: EntryVersion): boolean {
    const { table } = this.#work
    const row = this.#rowBefore(path)
    const wasFolder = row !== noRow && table.types.values[row] === folderType
    const isSame = table.lows.values[row] === version.low && table.highs.values[row] === version.high
    if (row !== noRow && isSame) return wasFolder
    if (row !== noRow) this.#leave(row)
    const last = this.#after === undefined ? stillThere : this.#slot
    table.addRow(path, version, { first: this.#slot, last })
    this.#checkSize()
    return wasFolder
  }

  /** A few trees that hold one another have more paths than any memory. */
  #checkSize(): void {
    const { rowCount, names } = this.#work.table
    const { repository, mostRows } = this.#options
    if (rowCount <= mostRows && names.length <= mostRows * nameBytesPerRow) return
    throw new SearchError('SEARCH_INDEX_TOO_LARGE', { repository, limit: mostRows })
  }

  /** Says of the paths, and of all below them, that they are not there. No recursion: folders may be nested very deep. */
  #leaveAll(paths: number[]): void {
    const waiting = paths
    for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
      const row = this.#rowBefore(path)
      if (row === noRow) continue
      const wasFolder = this.#work.table.types.values[row] === folderType
      this.#leave(row)
      if (wasFolder) for (const child of this.#work.children.of(path)) waiting.push(child)
    }
  }

  /** The row of the version that was there in the recovery point before; a later one, if there is, has it too then. */
  #rowBefore(path: number): number {
    if (this.#before === undefined) return noRow
    const { table } = this.#work
    const { values: firsts } = table.firsts
    const { values: older } = table.olderRows
    for (let row = table.newestRows.values[path] as number; row !== noRow; row = older[row] as number) {
      const first = firsts[row] as number
      if (first !== this.#slot && table.points.seriesOf[first] === this.#series && this.#spans(row)) return row
    }
    return noRow
  }

  /** Whether a row goes from before this recovery point to after it; for the newest, whether it is not ended. */
  #spans(row: number): boolean {
    const { table } = this.#work
    const last = table.lasts.values[row] as number
    if (this.#after === undefined) return last === stillThere
    const place = this.#placeOf(this.#slot)
    const isFromBefore = this.#placeOf(table.firsts.values[row] as number) < place
    return isFromBefore && (last === stillThere || this.#placeOf(last) > place)
  }

  /** Ends a row before this recovery point; it goes on after it, where there is one. */
  #leave(row: number): void {
    const { table, ends } = this.#work
    const last = table.lasts.values[row] as number
    table.lasts.values[row] = this.#before as number
    ends.set(row, this.#before as number)
    if (this.#after === undefined) return
    table.addRow(table.rowPaths.values[row] as number, table.versionOf(row), { first: this.#after, last })
  }

  #placeOf(slot: number): number {
    return this.#places.get(slot) as number
  }
}

interface ReadNode {
  readonly version: EntryVersion
  readonly subtree: Buffer | undefined
}

/** Undefined when a value is malformed. */
function readNode(node: TreeNode): ReadNode | undefined {
  try {
    return { version: versionOfNode(node), subtree: node.subtree }
  } catch (thrown) {
    if (thrown instanceof FormatError) return undefined
    throw thrown
  }
}
