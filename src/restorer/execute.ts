import type { Cancellable } from '#base'
import { mapOrdered, throwIfBug } from '#base'
import type { Node } from '#repository'

import { breather } from './breathe.ts'
import { Contents, notRestored } from './contents.ts'
import { RestorerError } from './errors.ts'
import type { RestoreFailure } from './failures.ts'
import { FailureList } from './failures.ts'
import type { FileWork } from './orders.ts'
import type { RestorePlan } from './plan.ts'
import { joinPath } from './plan.ts'
import { blobLengths } from './plan-compare.ts'
import type { RestoreRepository, RestoreTree } from './repository.ts'
import type { Target, TargetProblem } from './target.ts'

export interface RestoreProgress {
  /** Entries that are done, of those that the plan has; a folder counts when its metadata is set. */
  readonly entries: number
  readonly files: number
  /** Bytes that were brought from the repository. */
  readonly bytes: number
  readonly failures: number
}

export interface ExecuteOptions extends Cancellable {
  readonly progress?: (progress: RestoreProgress) => void
  readonly onFailure?: (failure: RestoreFailure) => void
  /** At the end makes everything survive a power cut before it is called restored. Default false, as with restic. */
  readonly durable?: boolean
}

export interface RestoreResult extends RestoreProgress {
  /** What was not restored, on top of the plan's `problems`. */
  readonly failed: FailureList
  /** Metadata that the target does not keep, summarised. */
  readonly warnings: readonly TargetProblem[]
  /** Set when the restore ended early because the target is full. */
  readonly stopped: Error | undefined
  readonly deleted: number
  /** For each entry of the plan 1 when its content is in place. */
  readonly done: Uint8Array
}

/**
 * Carries a plan out. One entry that fails never stops the others: it is in `failed`. It can be interrupted at any time
 * and done again with a new plan, which then finds what is in place.
 *
 * Throws the signal's reason, and what the repository throws when it cannot be read at all.
 */
export async function executeRestore(
  repository: RestoreRepository,
  plan: RestorePlan,
  target: Target,
  options: ExecuteOptions = {},
): Promise<RestoreResult> {
  const execution = new Execution(repository, plan, target, options)
  return execution.run()
}

/** Trees that are loaded before they are needed. */
const treesAhead = 8

class Execution {
  readonly #repository: RestoreRepository
  readonly #plan: RestorePlan
  readonly #target: Target
  readonly #options: ExecuteOptions
  readonly #contents: Contents
  readonly #failed: FailureList
  readonly #done: Uint8Array
  /** Folders that could not be made: nothing below them is tried. */
  readonly #lost = new Set<number>()
  /** Paths of files that have further names. */
  readonly #firsts = new Map<number, Buffer>()
  readonly #links: { readonly entry: number; readonly path: Buffer }[] = []
  readonly #breathe = breather()
  #entries = 0
  #files = 0
  #bytes = 0
  #deleted = 0

  constructor(repository: RestoreRepository, plan: RestorePlan, target: Target, options: ExecuteOptions) {
    this.#repository = repository
    this.#plan = plan
    this.#target = target
    this.#options = options
    this.#failed = new FailureList(options.onFailure)
    this.#done = new Uint8Array(plan.entries.length)
    for (const first of plan.entries.firsts.values()) this.#firsts.set(first, Buffer.alloc(0))
    const report = {
      restored: (file: FileWork) => this.#restored(file.entry),
      failed: (file: FileWork, error: Error) => this.#fail(file.path, error),
      wrote: (bytes: number) => this.#wrote(bytes),
    }
    this.#contents = new Contents(repository, target, report, options)
  }

  async run(): Promise<RestoreResult> {
    await this.#target.makeFolder(Buffer.alloc(0), { exists: false })
    await this.#remove('leftovers')
    try {
      await this.#restoreFolders()
      await this.#contents.finish()
    } catch (error) {
      await this.#contents.drain()
      throw error
    }
    if (!this.#contents.full) {
      await this.#makeLinks()
      await this.#remove('superfluous')
      await this.#finishFolders()
    }
    if (this.#options.durable) await this.#target.sync()
    return this.#result()
  }

  #result(): RestoreResult {
    const { full } = this.#contents
    const stopped =
      full && new RestorerError('TARGET_FULL', { location: this.#target.location, files: this.#files, cause: full })
    return {
      ...this.#progress(),
      failed: this.#failed,
      warnings: this.#target.problems(),
      stopped,
      deleted: this.#deleted,
      done: this.#done,
    }
  }

  #progress(): RestoreProgress {
    return { entries: this.#entries, files: this.#files, bytes: this.#bytes, failures: this.#failed.count }
  }

  #restored(entry: number): void {
    this.#done[entry] = 1
    this.#entries++
    this.#files++
    this.#options.progress?.(this.#progress())
  }

  #wrote(bytes: number): void {
    this.#bytes += bytes
    this.#options.progress?.(this.#progress())
  }

