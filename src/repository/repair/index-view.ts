import { createHash } from 'node:crypto'
import { hasCode } from '#base'
import type { Cancellable } from '#base'
import { RepositoryError } from '../errors.ts'
import { idToHex } from '../format/ids.ts'
import { loadIndex } from '../load-index.ts'
import type { LoadedIndexFile } from '../load-index.ts'
import type { LoadedMark } from '../read-index-file.ts'
import { PackTable } from '../pack-table.ts'
import type { IndexedRepository, Repository } from '../repository.ts'
import { waitForSecondLook } from './second-look.ts'
import type { LookOptions } from './second-look.ts'

/** What a repair of index or packs decides from: the index as it is, and the packs that are there. */
export interface IndexView {
  readonly repository: IndexedRepository
  readonly files: readonly LoadedIndexFile[]
  /** Index files that cannot be read, or only in part, and why. */
  readonly damagedFiles: ReadonlyMap<string, Error>
  /** Every pack that an index names. */
  readonly table: PackTable
  /** Size of every pack that is there, by name. */
  readonly sizes: ReadonlyMap<string, number>
  /** Packs that are there, in no index, and wait to be deleted. */
  readonly marked: ReadonlyMap<string, LoadedMark>
}

export interface IndexViewOptions extends LookOptions {
  readonly onProgress?: ((step: 'load index', done: number, total: number | undefined) => void) | undefined
}

/** Throws `STORAGE_UNSTEADY` when an index file is damaged at one look and not at the other. */
export async function loadIndexView(repository: Repository, options: IndexViewOptions = {}): Promise<IndexView> {
  const { signal } = options
  // Packs before the index: what is written and indexed in between is then in the index, and asked for by its name.
  const sizes = new Map<string, number>()
  for await (const { name, size } of repository.backend.list('pack', { signal })) sizes.set(name, size)
  const { indexed, files, damaged } = await loadSteadyIndex(repository, options)
  const table = new PackTable(indexed.index)
  await correctSizes(indexed, table, sizes, { signal })
  const marked = findMarked(files, table, { sizes, damaged })
  return { repository: indexed, files, damagedFiles: damaged, table, sizes, marked }
}

interface LoadedOnce {
  readonly indexed: IndexedRepository
  readonly files: readonly LoadedIndexFile[]
  readonly damaged: ReadonlyMap<string, Error>
}

async function loadSteadyIndex(repository: Repository, options: IndexViewOptions): Promise<LoadedOnce> {
  const first = await loadOnce(repository, options)
  if (first.damaged.size === 0) return first
  await waitForSecondLook(options)
  const second = await loadOnce(repository, options)
  for (const [name, error] of second.damaged) {
    const before = first.damaged.get(name)
    if (before?.message !== error.message) throw unsteady(name, `${before?.message ?? 'it was right'} ${error.message}`)
    await refuseSoundBytes(repository, name, error, options)
  }
  return second
}

async function loadOnce(repository: Repository, { signal, onProgress }: IndexViewOptions): Promise<LoadedOnce> {
  const files: LoadedIndexFile[] = []
  const damaged = new Map<string, Error>()
  const indexed = await loadIndex(repository, {
    signal,
    onFile: (file) => files.push(file),
    onProgress: (done, total) => onProgress?.('load index', done, total),
    // A file that is gone by now is no damage: it was listed when it was there.
    onDamaged: (name, error) => {
      if (!hasCode(error, 'FILE_NOT_FOUND')) damaged.set(name, error)
    },
  })
  return { indexed, files, damaged }
}

// What a cache keeps of a wrong read would be as wrong the second time.
async function refuseSoundBytes(
  { backend }: Repository,
  name: string,
  error: Error,
  { signal }: Cancellable,
): Promise<void> {
  if (!error.message.includes('its content is not what its name says')) return
  const bytes = await backend.read({ type: 'index', name }, { signal, fresh: true })
  if (createHash('sha256').update(bytes).digest('hex') === name) throw unsteady(name, error.message)
}

function unsteady(name: string, reason: string): RepositoryError {
  return new RepositoryError('STORAGE_UNSTEADY', { type: 'index', name: name.slice(0, 10), reason })
}

// A listing may be behind: nothing is called missing or wrong before it was asked for by its name.
async function correctSizes(
  { backend }: IndexedRepository,
  { packs }: PackTable,
  sizes: Map<string, number>,
  options: Cancellable,
): Promise<void> {
  for (const { name, size } of packs) {
    if (sizes.get(name) === size) continue
    const now = await backend.size({ type: 'pack', name }, options)
    if (now === undefined) sizes.delete(name)
    else sizes.set(name, now)
  }
}

// The marks of a file that can be read only in part may be cut short: its packs count as known to nobody.
function findMarked(
  files: readonly LoadedIndexFile[],
  table: PackTable,
  { sizes, damaged }: { readonly sizes: ReadonlyMap<string, number>; readonly damaged: ReadonlyMap<string, Error> },
): Map<string, LoadedMark> {
  const marked = new Map<string, LoadedMark>()
  for (const { name, marks } of files) {
    if (damaged.has(name)) continue
    for (const mark of marks) {
      const pack = idToHex(mark.id)
      if (sizes.has(pack) && !table.get(pack)) marked.set(pack, mark)
    }
  }
  return marked
}
