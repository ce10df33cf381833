import { hasCode } from '#base'
import type { EntryTable } from '#repository/format'
import type { EntryStat, FoundFolder, Listing, Problem } from '#archiver'

import { DiskEntry, DiskFolder } from './entries.ts'
import type { WalkRules } from './entries.ts'
import { FilesystemError } from './errors.ts'
import { enterFolder, matchesAny } from './exclude.ts'
import { isInside } from './mounts.ts'
import { fromRaw, platform } from './platform/index.ts'
import type { OpenFolder } from './platform/index.ts'
import { textOfRaw } from './raw-text.ts'
import type { FolderWalk, Walk } from './walk.ts'
import { hasTag } from './folder-tags.ts'
import { joinPath } from './target-tree.ts'

/** Lists one folder of the disk: names, a look at each, excludes applied. What fails becomes a problem. */
export async function listFolder(walk: Walk, folder: DiskFolder): Promise<Listing> {
  if (folder.isBarred) return { entries: [], problems: [] }
  try {
    using open = openListed(folder)
    const names = open.names()
    if (walk.remote.hasSomeIn(folder.raw)) return await listCarefully(walk, folder, open, names)
    return new Lister(walk, folder, open).listAll(names)
  } catch (error) {
    return { entries: [], problems: [{ path: folder.path, error: error as Error }], unreadable: true }
  }
}

/** The same for a folder in which no network file system is mounted, in a thread too. Throws when it cannot be opened. */
export function listPlainFolder(walk: FolderWalk, folder: DiskFolder): Listing {
  using open = openListed(folder)
  return new Lister(walk, folder, open).listAll(open.names())
}

/**
 * Puts the folder into a table, by the same rules; false where these need a closer look at its entries, or the folder does not
 * fit. Throws when it cannot be opened.
 */
export function fillPlainFolder(walk: FolderWalk, folder: DiskFolder, table: EntryTable): boolean {
  const { patterns, tags, largerThan, folders } = walk.excludes
  if (tags.length > 0 || largerThan !== undefined || folder.rules.device !== undefined) return false
  using open = openListed(folder)
  if (!open.fill) return false
  const byName = patterns.length > 0 || folders.some((excluded) => isInside(excluded, folder.raw))
  if (!byName) return open.fill(table)
  const lister = new Lister(walk, folder, open)
  return open.fill(table, (name) => !lister.isExcludedByName(name))
}

/** Entries for the folders that were found in `folder` by `listPlainFolder`, elsewhere. */
export function enterFound({ excludes }: FolderWalk, folder: DiskFolder, found: readonly FoundFolder[]): DiskEntry[] {
  const { raw, at, rules, states } = folder
  return found.map(({ name, stat }) => {
    const path = joinPath(raw, name)
    const below = {
      raw: path,
      at: at === raw ? path : joinPath(at, name),
      stat,
      rules,
      states: excludes.patterns.length > 0 ? enterFolder(excludes, states, textOfRaw(name)) : states,
      isBarred: rules.device !== undefined && stat.deviceId !== rules.device,
    }
    return new DiskEntry({ ...below, name, trusted: rules.trusted, folder: new DiskFolder(below) })
  })
}

/** Where a network file system is mounted in the folder, that entry is only touched if it answers. */
async function listCarefully(walk: Walk, folder: DiskFolder, open: OpenFolder, names: string[]): Promise<Listing> {
  const lister = new Lister(walk, folder, open)
  const silent: Problem[] = []
  const answering: string[] = []
  for (const name of names) {
    const path = joinPath(folder.raw, name)
    try {
      if (!lister.isExcludedByName(name)) await walk.remote.check(path)
      answering.push(name)
    } catch (error) {
      silent.push({ path: fromRaw(path), error: error as Error })
    }
  }
  const listing = lister.listAll(answering)
  return { ...listing, problems: [...silent, ...listing.problems] }
}

/**
 * Opens the folder that its parent's listing showed. When another one is there now, or an automount has come over it,
 * it is opened again in a way that follows no symlink below what the user named (`reader.ts` tells why).
 */
