import type { Cancellable } from '#base'
import { messageOf, throwIfBug } from '#base'

import { breather } from './breathe.ts'
import { notRestored } from './contents.ts'
import { RestorerError } from './errors.ts'
import type { RestoreFailure } from './failures.ts'
import { FailureList } from './failures.ts'
import { FoldersAhead } from './folders-ahead.ts'
import type { ExpectedFolder } from './folders-ahead.ts'
import { LinkIndex } from './links.ts'
import type { Action, FolderState } from './plan.ts'
import { joinPath, RestorePlan } from './plan.ts'
import { PlannedComparisons } from './plan-compare.ts'
import type { RestoreNode, RestoreRepository, RestoreTree } from './repository.ts'
import type { ScannedFolder, Target, TargetEntry, WholeFolder } from './target.ts'

/** When something that is there gives way. */
export type Overwrite = 'always' | 'if-changed' | 'if-newer' | 'never'

/** Which entries are restored. `path` starts with `/`, the root of what is restored. */
export type Select = (
  path: Buffer,
  isFolder: boolean,
) => { readonly selected: boolean; readonly childrenMayBe: boolean }

export interface PlanOptions extends Cancellable {
  /**
   * Files with other content are always made right; `if-changed` takes a file for right when size and mtime are,
   * `if-newer` leaves what is not older than the snapshot's, `never` everything that is there. Default `always`.
   */
  readonly overwrite?: Overwrite
  /** Deletes what the snapshot has not, in folders that are restored and as far as `select` says. */
  readonly delete?: boolean
  readonly select?: Select
  readonly progress?: (seen: { readonly entries: number; readonly bytes: number }) => void
  readonly onProblem?: (problem: RestoreFailure) => void
}

/**
 * Compares a tree of the repository with the target. Nothing is changed.
 *
 * What cannot be restored here (names that lead elsewhere, trees that are damaged) is left out and listed in
 * `problems`. Throws the signal's reason, and what the target throws when it cannot be read at all.
 */
export async function planRestore(
  repository: RestoreRepository,
  { tree }: { readonly tree: Buffer },
  target: Target,
  options: PlanOptions = {},
): Promise<RestorePlan> {
  const planner = new Planner(repository, target, tree, options)
  await planner.run()
  return planner.plan
}

const everything: Select = (_, isFolder) => ({ selected: true, childrenMayBe: isFolder })

interface Existing {
  /** Undefined when the folder is not there, so that nothing in it is. */
  readonly byName: ReadonlyMap<string, TargetEntry> | undefined
  readonly leftovers: ReadonlyMap<string, TargetEntry>
}

interface Visit extends Existing {
  readonly folder: number
  readonly path: Buffer
  /** For each node of the tree 1 when threads have found it right; undefined when they have not looked. */
  readonly right: Uint8Array | undefined
  /** Names that entries of the snapshot have. */
  readonly taken: Set<string>
  /** Leftovers that the restore goes on with. */
  readonly used: Set<TargetEntry>
}

class Planner {
  readonly plan: RestorePlan
  readonly #target: Target
  readonly #options: PlanOptions
  readonly #select: Select
  readonly #overwrite: Overwrite
  readonly #ahead: FoldersAhead
  readonly #comparisons: PlannedComparisons
  readonly #links: LinkIndex
  readonly #breathe = breather()
  #mayDelete: boolean
  #bytes = 0