  #fail(path: Buffer, error: unknown): void {
    this.#options.signal?.throwIfAborted()
    this.#failed.add(path, notRestored(path, error))
  }

  /** Folders with their entries, in the order of the plan: a folder comes after the one that it lies in. */
  async #restoreFolders(): Promise<void> {
    const { signal } = this.#options
    const loaded = mapOrdered(this.#touchedFolders(), (folder) => this.#loadTree(folder), {
      concurrency: treesAhead,
      signal,
    })
    for await (const { folder, tree } of loaded) {
      if (this.#contents.full) return
      signal?.throwIfAborted()
      const path = this.#plan.folders.path(folder)
      if (!(await this.#makeFolder(folder, path))) continue
      if (this.#hasNothingToDo(folder)) {
        this.#keepAll(folder)
        continue
      }
      try {
        for (const { entry, node } of this.#entriesOf(folder, await tree()))
          await this.#restoreEntry(entry, node(), path)
      } catch (error) {
        if (!(error instanceof TreeFailure)) throw error
        throwIfBug(error.cause)
        this.#fail(path, error.cause)
      }
    }
  }

  /** Folders in which something may be done, or to which; the others are done as they are come to. */
  *#touchedFolders(): Generator<number> {
    const { folders } = this.#plan
    for (const folder of folders.visited()) {
      if (folders.isUntouched(folder)) this.#keepAll(folder)
      else yield folder
    }
  }

  async #loadTree(folder: number): Promise<{ folder: number; tree: () => Promise<RestoreTree> }> {
    const { folders } = this.#plan
    if (this.#hasNothingToDo(folder)) return { folder, tree: async () => [] }
    const id = Buffer.from(folders.tree(folder))
    const loading = this.#repository.loadTree(id, { signal: this.#options.signal })
    await loading.catch(() => undefined)
    return {
      folder,
      tree: () =>
        loading.catch((cause: unknown) => {
          throw new TreeFailure(cause)
        }),
    }
  }

  /** Its tree need not be read then. */
  #hasNothingToDo(folder: number): boolean {
    const { folders, entries } = this.#plan
    for (let entry = folders.firstEntry(folder); entry < folders.endEntry(folder); entry++) {
      if (!entries.isUntouched(entry) || this.#firsts.has(entry)) return false
    }
    return true
  }

  #keepAll(folder: number): void {
    const { folders } = this.#plan
    for (let entry = folders.firstEntry(folder); entry < folders.endEntry(folder); entry++) this.#kept(entry)
  }

  *#entriesOf(folder: number, tree: RestoreTree): Generator<{ entry: number; node: () => Node }> {
    const { folders, entries } = this.#plan
    let entry = folders.firstEntry(folder)
    const end = folders.endEntry(folder)
    let position = 0
    if (entry === end) return
    for (const node of tree) {
      if (position++ !== entries.node(entry)) continue
      yield { entry, node: () => node.decode() }
      if (++entry === end) return // what comes after may be damaged, and is not wanted
    }
  }

  async #makeFolder(folder: number, path: Buffer): Promise<boolean> {
    const { folders } = this.#plan
    if (folder === 0) return true
    if (this.#lost.has(folders.parent(folder))) {
      this.#lost.add(folder)
      return false
    }
    const state = folders.state(folder)
    try {
      if (state === 'in the way') await this.#target.remove(path, { recursive: false, signal: this.#options.signal })
      await this.#target.makeFolder(path, { exists: state === 'there' })
      return true
    } catch (error) {
      this.#lost.add(folder)
      this.#fail(path, error)
      return false
    }
  }

  async #restoreEntry(entry: number, node: Node, folder: Buffer): Promise<void> {
    await this.#breathe()
    if (this.#contents.full) return
    this.#options.signal?.throwIfAborted()
    const { entries, removesFolders } = this.#plan
    const path = joinPath(folder, entries.name(entry))
    if (this.#firsts.has(entry)) this.#firsts.set(entry, path)
    const action = entries.action(entry)
    if (action === 'kept' || entries.isUntouched(entry)) return this.#kept(entry)
    if (action === 'link') {
      this.#links.push({ entry, path })
      return
    }
    try {
      if (action === 'same') return await this.#setMetadata(entry, path, node)
      if (entries.removesFolder(entry)) await this.#target.remove(path, { recursive: removesFolders })
      if (node.type === 'file') await this.#restoreFile(entry, path, node)
      else await this.#makeOther(entry, path, node)
    } catch (error) {
      this.#fail(path, error)
    }
  }

  #kept(entry: number): void {
    this.#done[entry] = 1
    this.#entries++
  }

  async #setMetadata(entry: number, path: Buffer, node: Node): Promise<void> {
    await this.#target.setMetadata(path, node)
    this.#kept(entry)
  }

  async #makeOther(entry: number, path: Buffer, node: Node): Promise<void> {
    await this.#target.makeOther(path, node, { replace: this.#replaces(entry) })
    this.#kept(entry)
  }

  #replaces(entry: number): boolean {
    return this.#plan.entries.replaces(entry) && !this.#plan.entries.removesFolder(entry)
  }

  async #restoreFile(entry: number, path: Buffer, node: Node): Promise<void> {
    const ids = node.content ?? Buffer.alloc(0)
    const replaces = this.#replaces(entry)
    if (ids.length === 0) {
      await this.#target.makeEmpty(path, node, { replace: replaces })
      this.#restored(entry)
      return
    }
    const lengths = blobLengths(this.#repository, ids)
    if (lengths === undefined) throw new RestorerError('CONTENT_MISSING', { path })
    const { matches, leftovers } = this.#plan.entries
    await this.#contents.add({
      entry,
      path,
      node,
      ids,
      lengths,
      size: lengths.reduce((sum, length) => sum + length, 0),
      replaces,
      matches: matches.get(entry),
      leftover: leftovers.get(entry),
      assigned: 0,
      assignedBytes: 0,
      outstanding: 0,
      hasHoles: false,
      begun: undefined,
      failure: undefined,
    })
  }

  async #makeLinks(): Promise<void> {
    for (const { entry, path } of this.#links) {
      await this.#breathe()
      this.#options.signal?.throwIfAborted()
      const firstEntry = this.#plan.entries.firsts.get(entry) as number
      const first = this.#firsts.get(firstEntry) as Buffer
      try {
        if (this.#done[firstEntry] !== 1) throw new RestorerError('FIRST_LINK_MISSING', { path, first })
        if (this.#plan.entries.removesFolder(entry)) {
          await this.#target.remove(path, { recursive: this.#plan.removesFolders })
        }
        await this.#target.link(path, first, { replace: this.#replaces(entry) })
        this.#restored(entry)
      } catch (error) {
        this.#fail(path, error)
      }
    }
  }

  /** Leftovers go first, as they take space; what the snapshot has not goes last, when everything else is there. */
  async #remove(what: 'leftovers' | 'superfluous'): Promise<void> {
    const { deletions, folders } = this.#plan
    const { signal } = this.#options
    for (const index of this.#plan.deleted()) {
      if (deletions.isLeftover(index) !== (what === 'leftovers')) continue
      await this.#breathe()
      signal?.throwIfAborted()
      const folder = deletions.folder(index)
      if (this.#lost.has(folder)) continue
      const path = joinPath(folders.path(folder), deletions.name(index))
      try {
        await this.#target.remove(path, { recursive: what === 'superfluous', signal })
        if (what === 'superfluous') this.#deleted++
      } catch (error) {
        this.#fail(path, error)
      }
    }
  }

  /**
   * Metadata of folders, deepest first: anything made in a folder moves its times, and a folder may become one that we
   * cannot enter. The folders of one parent lie together in the plan, so that each tree is read once.
   */
  async #finishFolders(): Promise<void> {
    const { folders } = this.#plan
    let last = folders.length - 1
    while (last > 0) {
      this.#options.signal?.throwIfAborted()
      const parent = folders.parent(last)
      const wanted = new Map<number, number>()
      for (; last > 0 && folders.parent(last) === parent; last--) {
        if (folders.isUntouched(last)) this.#entries++
        else if (folders.isNeeded(last) && !this.#lost.has(last)) wanted.set(folders.node(last), last)
      }
      if (wanted.size > 0) await this.#finishFoldersOf(parent, wanted)
    }
  }

  async #finishFoldersOf(parent: number, wanted: ReadonlyMap<number, number>): Promise<void> {
    const { folders } = this.#plan
    let left = wanted.size
    let position = 0
    const id = Buffer.from(folders.tree(parent))
    for (const node of await this.#repository.loadTree(id, { signal: this.#options.signal })) {
      const folder = wanted.get(position++)
      if (folder === undefined) continue
      await this.#breathe()
      const path = folders.path(folder)
      try {
        await this.#target.setMetadata(path, node.decode())
        this.#entries++
      } catch (error) {
        this.#fail(path, error)
      }
      if (--left === 0) return
    }
  }
}

/** A tree that could be read when the plan was made, and cannot now. */
class TreeFailure extends Error {
  constructor(cause: unknown) {
    super('the tree cannot be read', { cause })
  }
}