function openListed({ at, stat, rules }: DiskFolder): OpenFolder {
  const open = platform.openFolder(at)
  if (open.stat.inode === stat.inode && open.stat.deviceId === stat.deviceId) return open
  open[Symbol.dispose]()
  return platform.openFolder(at, { trusted: rules.trusted })
}

interface Place {
  readonly raw: string
  readonly at: string
  readonly rules: WalkRules
  readonly isElsewhere: boolean
}

class Lister {
  readonly #walk: FolderWalk
  readonly #folder: DiskFolder
  readonly #open: OpenFolder
  /** The names of tag files that say that nothing else in the folder is wanted. */
  readonly #tags: readonly string[]
  readonly #entries: DiskEntry[] = []
  readonly #problems: Problem[] = []

  constructor(walk: FolderWalk, folder: DiskFolder, open: OpenFolder) {
    this.#walk = walk
    this.#folder = folder
    this.#open = open
    const present = walk.excludes.tags.filter((tag) => hasTag(tag, folder, walk))
    this.#tags = present.map(({ name }) => name)
  }

  listAll(names: readonly string[]): Listing {
    for (const name of names) this.#add(name)
    return { entries: this.#entries, problems: this.#problems }
  }

  isExcludedByName(name: string): boolean {
    const { excludes } = this.#walk
    if (excludes.patterns.length > 0 && matchesAny(excludes, this.#folder.states, textOfRaw(name))) return true
    if (excludes.folders.length === 0) return false
    const path = joinPath(this.#folder.raw, name)
    return excludes.folders.some((folder) => isInside(path, folder))
  }

  #add(name: string): void {
    if (this.isExcludedByName(name)) return this.#exclude(name)
    let place: Place
    let stat: EntryStat
    try {
      place = this.#placeOf(name)
      stat = place.isElsewhere ? platform.stat(place.at, { follow: false }) : this.#open.statEntry(name)
    } catch (error) {
      return this.#report(name, error as Error)
    }
    if (this.#isExcludedByStat(name, stat)) return this.#exclude(name)
    // A socket belongs to a running program; there is nothing to keep of it (as restic).
    if (stat.type === 'socket') return
    const folder = stat.type === 'dir' ? this.#enter(name, stat, place) : undefined
    const { raw, at, rules } = place
    this.#entries.push(new DiskEntry({ name, stat, raw, at, trusted: rules.trusted, folder }))
  }

  /** Where the entry is read: below this folder, or on another volume that is mounted here. */
  #placeOf(name: string): Place {
    const { raw, at, rules } = this.#folder
    const path = joinPath(raw, name)
    if (!this.#walk.elsewhere.has(path)) {
      return { raw: path, at: at === raw ? path : joinPath(at, name), rules, isElsewhere: false }
    }
    const other = this.#walk.readPath(path)
    return { raw: path, at: other, rules: { ...rules, trusted: other.length }, isElsewhere: true }
  }

  #isExcludedByStat(name: string, stat: EntryStat): boolean {
    const { largerThan } = this.#walk.excludes
    if (this.#tags.some((tag) => tag !== name)) return true
    if (stat.type === 'dir') return false
    return this.#isElsewhere(stat) || (largerThan !== undefined && stat.size > largerThan)
  }

  /** True for what lies on another file system than the one that may not be left. */
  #isElsewhere(stat: EntryStat): boolean {
    const { device } = this.#folder.rules
    return device !== undefined && stat.deviceId !== device
  }

  #enter(name: string, stat: EntryStat, { raw, at, rules }: Place): DiskFolder {
    const { states } = this.#folder
    const { excludes } = this.#walk
    const below = excludes.patterns.length > 0 ? enterFolder(excludes, states, textOfRaw(name)) : states
    return new DiskFolder({ raw, at, stat, rules, states: below, isBarred: this.#isElsewhere(stat) })
  }

  #exclude(name: string): void {
    this.#walk.excluded(joinPath(this.#folder.raw, name))
  }

  #report(name: string, error: Error): void {
    const path = fromRaw(joinPath(this.#folder.raw, name))
    // Between listing and looking it went away. That is worth a line: what was in it is not in the snapshot.
    const problem = hasCode(error, 'ENOENT') ? new FilesystemError('ENTRY_VANISHED', { path, cause: error }) : error
    this.#problems.push({ path, error: problem })
  }
}