  constructor(repository: RestoreRepository, target: Target, tree: Buffer, options: PlanOptions) {
    this.plan = new RestorePlan(tree, new FailureList(options.onProblem), options.delete ?? false)
    this.#target = target
    this.#options = options
    this.#select = options.select ?? everything
    this.#overwrite = options.overwrite ?? 'always'
    this.#mayDelete = options.delete ?? false
    // What is scanned is all that lies in a folder, and gives way whatever its time.
    const readsContents = this.#overwrite === 'always'
    const isScanned = options.select === undefined && (readsContents || this.#overwrite === 'if-changed')
    const { signal } = options
    this.#ahead = new FoldersAhead(repository, isScanned ? target.scanner : undefined, { signal, readsContents })
    this.#comparisons = new PlannedComparisons(repository, target, this.plan, options)
    this.#links = new LinkIndex(this.plan)
  }

  async run(): Promise<void> {
    const { plan } = this
    plan.folders.add({ parent: 0, name: Buffer.alloc(0), tree: plan.tree, node: 0, state: 'there' })
    this.#ahead.push({ folder: 0, tree: plan.tree, path: Buffer.alloc(0) })
    for (let folder = this.#ahead.next(); folder !== undefined; folder = this.#ahead.next()) {
      await this.#breathe()
      this.#options.signal?.throwIfAborted()
      await this.#visit(folder)
      this.#options.progress?.({ entries: plan.entries.length + plan.folders.length, bytes: this.#bytes })
    }
    await this.#comparisons.finish()
    this.#links.finish()
    await this.#sumUp()
  }

  async #visit(folder: number): Promise<void> {
    const { plan } = this
    const path = plan.folders.path(folder)
    const scanned = await this.#ahead.scanned(folder)
    plan.folders.open(folder, plan.entries.length)
    const children = scanned?.whole
      ? this.#takeWhole(folder, scanned, { ...scanned.whole, path })
      : await this.#look(folder, path, scanned?.right)
    plan.folders.close(folder, plan.entries.length)
    // The last pushed is the next visited: this keeps the order of the tree.
    for (const child of children.reverse()) this.#ahead.push(child)
    await this.#comparisons.flushIfMany()
  }

