import { formatBytes, messageOf, printable } from '#base'
import { findSubtree } from '#restorer'
import { diffTrees, findSnapshot, goText, loadIndex, loadTree } from '#repository'
import type { DiffCounts, IndexedRepository, NamedSnapshot, Repository, TreeDiff } from '#repository'
import type { CliCommand } from '../command.ts'
import { flag, setHelp } from '../command.ts'
import { runs } from '../context.ts'
import type { CommandContext, CommandFlags } from '../context.ts'
import { CliError } from '../errors.ts'
import { encodeJson } from '../json.ts'
import { readRepository } from '../open-repository.ts'
import { LineWriter } from '../printer.ts'
import type { Printer } from '../printer.ts'
import { splitSnapshotName } from '../snapshot-flags.ts'
import { shortId } from '../words.ts'

const text = `
Shows what differs from the first snapshot to the second, one line each: + is new, - is gone, M has other content, U other
metadata (with --metadata), T is of another type, and ? has other content but exactly the same metadata, which may be a
fault of the disk. Folders are compared with snapshot:folder.`

export function define(command: CliCommand): void {
  setHelp(command, {
    text,
    examples: [
      'understudy diff 1a2b3c4d latest',
      'understudy diff --metadata 1a2b3c4d:/etc 5e6f7a8b:/etc',
      'understudy diff --json 1a2b3c4d 5e6f7a8b',
    ],
  })
  command.argument('<snapshot>', 'id of the first snapshot, "latest", or id:folder')
  command.argument('<other>', 'the same of the second')
  command.addOption(flag('--metadata', 'show what differs only in its metadata too'))
  runs(command, diff)
}

async function diff(context: CommandContext, names: readonly string[], flags: CommandFlags): Promise<void> {
  const { printer } = context
  const [source, target] = names as [string, string]
  let problems = 0
  await readRepository(context, async (repository, signal) => {
    const [first, second] = [await load(repository, source, signal), await load(repository, target, signal)]
    const shortNames = [first, second].map(({ snapshot }) => shortId(snapshot.id))
    printer.say(`comparing snapshot ${shortNames.join(' to ')}:`)
    printer.say('')
    const indexed = await loadIndex(repository, { signal })
    const trees = { before: await rootOf(indexed, first, signal), after: await rootOf(indexed, second, signal) }
    using lines = new LineWriter(printer.terminal)
    const difference = await diffTrees(indexed, trees, {
      metadata: flags.metadata === true,
      signal,
      onChange: changeWriter(printer, lines),
      onProblem: (error) => {
        problems++
        printer.error(`error: ${printable(messageOf(error), 4096)}`)
      },
    })
    if (printer.isJson) lines.line(encodeJson(statisticsFields(difference, { source, target })))
    else for (const line of describe(difference)) lines.line(line)
  })
  if (problems > 0) throw new CliError('TREES_UNREADABLE', { count: problems })
}

interface Named {
  readonly snapshot: NamedSnapshot
  readonly subfolder: string
}

async function load(repository: Repository, name: string, signal: AbortSignal): Promise<Named> {
  const { id, subfolder } = splitSnapshotName(name)
  return { snapshot: await findSnapshot(repository, id, { signal }), subfolder }
}

async function rootOf(repository: IndexedRepository, { snapshot, subfolder }: Named, signal: AbortSignal) {
  const trees = { loadTree: (tree: Buffer) => loadTree(repository, tree, { signal }) }
  return await findSubtree(trees, { tree: snapshot.tree, path: Buffer.from(subfolder) }, { signal })
}

function changeWriter({ isJson, verbosity }: Printer, lines: LineWriter): (path: Buffer, modifier: string) => void {
  if (verbosity === 0) return () => undefined
  if (isJson) {
    return (path, modifier) => lines.line(encodeJson({ message_type: 'change', path: goText(path), modifier }))
  }
  return (path, modifier) => lines.line(`${modifier.padEnd(5)}${printable(path, Infinity)}`)
}

function statisticsFields(
  { changedFiles, added, removed }: TreeDiff,
  { source, target }: { readonly source: string; readonly target: string },
): unknown {
  return {
    message_type: 'statistics',
    source_snapshot: source,
    target_snapshot: target,
    changed_files: changedFiles,
    added: countFields(added),
    removed: countFields(removed),
  }
}

function countFields({ files, dirs, others, dataBlobs, treeBlobs, bytes }: DiffCounts): unknown {
  return { files, dirs, others, data_blobs: dataBlobs, tree_blobs: treeBlobs, bytes }
}

function describe({ changedFiles, added, removed }: TreeDiff): string[] {
  const row = (what: string, fresh: number, gone: number, changed?: number) => {
    const [a, b] = [fresh, gone].map((number) => String(number).padStart(5))
    const more = changed === undefined ? '' : `, ${String(changed).padStart(5)} changed`
    return `${`${what}:`.padEnd(12)} ${a} new, ${b} removed${more}`
  }
  return [
    '',
    row('Files', added.files, removed.files, changedFiles),
    row('Dirs', added.dirs, removed.dirs),
    row('Others', added.others, removed.others),
    row('Data Blobs', added.dataBlobs, removed.dataBlobs),
    row('Tree Blobs', added.treeBlobs, removed.treeBlobs),
    `  Added:   ${formatBytes(added.bytes)}`,
    `  Removed: ${formatBytes(removed.bytes)}`,
  ]
}
