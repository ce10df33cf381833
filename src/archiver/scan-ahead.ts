import { programModule } from '#base'
import type { Cancellable } from '#base'
import type { ContentStore, ScanOrder } from '#repository'
import type { ScanOptions, ScannedFolder } from './scan-folder.ts'
import type { UnchangedRule } from './parent.ts'
import type { Source, SourceEntry, SourceFolder, ThreadLister } from './source.ts'

/** A folder that is as it was, and the folders in it, in the order of their names. */
export interface UnchangedEntries {
  readonly scanned: ScannedFolder
  readonly entries: readonly SourceEntry[]
}

/** Folders that are sent to a thread together. */
const batchSize = 16
/** Folders that are looked at before the walk comes to them: this bounds the memory. */
const mostAhead = 256

/** A folder that the walk will come to. */
export interface ExpectedFolder {
  readonly folder: SourceFolder
  /** Id of its tree in the parent. */
  readonly tree: Buffer
}

interface Asked extends ScanOrder {
  readonly answer: (result: Promise<unknown>) => void
}

/** What the thread module needs to scan folders of the source. */
export function scannerOf(source: Source, rule: UnchangedRule = {}): { module: URL; options: ScanOptions } | undefined {
  const { lister } = source
  if (!lister) return undefined
  return { module: scannerModule(), options: { rule, lister: { module: lister.module.href, options: lister.options } } }
}

/** The module that compares folders in threads. */
export function scannerModule(): URL {
  return programModule('archiver/scan-folder')
}

/**
 * Has folders compared with the parent snapshot in threads, a little before the walk comes to them: the folders below the
 * one where it is, then those that follow further up.
 */
export class ScanAhead {
  readonly #store: ContentStore
  readonly #lister: ThreadLister
  readonly #options: Cancellable
  readonly #pending = new Map<SourceFolder, Promise<UnchangedEntries | undefined>>()
  /** Folders still to be asked for, those of the innermost folder last, each family from its end. */
  readonly #families: ExpectedFolder[][] = []
  /** Folders that the walk came to before they were asked for. */
  readonly #passed = new WeakSet<SourceFolder>()
  #batch: Asked[] = []

  constructor(store: ContentStore, lister: ThreadLister, options: Cancellable) {
    this.#store = store
    this.#lister = lister
    this.#options = options
  }

  /** Undefined when the folder has to be looked at by the walk itself. `tree` is the folder's tree in the parent. */
  async take(folder: SourceFolder, tree: Buffer): Promise<UnchangedEntries | undefined> {
    if (!this.#pending.has(folder)) {
      this.#passed.add(folder)
      this.#ask({ folder, tree })
    }
    this.#send()
    const result = await this.#pending.get(folder)
    this.#pending.delete(folder)
    if (result) this.expect(familyOf(result))
    return result
  }

  /** The walk will come to these, in this order, before it goes on with those that it was told of earlier. */
  expect(folders: readonly ExpectedFolder[]): void {
    this.#families.push(folders.toReversed())
    this.#topUp()
  }

  #topUp(): void {
    while (this.#pending.size < mostAhead) {
      const family = this.#families.at(-1)
      if (!family) break
      const next = family.pop()
      if (!next) this.#families.pop()
      else if (!this.#passed.has(next.folder)) this.#ask(next)
    }
    this.#send()
  }

  #ask({ folder, tree }: ExpectedFolder): void {
    const ref = this.#lister.ref(folder)
    if (ref === undefined) {
      this.#pending.set(folder, Promise.resolve(undefined))
      return
    }
    const { promise, resolve } = Promise.withResolvers<unknown>()
    const result = this.#enter(folder, promise)
    result.catch(() => undefined) // whoever takes it is told
    this.#pending.set(folder, result)
    this.#batch.push({ folder: ref, tree, answer: resolve })
    if (this.#batch.length >= batchSize) this.#send()
  }

  async #enter(folder: SourceFolder, result: Promise<unknown>): Promise<UnchangedEntries | undefined> {
    const scanned = (await result) as ScannedFolder | undefined
    return scanned && { scanned, entries: this.#lister.enter(folder, scanned.folders) }
  }

  #send(): void {
    const batch = this.#batch
    if (batch.length === 0) return
    this.#batch = []
    const results = this.#store.scanFolders(
      batch.map(({ folder, tree }) => ({ folder, tree })),
      this.#options,
    )
    results.catch(() => undefined)
    batch.forEach(({ answer }, i) => answer(results.then((all) => all[i])))
  }
}

function familyOf({ scanned, entries }: UnchangedEntries): ExpectedFolder[] {
  return entries.map((entry, i) => ({
    folder: entry.folder as SourceFolder,
    tree: Buffer.from((scanned.folders[i] as { readonly subtree: Uint8Array }).subtree),
  }))
}
