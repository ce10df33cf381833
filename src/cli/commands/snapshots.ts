import { groupSnapshots, parseGroupBy } from '#policy'
import type { GroupBy } from '#policy'
import type { NamedSnapshot, Repository } from '#repository'
import type { CliCommand } from '../command.ts'
import { flag, setHelp, valueFlag } from '../command.ts'
import { runs, textOf } from '../context.ts'
import type { CommandContext, CommandFlags } from '../context.ts'
import { DamagedSnapshots } from '../damaged-snapshots.ts'
import { readRepository } from '../open-repository.ts'
import { addFilterFlags, findSnapshots, readFilter } from '../snapshot-flags.ts'
import { formatGroupHeader, formatSnapshots, listedSnapshot } from '../snapshot-view.ts'

export function define(command: CliCommand): void {
  setHelp(command, {
    text: 'Lists the snapshots: all, those with the given ids, or those that match the filters.',
    examples: ['understudy snapshots', 'understudy snapshots --host nas --latest 3', 'understudy snapshots --json'],
  })
  command.argument('[id...]', 'snapshots to show')
  addFilterFlags(command)
  command.addOption(flag('-c, --compact', 'one line for each, without paths'))
  command.addOption(valueFlag('--latest <n>', 'only the last n of each host and paths, or of each group'))
  command.addOption(flag('--last', 'the same as --latest 1').hideHelp())
  command.addOption(valueFlag('-g, --group-by <what>', 'group by host, paths and tags, separated by commas'))
  runs(command, listSnapshots)
}

interface ShownGroup {
  readonly label: ReturnType<typeof groupSnapshots>[number]['key']
  readonly snapshots: readonly NamedSnapshot[]
}

/** restic's default for `--latest` when nothing is grouped. */
const byHostAndPaths: GroupBy = { host: true, paths: true, tags: false }

async function listSnapshots(context: CommandContext, ids: readonly string[], flags: CommandFlags): Promise<void> {
  const groupBy = flags.groupBy === undefined ? undefined : parseGroupBy(flags.groupBy as string)
  const latest = readLatest(context, flags)
  const filter = readFilter(flags, context)
  const damaged = new DamagedSnapshots(context.printer)
  await readRepository(context, async (repository: Repository, signal) => {
    const snapshots = await findSnapshots(repository, { ids, filter, signal, onDamaged: damaged.passOver })
    print(context, groupAndCut(snapshots, groupBy, latest), { isGrouped: hasGroups(groupBy), flags })
  })
  damaged.throwIfAny()
}

function readLatest(context: CommandContext, flags: CommandFlags): number {
  const latest = textOf(flags, 'latest')
  if (latest === undefined) return flags.last === true ? 1 : Infinity
  if (!/^\d+$/.test(latest)) throw context.refuse(`"${latest}" is no number for --latest`)
  return Number(latest) || Infinity
}

function hasGroups(groupBy: GroupBy | undefined): groupBy is GroupBy {
  return groupBy !== undefined && (groupBy.host || groupBy.paths || groupBy.tags)
}

function groupAndCut(snapshots: readonly NamedSnapshot[], groupBy: GroupBy | undefined, latest: number): ShownGroup[] {
  const cut = (list: readonly NamedSnapshot[]) => (latest === Infinity ? list : list.slice(-latest))
  if (hasGroups(groupBy)) {
    return groupSnapshots(snapshots, groupBy).map(({ key, snapshots: list }) => ({ label: key, snapshots: cut(list) }))
  }
  const kept = new Set(groupSnapshots(snapshots, byHostAndPaths).flatMap(({ snapshots: list }) => cut(list)))
  const label = { hostname: '', paths: null, tags: null }
  return [{ label, snapshots: snapshots.filter((snapshot) => kept.has(snapshot)) }]
}

function print(
  { printer }: CommandContext,
  groups: readonly ShownGroup[],
  { isGrouped, flags }: { readonly isGrouped: boolean; readonly flags: CommandFlags },
): void {
  if (printer.isJson) {
    const list = (snapshots: readonly NamedSnapshot[]) => snapshots.map(listedSnapshot)
    if (!isGrouped) return printer.json(list(groups.flatMap(({ snapshots }) => snapshots)))
    return printer.json(groups.map(({ label, snapshots }) => ({ group_key: label, snapshots: list(snapshots) })))
  }
  for (const { label, snapshots } of groups) {
    const header = formatGroupHeader(label)
    if (header !== undefined) printer.result(header)
    for (const line of formatSnapshots(snapshots, { compact: flags.compact === true })) printer.result(line)
  }
}
