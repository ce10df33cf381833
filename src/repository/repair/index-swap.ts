import { forEachConcurrent } from '#base'
import type { Cancellable } from '#base'
import { RepositoryError } from '../errors.ts'
import { encodeIndexFile } from '../format/index-file.ts'
import type { IndexedPack } from '../format/index-file.ts'
import { idToHex } from '../format/ids.ts'
import { indexedPackOf, inFiles } from '../index-packs.ts'
import { listIndexFiles } from '../load-index.ts'
import type { LoadedIndexFile } from '../load-index.ts'
import type { HeldLock } from '../lock.ts'
import type { TablePack } from '../pack-table.ts'
import type { IndexView } from './index-view.ts'

/** What happens to the index files; files in which nothing is wrong are not touched. */
export interface IndexSwap {
  /** Files that go: what counts of them stands in the new ones. */
  readonly obsolete: readonly LoadedIndexFile[]
  /** Names of files that go and cannot be read at all. */
  readonly unreadable: readonly string[]
  /** Packs that leave the index, or stand in it as `fresh` has them. */
  readonly leaving: ReadonlySet<string>
  /** Packs that come into the index. */
  readonly fresh: readonly IndexedPack[]
  /** Packs that no longer wait to be deleted. */
  readonly unmarked: ReadonlySet<string>
}

export interface SwapChanges {
  readonly leaving: ReadonlySet<string>
  readonly fresh: readonly IndexedPack[]
  readonly unmarked?: ReadonlySet<string> | undefined
}

/** Decides which index files must be written anew. */
export function planIndexSwap(view: IndexView, changes: SwapChanges): IndexSwap {
  const { leaving, fresh, unmarked = new Set<string>() } = changes
  const { files, damagedFiles } = view
  const names = new Set(files.map(({ name }) => name))
  const obsolete = files.filter((file) => damagedFiles.has(file.name) || isChanged(view, file, { leaving, unmarked }))
  const unreadable = [...damagedFiles.keys()].filter((name) => !names.has(name))
  return { obsolete, unreadable, leaving, fresh, unmarked }
}

export function isEmptySwap({ obsolete, unreadable, fresh }: IndexSwap): boolean {
  return obsolete.length + unreadable.length + fresh.length === 0
}

function isChanged(
  view: IndexView,
  file: LoadedIndexFile,
  { leaving, unmarked }: Pick<IndexSwap, 'leaving' | 'unmarked'>,
): boolean {
  for (const { name } of packsOf(view, file)) if (leaving.has(name)) return true
  return file.marks.some(({ id }) => unmarked.has(idToHex(id)))
}

function* packsOf({ repository, table }: IndexView, { firstPack, packsEnd }: LoadedIndexFile): Iterable<TablePack> {
  for (let number = firstPack; number < packsEnd; number++) {
    const pack = table.get(repository.index.packName(number).toString('hex'))
    if (pack) yield pack
  }
}

export interface SwapOptions extends Cancellable {
  readonly lock: Pick<HeldLock, 'verify' | 'ensure'>
  /** Index files that were written since the view was made. */
  readonly written?: ReadonlySet<string> | undefined
}

/**
 * Writes the new index files, proves that the storage has them, and only then removes the old ones. Whatever ends this
 * in between leaves both, which say the same. Throws `REPAIR_OUTDATED` before anything is removed.
 */
export async function swapIndexFiles(
  view: IndexView,
  swap: IndexSwap,
  { lock, signal, written = new Set() }: SwapOptions,
): Promise<{ readonly written: number; readonly removed: number }> {
  const { repository } = view
  const fresh = new Set(written)
  for (const json of newFiles(view, swap)) {
    await lock.ensure()
    const name = await repository.saveFile('index', json, { signal })
    await repository.loadFile('index', name, { signal })
    fresh.add(name)
  }
  // A new file that has the bytes of an old one is the old one.
  const going = [...swap.obsolete.map(({ name }) => name), ...swap.unreadable].filter((name) => !fresh.has(name))
  if (going.length > 0) await refuseChanges(view, fresh, { lock, signal })
  const remove = async (name: string) => {
    await lock.ensure()
    await repository.backend.delete({ type: 'index', name }, { signal })
  }
  await forEachConcurrent(going, remove, { concurrency: repository.backend.connections, signal })
  return { written: fresh.size - written.size, removed: going.length }
}

function* newFiles(view: IndexView, { obsolete, leaving, fresh, unmarked }: IndexSwap): Iterable<Buffer> {
  const packs = function* (): Iterable<IndexedPack> {
    const seen = new Set<string>()
    for (const file of obsolete) {
      for (const pack of packsOf(view, file)) {
        if (leaving.has(pack.name) || seen.has(pack.name)) continue
        seen.add(pack.name)
        const { repository, table } = view
        yield indexedPackOf(repository.index, Buffer.from(pack.name, 'hex'), table.entriesOf(pack.place))
      }
    }
    yield* fresh
  }
  for (const group of inFiles(packs())) yield encodeIndexFile({ packs: group })
  const waiting = obsolete
    .flatMap(({ marks }) => marks)
    .filter((mark) => {
      const name = idToHex(mark.id)
      return view.marked.get(name) === mark && !unmarked.has(name)
    })
  for (const group of inFiles(waiting)) yield encodeIndexFile({ packs: [], packsToDelete: group })
}

// The lock is still ours, and a second listing shows no index that the plan does not know: be it that the first listing
// was behind, or that somebody works without a lock. What was called missing is missing still.
async function refuseChanges(
  { repository, files, damagedFiles, table, sizes }: IndexView,
  written: ReadonlySet<string>,
  { lock, signal }: SwapOptions,
): Promise<void> {
  await lock.verify()
  const known = new Set([...files.map(({ name }) => name), ...damagedFiles.keys(), ...written])
  for (const name of await listIndexFiles(repository, { signal })) {
    if (!known.has(name)) throw outdated(`there is a new index ${name.slice(0, 10)}`)
  }
  for (const { name } of table.packs) {
    if (sizes.has(name) || (await repository.backend.size({ type: 'pack', name }, { signal })) === undefined) continue
    throw outdated(`the pack ${name.slice(0, 10)}, which was missing, is there again`)
  }
}

function outdated(reason: string): RepositoryError {
  return new RepositoryError('REPAIR_OUTDATED', { reason })
}
