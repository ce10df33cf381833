import { printable } from '#base'
import { archiveFormats, dumpFile, dumpFolder, findForDump, findSubtree } from '#restorer'
import type { ArchiveFormat } from '#restorer'
import { ContentLoader, TreeLoader, findSnapshot, loadIndex } from '#repository'
import type { CliCommand } from '../command.ts'
import { setHelp, valueFlag } from '../command.ts'
import { runs, textOf } from '../context.ts'
import type { CommandContext, CommandFlags } from '../context.ts'
import { openDumpOutput } from '../dump-output.ts'
import { defaultThreads } from '../local-threads.ts'
import { readRepository } from '../open-repository.ts'
import { addFilterFlags, latestNote, readFilter, splitSnapshotName } from '../snapshot-flags.ts'

const text = `
Prints a file of a snapshot, or a folder as an archive, to standard output or into a file. "/" is the whole snapshot. The
names in an archive are whole paths; with snapshot:folder they begin in that folder. A tar keeps everything (times to the
nanosecond, owners, attributes, ACLs, hard links, devices), a zip names, times, modes and symlinks.`

export function define(command: CliCommand): void {
  setHelp(command, {
    text,
    examples: [
      'understudy dump latest /etc/fstab',
      'understudy dump latest /home/anna > anna.tar',
      'understudy dump --archive zip --target photos.zip latest:/home/anna/photos /',
    ],
  })
  command.argument('<snapshot>', 'id of the snapshot, "latest", or id:folder')
  command.argument('<path>', 'file or folder in it')
  addFilterFlags(command, { note: latestNote })
  command.addOption(valueFlag('-a, --archive <format>', 'of a folder: tar or zip (default: tar)'))
  command.addOption(valueFlag('-t, --target <file>', 'write to this file instead of standard output'))
  runs(command, dump)
}

async function dump(context: CommandContext, args: readonly string[], flags: CommandFlags): Promise<void> {
  const { printer } = context
  const [name, path] = args as [string, string]
  const format = (textOf(flags, 'archive') ?? 'tar') as ArchiveFormat
  if (!archiveFormats.includes(format)) throw context.refuse(`"${format}" is no archive format; there are tar and zip`)
  const filter = readFilter(flags, context)
  const target = textOf(flags, 'target')
  const { id, subfolder } = splitSnapshotName(name)
  await readRepository(context, async (repository, signal) => {
    const snapshot = await findSnapshot(repository, id, { filter, signal })
    const indexed = await loadIndex(repository, { signal })
    await using contents = new ContentLoader(indexed, { threads: defaultThreads() })
    const loader = new TreeLoader(indexed)
    const trees = { loadTree: (tree: Buffer) => loader.loadById(tree, { signal }) }
    const tree = await findSubtree(trees, { tree: snapshot.tree, path: Buffer.from(subfolder) }, { signal })
    const found = await findForDump({ trees }, { tree, path }, { signal })
    if (found.kind === 'folder' && target === undefined && printer.terminal.isTerminal) {
      throw context.refuse('an archive is nothing for a terminal: send it to a program or a file, or use --target')
    }
    await using output = await openDumpOutput(printer.terminal, target)
    const options = { write: output.write, signal }
    if (found.kind === 'file') await dumpFile({ trees, contents }, found, options)
    else {
      const onLeftOut = (entry: Buffer) =>
        printer.error(`left out, because a ${format} file cannot hold it: ${printable(entry, Infinity)}`)
      await dumpFolder({ trees, contents }, found, { ...options, format, onLeftOut })
    }
    await output.finish()
  })
}
