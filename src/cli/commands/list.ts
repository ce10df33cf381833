import type { FileType } from '#backend'
import { idToHex, loadIndex } from '#repository'
import type { Repository } from '#repository'
import type { CliCommand } from '../command.ts'
import { setHelp } from '../command.ts'
import { runs } from '../context.ts'
import type { CommandContext } from '../context.ts'
import { openForCommand, withLock } from '../open-repository.ts'
import { LineWriter } from '../printer.ts'

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
    text: 'Lists the names of the objects of one kind: blobs, packs, index, snapshots, keys or locks.',
    examples: ['understudy list packs', 'understudy list blobs'],
  })
  command.argument('<kind>', Object.keys(kinds).join(', '))
  runs(command, list)
}

async function list(context: CommandContext, args: readonly string[]): Promise<void> {
  const [word = ''] = args
  const kind = Object.hasOwn(kinds, word) ? kinds[word] : undefined
  if (kind === undefined || args.length > 1) {
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