  /** Plans a folder that has nothing to be done in it, but for the folders below. Returns these. */
  #takeWhole(
    folder: number,
    { right, isBare }: ScannedFolder,
    { path, nodes, sizes, names, nameEnds, folders: children }: WholeFolder & { readonly path: Buffer },
  ): ExpectedFolder[] {
    const { folders, entries } = this.plan
    if (isBare && folders.isRight(folder)) folders.setUntouched(folder)
    let start = 0
    for (const [i, node] of nodes.entries()) {
      const size = sizes[i] as number
      const end = nameEnds[i] as number
      const name = names.subarray(start, end)
      const entry = entries.add({ node, name, size, action: 'same', replaces: true, removesFolder: false })
      entries.setUntouched(entry)
      this.#bytes += size
      start = end
    }
    if (nodes.length > 0) folders.need(folder)
    return children.map(({ node, name, tree }) => {
      const child = folders.add({ parent: folder, name, tree, node, state: 'there' })
      if (right[node] === 1) folders.setRight(child)
      folders.need(child)
      return { folder: child, tree: Buffer.from(tree), path: joinPath(path, Buffer.from(name)) }
    })
  }

  /** Compares the tree of a folder with what the target lists. Returns the folders below. */
  async #look(folder: number, path: Buffer, right: Uint8Array | undefined): Promise<ExpectedFolder[]> {
    const children: ExpectedFolder[] = []
    const existing = await this.#existing(folder, path)
    if (existing) {
      try {
        const visit: Visit = { folder, path, right, taken: new Set(), used: new Set(), ...existing }
        this.#planEntries(await this.#ahead.load(folder), visit, children)
        this.#planDeletions(visit)
      } catch (cause) {
        this.#options.signal?.throwIfAborted()
        throwIfBug(cause)
        // What the folder should hold is not known, so nothing may be taken for superfluous.
        this.#mayDelete = false
        this.#refuse(path, new RestorerError('TREE_UNREADABLE', { path, reason: messageOf(cause), cause }))
      }
    }
    return children
  }

  /** What the target holds in the folder; undefined when that cannot be found out, which is a problem of the plan. */
  async #existing(folder: number, path: Buffer): Promise<Existing | undefined> {
    const byName = new Map<string, TargetEntry>()
    const leftovers = new Map<string, TargetEntry>()
    let entries: readonly TargetEntry[] | undefined
    try {
      if (this.plan.folders.state(folder) === 'there') entries = await this.#target.list(path, this.#options)
    } catch (cause) {
      this.#options.signal?.throwIfAborted()
      this.#refuse(path, new RestorerError('NOT_RESTORED', { path, reason: messageOf(cause), cause }))
      return undefined
    }
    for (const entry of entries ?? []) {
      byName.set(this.#target.sameName(entry.name), entry)
      if (entry.leftover !== undefined) leftovers.set(entry.leftover, entry)
    }
    return { byName: entries && byName, leftovers }
  }

  #planEntries(tree: RestoreTree, visit: Visit, children: ExpectedFolder[]): void {
    let position = 0
    for (const node of tree) {
      const index = position++
      const path = joinPath(visit.path, node.name)
      try {
        if (!this.#mayBeNamed(node, path, visit)) continue
        const child = this.#planNode(node, index, path, visit)
        if (child) children.push(child)
      } catch (cause) {
        throwIfBug(cause)
        this.#refuse(path, notRestored(path, cause))
      }
    }
  }

  #mayBeNamed(node: RestoreNode, path: Buffer, visit: Visit): boolean {
    const reason = this.#target.refuseName(node.name)
    if (reason !== undefined) {
      // Somebody has made this snapshot by hand: nothing is deleted on its word.
      this.#mayDelete = false
      this.#refuse(path, new RestorerError('NAME_REFUSED', { path, reason }))
      return false
    }
    const key = this.#target.sameName(node.name)
    if (!visit.taken.has(key)) {
      visit.taken.add(key)
      return true
    }
    this.#refuse(path, new RestorerError('NAME_TWICE', { path }))
    return false
  }

  /** Returns the folder that is to be visited, if it is one. */
  #planNode(node: RestoreNode, index: number, path: Buffer, visit: Visit): ExpectedFolder | undefined {
    // Sockets belong to a running program; restic keeps them in snapshots and never restores them.
    if (node.type === 'socket') return undefined
    const isFolder = node.type === 'dir'
    const { selected, childrenMayBe } = this.#select(Buffer.concat([slash, path]), isFolder)
    if (isFolder) return this.#planFolder(node, { index, path, selected, childrenMayBe }, visit)
    if (selected) this.#planOther(node, index, path, visit)
    return undefined
  }

  #planFolder(
    node: RestoreNode,
    { index, path, selected, childrenMayBe }: FolderChoice,
    visit: Visit,
  ): ExpectedFolder | undefined {
    if (!selected && !childrenMayBe) return undefined
    const tree = node.subtree
    if (tree === undefined) throw new RestorerError('NOT_RESTORED', { path, reason: 'the folder has no tree' })
    const existing = visit.byName?.get(this.#target.sameName(node.name))
    const state: FolderState = existing === undefined ? 'absent' : existing.kind === 'dir' ? 'there' : 'in the way'
    if (state === 'in the way' && existing && this.#isKept(node, existing)) {
      const reason = 'something that is no folder is there, and is to be kept'
      this.#refuse(path, new RestorerError('IN_THE_WAY', { path, reason }))
      return undefined
    }
    const { folders } = this.plan
    const folder = folders.add({ parent: visit.folder, name: node.name, tree, node: index, state })
    if (selected) folders.need(folder)
    if (visit.right?.[index] === 1) folders.setRight(folder)
    if (childrenMayBe) return { folder, tree, path: state === 'there' ? path : undefined }
    folders.open(folder, this.plan.entries.length)
    return undefined
  }

  #planOther(node: RestoreNode, index: number, path: Buffer, visit: Visit): void {
    const refused = node.type === 'file' ? undefined : this.#target.refuseNode(node.decode())
    if (refused !== undefined) {
      this.#refuse(path, new RestorerError('KIND_REFUSED', { path, reason: refused }))
      return
    }
    const existing = visit.byName?.get(this.#target.sameName(node.name))
    if (
      existing?.kind === 'dir' &&
      !this.#isKept(node, existing) &&
      !this.#options.delete &&
      !this.#target.isEmpty(path)
    ) {
      const reason = 'a folder that is not empty is there'
      this.#refuse(path, new RestorerError('IN_THE_WAY', { path, reason }))
      return
    }
    const size = node.type === 'file' ? Number(node.size) : 0
    const isRight = existing !== undefined && existing.kind !== 'dir' && visit.right?.[index] === 1
    const action = isRight ? 'same' : this.#decide(node, existing, path)
    const entry = this.plan.entries.add({
      node: index,
      name: node.name,
      size,
      action: action === 'compare' ? 'changed' : action,
      replaces: existing !== undefined,
      removesFolder: existing?.kind === 'dir' && action === 'new',
    })
    if (isRight) this.plan.entries.setUntouched(entry)
    this.plan.folders.need(visit.folder)
    this.#bytes += size
    if (action !== 'kept') this.#links.add(entry, node, existing)
    if (this.plan.entries.action(entry) === 'link') return
    if (action === 'compare') this.#comparisons.add(entry, node, { path, folder: visit.folder })
    if (visit.leftovers.size === 0 || action !== 'new' || node.type !== 'file') return
    const leftover = visit.leftovers.get(this.#target.leftoverKey(node.name))
    if (leftover && (node.content?.length ?? 0) > 0) {
      visit.used.add(leftover)
      this.plan.entries.leftovers.set(entry, leftover.name)
      this.#comparisons.add(entry, node, { path: joinPath(visit.path, leftover.name), folder: visit.folder })
    }
  }

  #decide(node: RestoreNode, existing: TargetEntry | undefined, path: Buffer): Action | 'compare' {
    if (existing === undefined) return 'new'
    if (this.#isKept(node, existing)) return 'kept'
    if (node.type !== 'file') return this.#target.holds(path, node.decode()) ? 'same' : 'new'
    if (existing.kind !== 'file') return 'new'
    const sizeIsRight = BigInt(existing.size) === node.size
    // A second name that the snapshot does not know must not see the new metadata or content.
    if (existing.links > 1 && node.links <= 1n) return 'changed'
    if (this.#overwrite === 'if-changed' && sizeIsRight && existing.mtime === node.mtimeNs) return 'same'
    // Nothing to be gained by looking for parts that are right.
    const isOneBlob = (node.content?.length ?? 0) <= 32
    if (!sizeIsRight && isOneBlob) return 'changed'
    return 'compare'
  }

  #isKept(node: RestoreNode, existing: TargetEntry): boolean {
    if (this.#overwrite === 'never') return true
    return this.#overwrite === 'if-newer' && existing.mtime >= node.mtimeNs
  }

  #planDeletions(visit: Visit): void {
    for (const entry of visit.byName?.values() ?? []) {
      if (visit.taken.has(this.#target.sameName(entry.name))) continue
      if (entry.leftover !== undefined) {
        if (!visit.used.has(entry)) this.plan.deletions.add(visit.folder, entry.name, true)
        continue
      }
      const path = Buffer.concat([slash, joinPath(visit.path, entry.name)])
      if (this.#options.delete && this.#select(path, false).selected) {
        this.plan.deletions.add(visit.folder, entry.name, false)
      }
    }
  }

  #refuse(path: Buffer, error: Error): void {
    this.plan.counts.refused++
    this.plan.problems.add(path, error)
  }

  async #sumUp(): Promise<void> {
    const { plan } = this
    if (!this.#mayDelete) plan.deletions.keepOnlyLeftovers()
    sumFolders(plan)
    sumEntries(plan)
    for (const index of plan.deleted()) {
      if (plan.deletions.isLeftover(index)) plan.counts.leftovers++
      else plan.counts.deleted++
    }
    plan.freeSpace = await this.#target.free()
  }
}

interface FolderChoice {
  readonly index: number
  readonly path: Buffer
  readonly selected: boolean
  readonly childrenMayBe: boolean
}

const slash = Buffer.from('/')

function sumFolders({ folders, counts }: RestorePlan): void {
  for (const folder of folders.visited()) {
    if (folder === 0) continue
    counts.folders++
    if (folders.state(folder) !== 'there') counts.newFolders++
    if (folders.state(folder) === 'in the way') counts.inTheWay++
  }
}

/** A file takes whole blocks. */
const blockBytes = 4096

function sumEntries({ entries, counts }: RestorePlan): void {
  for (let entry = 0; entry < entries.length; entry++) {
    const action = entries.action(entry)
    const size = entries.size(entry)
    if (action === 'link') counts.links++
    else counts[action]++
    if (action === 'new' && entries.replaces(entry)) counts.inTheWay++
    if (action === 'same') counts.sameBytes += size
    if (action !== 'new' && action !== 'changed') continue
    const toWrite = size - (entries.keptBytes.get(entry) ?? 0)
    counts[action === 'new' ? 'newBytes' : 'changedBytes'] += size
    counts.bytesToWrite += toWrite
    counts.spaceNeeded += Math.ceil(toWrite / blockBytes) * blockBytes
  }
}
