import { findSubtree } from '#restorer'
import { findSnapshot, loadIndex, loadTree } from '#repository'
import type { Repository } from '#repository'
import type { CliCommand } from '../command.ts'
import { flag, setHelp, valueFlag } from '../command.ts'
import { runs, textOf } from '../context.ts'
import type { CommandContext, CommandFlags } from '../context.ts'
import { CliError } from '../errors.ts'
import { readRepository } from '../open-repository.ts'
import { LineWriter } from '../printer.ts'
import { compareListed, createListing, isSortKey, listEntry } from '../ls-output.ts'
import type { ListedEntry, ListingStyle, SortKey } from '../ls-output.ts'
import { addFilterFlags, latestNote, readFilter, splitSnapshotName } from '../snapshot-flags.ts'
import { walkTree } from '../walk-tree.ts'

const text = `
Lists the files of a snapshot: all of them, or what lies directly in the given folders (with --recursive, everything below
them). "latest" is the newest snapshot, snapshot:folder a folder in one.`

export function define(command: CliCommand): void {
  setHelp(command, {
    text,
    examples: [
      'understudy ls latest',
      'understudy ls -l latest /etc',
      'understudy ls --json 1a2b3c4d:/home --recursive /anna',
    ],
  })
  command.argument('<snapshot>', 'id of the snapshot, "latest", or id:folder')
  command.argument('[folder...]', 'absolute paths in the snapshot')
  addFilterFlags(command, { note: latestNote })
  command.addOption(flag('-l, --long', 'show mode, owner, size and time'))
  command.addOption(flag('--recursive', 'show what is in folders below the given ones too'))
  command.addOption(flag('--human-readable', 'print sizes in KiB, MiB, …'))
  command.addOption(flag('--ncdu', "print ncdu's format: `… | ncdu -f -`"))
  command.addOption(valueFlag('-s, --sort <key>', 'by name, size, time (mtime), atime, ctime or extension'))
  command.addOption(flag('--reverse', 'the other way round'))
  runs(command, list)
}

interface Wanted {
  readonly style: ListingStyle
  readonly folders: readonly Buffer[]
  readonly recursive: boolean
  readonly sort: SortKey
  readonly reverse: boolean
}

async function list(context: CommandContext, args: readonly string[], flags: CommandFlags): Promise<void> {
  const wanted = readWanted(context, args, flags)
  const filter = readFilter(flags, context)
  await readRepository(context, async (repository: Repository, signal) => {
    const { id, subfolder } = splitSnapshotName(args[0] as string)
    const snapshot = await findSnapshot(repository, id, { filter, signal })
    const indexed = await loadIndex(repository, { signal })
    const trees = { loadTree: (tree: Buffer) => loadTree(indexed, tree, { signal }) }
    const tree = await findSubtree(trees, { tree: snapshot.tree, path: Buffer.from(subfolder) }, { signal })
    using lines = new LineWriter(context.printer.terminal)
    const listing = createListing(wanted.style, lines, context.printer)
    listing.begin({ ...snapshot, tree }, wanted.folders)
    const collected: ListedEntry[] | undefined = isSorted(wanted) ? [] : undefined
    const show = (entry: ListedEntry) => (collected ? collected.push(entry) : listing.entry(entry))
    const missing = new Set(wanted.folders.map((folder) => folder.toString('latin1')).filter((folder) => folder !== ''))
    await walkTree(indexed, tree, {
      signal,
      visit: ({ path, node }) => {
        if (missing.size > 0) missing.delete(path.toString('latin1'))
        return visit(
          wanted,
          path,
          () => show(listEntry(path, node)),
          () => listing.above?.(listEntry(path, node)),
        )
      },
    })
    for (const entry of sorted(collected ?? [], wanted)) listing.entry(entry)
    listing.end?.()
    const [first] = missing
    if (first !== undefined) throw new CliError('LS_NOT_FOUND', { path: Buffer.from(first, 'latin1').toString() })
  })
}

/** Says whether a folder is entered. `above` is for folders that only lead to what was asked for. */
function visit({ folders, recursive }: Wanted, path: Buffer, show: () => void, above: () => void): boolean {
  if (folders.length === 0) {
    show()
    return true
  }
  const isWithin = folders.some((folder) => isBelow(path, folder))
  const leadsOn = folders.some((folder) => isBelow(folder, path))
  if (isWithin) show()
  else if (leadsOn) above()
  return leadsOn || (isWithin && recursive)
}

/** True for the folder itself too. */
function isBelow(path: Buffer, folder: Buffer): boolean {
  if (folder.length === 0) return true
  if (!path.subarray(0, folder.length).equals(folder)) return false
  return path.length === folder.length || path[folder.length] === 0x2f
}

function isSorted({ sort, reverse }: Wanted): boolean {
  return sort !== 'name' || reverse
}

function sorted(entries: ListedEntry[], { sort, reverse }: Wanted): ListedEntry[] {
  const ordered = sort === 'name' ? entries : entries.sort(compareListed(sort))
  return reverse ? ordered.reverse() : ordered
}

function readWanted(context: CommandContext, [, ...folders]: readonly string[], flags: CommandFlags): Wanted {
  const sort = textOf(flags, 'sort') ?? 'name'
  const reverse = flags.reverse === true
  const isNcdu = flags.ncdu === true
  if (!isSortKey(sort)) throw context.refuse(`"${sort}" is nothing to sort by`)
  if (isNcdu && context.globals.json) throw context.refuse('--ncdu and --json exclude each other')
  if (isNcdu && (reverse || flags.sort !== undefined)) throw context.refuse('--ncdu cannot be sorted')
  const relative = folders.find((folder) => !folder.startsWith('/'))
  if (relative !== undefined)
    throw context.refuse(`folders are given by their absolute path, and "${relative}" is none`)
  const kind = context.globals.json ? 'json' : isNcdu ? 'ncdu' : 'text'
  return {
    style: { kind, long: flags.long === true, human: flags.humanReadable === true },
    folders: folders.map(cleanFolder),
    recursive: flags.recursive === true,
    sort,
    reverse,
  }
}

/** Without slashes at the end, and empty for the root. */
function cleanFolder(folder: string): Buffer {
  return Buffer.from(folder.replace(/\/+/g, '/').replace(/\/$/, ''))
}
