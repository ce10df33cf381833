import { changeSnapshots, loadSnapshots } from '#repository'
import type { HeldLock, NamedSnapshot, Repository } from '#repository'
import { changeTags } from '../change-tags.ts'
import type { TagChange } from '../change-tags.ts'
import type { CliCommand } from '../command.ts'
import { listFlag, setHelp } from '../command.ts'
import { runs } from '../context.ts'
import type { CommandContext, CommandFlags } from '../context.ts'
import { DamagedSnapshots } from '../damaged-snapshots.ts'
import { openForCommand, withLock } from '../open-repository.ts'
import { addFilterFlags, findSnapshots, readFilter, readTagLists } from '../snapshot-flags.ts'
import { count } from '../words.ts'

const text = `
Changes the tags of snapshots: of all, of those with the given ids, or of those that match the filters. A changed snapshot
has another id; it remembers the one that it had first, so that copies of it are known again.`

export function define(command: CliCommand): void {
  setHelp(command, {
    text,
    examples: [
      'understudy tag --add keep 1a2b3c4d',
      "understudy tag --host nas --set ''",
      'understudy tag --remove old,test',
    ],
  })
  command.argument('[id...]', 'snapshots to change')
  command.addOption(listFlag('--set <tag[,tag…]>', "tags that take the place of all others; '' for none"))
  command.addOption(listFlag('--add <tag[,tag…]>', 'tags to add'))
  command.addOption(listFlag('--remove <tag[,tag…]>', 'tags to remove'))
  addFilterFlags(command)
  runs(command, tag, { outlivesOutput: true })
}

async function tag(context: CommandContext, ids: readonly string[], flags: CommandFlags): Promise<void> {
  const change = readChange(context, flags)
  await using opened = await openForCommand(context)
  const { repository } = opened
  await withLock(context, repository, { exclusive: true }, (signal, lock) =>
    changeAll({ ...context, signal }, repository, { ids, flags, change, lock: lock as HeldLock }),
  )
}

function readChange(context: CommandContext, flags: CommandFlags): TagChange {
  const { set: given } = flags
  const read = (lists: unknown) =>
    readTagLists(lists)
      .flat()
      .filter((name) => name !== '')
  const [set, add, remove] = [read(given), read(flags.add), read(flags.remove)]
  if (given !== undefined) {
    if (add.length + remove.length > 0) throw context.refuse('--set and --add or --remove exclude each other')
    return { set }
  }
  if (flags.add !== undefined || flags.remove !== undefined) return { add, remove }
  throw context.refuse('there is nothing to do; name tags with --add, --remove or --set')
}

interface TagRun {
  readonly ids: readonly string[]
  readonly flags: CommandFlags
  readonly change: TagChange
  readonly lock: HeldLock
}

async function changeAll(
  context: CommandContext,
  repository: Repository,
  { ids, flags, change, lock }: TagRun,
): Promise<void> {
  const { printer, signal } = context
  const damaged = new DamagedSnapshots(printer)
  const filter = readFilter(flags, context)
  const chosen = await findSnapshots(repository, { ids, filter, signal, onDamaged: damaged.passOver })
  const changes = chosen.flatMap((snapshot) => {
    const tags = changeTags(snapshot.tags, change)
    return tags ? [{ snapshot, change: { tags } }] : []
  })
  const all = await loadSnapshots(repository, { signal, onDamaged: () => undefined })
  const onChanged = ({ id: before }: NamedSnapshot, id: string) => {
    if (printer.isJson) printer.json({ message_type: 'changed', old_snapshot_id: before, new_snapshot_id: id })
    printer.detail(`old snapshot ID: ${before} -> new snapshot ID: ${id}`)
  }
  await changeSnapshots(repository, changes, { lock, all, onChanged, signal })
  if (printer.isJson) printer.json({ message_type: 'summary', changed_snapshots: changes.length })
  printer.say(changes.length === 0 ? 'no snapshots were modified' : `modified ${count(changes.length, 'snapshot')}`)
  damaged.throwIfAny()
}
