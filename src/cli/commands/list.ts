import type { FileType } from '#backend'
import { findSnapshot, findUsed, idToHex, loadIndex } from '#repository'
import type { Repository } from '#repository'
import type { CliCommand } from '../command.ts'
import { setHelp } from '../command.ts'
import { runs } from '../context.ts'
import type { CommandContext } from '../context.ts'
import { openForCommand, withLock } from '../open-repository.ts'
import { LineWriter } from '../printer.ts'
import { splitSnapshotName } from '../snapshot-flags.ts'

const kinds: Readonly<Record<string, FileType | 'blobs'>> = {
  blobs: 'blobs',
  packs: 'pack',
  index: 'index',
  snapshots: 'snapshot',
  keys: 'key',
  locks: 'lock',
}

export function define(command: CliCommand): void {
  setHelp(command, {
    text: `Lists the names of the objects of one kind: blobs, packs, index, snapshots, keys or locks. With a snapshot, the
packs that restoring it needs.`,
    examples: ['understudy list packs', 'understudy list packs latest', 'understudy list blobs'],
  })
  command.argument('<kind>', Object.keys(kinds).join(', '))
  command.argument('[snapshot]', 'with packs: only those of this snapshot')
  runs(command, list)
}

async function list(context: CommandContext, args: readonly string[]): Promise<void> {
  const [word = '', snapshot] = args
  const kind = Object.hasOwn(kinds, word) ? kinds[word] : undefined
  if (kind === undefined || args.length > (kind === 'pack' ? 2 : 1)) {
    throw context.refuse(
      `there is nothing called "${args.join(' ')}" to list; there are ${Object.keys(kinds).join(', ')}`,
    )
  }
  await using opened = await openForCommand(context)
  const { repository } = opened
  const skip = context.globals.noLock || kind === 'lock' // a lock of its own would be in the list
  await withLock(context, repository, { skip }, async (signal) => {
    using lines = new LineWriter(context.printer.terminal)
    if (kind === 'blobs') return await listBlobs(repository, lines, signal)
    if (snapshot !== undefined) return await listPacksOf(repository, snapshot, lines, signal)
    for await (const { name } of repository.backend.list(kind, { signal })) lines.line(name)
  })
}

async function listBlobs(repository: Repository, lines: LineWriter, signal: AbortSignal): Promise<void> {
  const { index } = await loadIndex(repository, { signal })
  for (let entry = 0; entry < index.size; entry++) {
    signal.throwIfAborted()
    lines.line(`${index.typeOf(entry)} ${idToHex(index.idOf(entry))}`)
  }
}

/** Of a blob that lies in several packs, all are listed. */
async function listPacksOf(
  repository: Repository,
  name: string,
  lines: LineWriter,
  signal: AbortSignal,
): Promise<void> {
  const { tree } = await findSnapshot(repository, splitSnapshotName(name).id, { signal })
  const indexed = await loadIndex(repository, { signal })
  const { index } = indexed
  const used = await findUsed(indexed, [tree], { signal })
  const packs = new Set<string>()
  for (let entry = 0; entry < index.size; entry++) {
    if (used.has(index.firstOf(entry))) packs.add(index.placeOf(entry).pack)
  }
  for (const pack of [...packs].toSorted()) lines.line(pack)
}
