import type { WarmThreads } from '#base'
import { describeGroup, groupSnapshots, planForget, removedBy } from '#policy'
import type { ForgetGroup, ForgetPlan } from '#policy'
import { forgetSnapshots, loadSnapshots } from '#repository'
import type { HeldLock, NamedSnapshot, PruneLimits, Repository } from '#repository'
import type { CliCommand } from '../command.ts'
import { setHelp } from '../command.ts'
import { runs } from '../context.ts'
import type { CommandContext, CommandFlags } from '../context.ts'
import { DamagedSnapshots } from '../damaged-snapshots.ts'
import { addForgetFlags, describePolicy, readGroupBy, readPolicy } from '../forget-options.ts'
import { startThreads } from '../local-threads.ts'
import { openForCommand, withLock } from '../open-repository.ts'
import { addPruneFlags, readPruneLimits } from '../prune-options.ts'
import { runPrune } from '../run-prune.ts'
import { findSnapshots, isEmptyFilter, readFilter } from '../snapshot-flags.ts'
import { formatGroupHeader, formatSnapshots, listedSnapshot } from '../snapshot-view.ts'
import { count, shortId } from '../words.ts'

const text = `
Removes snapshots: those with the given ids, or by a policy. For a policy the snapshots are divided into groups (of one
host and the same paths); in each it keeps what any --keep flag says and removes the others. A policy never removes the
last snapshot of a group. The data goes with the next prune, or at once with --prune.`

export function define(command: CliCommand): void {
  setHelp(command, {
    text,
    examples: [
      'understudy forget --keep-daily 7 --keep-weekly 5 --keep-monthly 12 --dry-run',
      'understudy forget --keep-within 2m --host nas --prune',
      'understudy forget 1a2b3c4d',
    ],
  })
  command.argument('[id...]', 'snapshots to remove, whatever the policy')
  addForgetFlags(command)
  addPruneFlags(command)
  runs(command, forget, { outlivesOutput: true })
}

async function forget(context: CommandContext, ids: readonly string[], flags: CommandFlags): Promise<void> {
  const dryRun = flags.dryRun === true
  const limits = readPruneLimits(context, flags)
  if (context.globals.noLock && !dryRun) throw context.refuse('forget goes without a lock only with --dry-run')
  await using warm = flags.prune === true && !dryRun ? startThreads() : undefined
  await using opened = await openForCommand(context)
  const { repository } = opened
  const wish = { exclusive: true, reads: true, skip: dryRun && context.globals.noLock }
  await withLock(context, repository, wish, async (signal, lock) => {
    const inner = { ...context, signal }
    const damaged = new DamagedSnapshots(context.printer)
    const removed =
      ids.length > 0
        ? await forgetByIds(inner, repository, { ids, flags, lock })
        : await forgetByPolicy(inner, repository, { flags, lock, damaged })
    damaged.throwIfAny()
    if (removed.size > 0 && flags.prune === true)
      await pruneAfter(inner, repository, { removed, limits, dryRun, lock, warm })
  })
}

interface PruneAfter {
  readonly removed: ReadonlySet<string>
  readonly limits: PruneLimits
  readonly dryRun: boolean
  readonly lock: HeldLock | undefined
  readonly warm: WarmThreads | undefined
}

async function pruneAfter(
  context: CommandContext,
  repository: Repository,
  { removed, limits, dryRun, lock, warm }: PruneAfter,
): Promise<void> {
  const { printer } = context
  if (dryRun) {
    printer.say(`${count(removed.size, 'snapshot')} would be removed, and prune would run then`)
    return await runPrune(context, repository, { limits, dryRun, without: removed, lock })
  }
  printer.say(`${count(removed.size, 'snapshot')} have been removed, running prune`)
  await runPrune(context, repository, { limits, dryRun, lock, warm })
}

interface ForgetRun {
  readonly flags: CommandFlags
  readonly lock: HeldLock | undefined
  readonly damaged: DamagedSnapshots
}

async function forgetByIds(
  context: CommandContext,
  repository: Repository,
  { ids, flags, lock }: Pick<ForgetRun, 'flags' | 'lock'> & { readonly ids: readonly string[] },
): Promise<ReadonlySet<string>> {
  const { signal, printer } = context
  const filter = readFilter(flags, context)
  const chosen = await findSnapshots(repository, { ids, filter, signal })
  if (!ids.includes('latest') && !isEmptyFilter(filter) && (flags.host ?? flags.tag ?? flags.path) !== undefined) {
    throw context.refuse('ids and filters exclude each other')
  }
  const all = await loadSnapshots(repository, { signal, onDamaged: () => undefined })
  const going = new Set(chosen.map(({ id }) => id))
  for (const { key, snapshots } of groupSnapshots(all, readGroupBy(flags))) {
    if (snapshots.every(({ id }) => going.has(id)))
      printer.error(`warning: no snapshot is left of ${describeGroup(key)}`)
  }
  await remove(context, repository, { going, mustLeave: 0, dryRun: flags.dryRun === true, lock })
  return going
}

async function forgetByPolicy(
  context: CommandContext,
  repository: Repository,
  { flags, lock, damaged }: ForgetRun,
): Promise<ReadonlySet<string>> {
  const { signal, printer } = context
  const filter = readFilter(flags, context)
  const policy = readPolicy(flags)
  const snapshots = await findSnapshots(repository, { ids: [], filter, signal, onDamaged: damaged.passOver })
  const plan = planForget(snapshots, policy, {
    groupBy: readGroupBy(flags),
    now: Date.now(),
    allowRemoveAll: flags.unsafeAllowRemoveAll === true,
    filtered: !isEmptyFilter(filter),
  })
  printer.say(`Applying Policy: ${describePolicy(policy)}`)
  for (const group of plan.groups) printGroup(context, group, flags)
  const going = new Set(removedBy(plan).map(({ id }) => id))
  const mustLeave = snapshots.length + damaged.count - going.size
  await remove(context, repository, { going, mustLeave, dryRun: flags.dryRun === true, lock })
  if (printer.isJson && plan.groups.length > 0) printer.json(planFields(plan))
  return going
}

interface Removal {
  readonly going: ReadonlySet<string>
  readonly mustLeave: number
  readonly dryRun: boolean
  readonly lock: HeldLock | undefined
}

async function remove(
  { printer, signal }: CommandContext,
  repository: Repository,
  { going, mustLeave, dryRun, lock }: Removal,
): Promise<void> {
  if (going.size === 0) return
  if (dryRun || !lock) {
    const names = [...going].map(shortId).join(' ')
    return printer.say(`Would have removed the following snapshots:\n${names}\n`)
  }
  const onForgotten = (id: string) => printer.trace(`removed snapshot ${id}`)
  await forgetSnapshots(repository, going, { lock, mustLeave, onForgotten, signal })
  printer.say(`removed ${count(going.size, 'snapshot')}`)
}

function printGroup(
  { printer }: CommandContext,
  { key, keep, remove: going }: ForgetGroup<NamedSnapshot>,
  flags: CommandFlags,
) {
  if (printer.isJson) return
  const header = formatGroupHeader(key)
  if (header !== undefined) printer.say(header)
  const compact = flags.compact === true
  const print = (
    title: string,
    snapshots: readonly NamedSnapshot[],
    reasons?: ReadonlyMap<string, readonly string[]>,
  ) => {
    if (snapshots.length === 0) return
    printer.say(title)
    for (const line of formatSnapshots(snapshots, { compact, ...(reasons && { reasons }) })) printer.say(line)
    printer.say('')
  }
  const reasons = new Map(keep.map(({ snapshot, matches }) => [snapshot.id, matches]))
  print(
    `keep ${count(keep.length, 'snapshot')}:`,
    keep.map(({ snapshot }) => snapshot),
    reasons,
  )
  print(`remove ${count(going.length, 'snapshot')}:`, going)
}

/** restic's fields; a list without entries is null there. */
function planFields({ groups }: ForgetPlan<NamedSnapshot>): unknown {
  const list = <Item>(items: readonly Item[]) => (items.length > 0 ? items : null)
  return groups.map(({ key, keep, remove: going }) => ({
    tags: key.tags,
    host: key.hostname,
    paths: key.paths,
    keep: list(keep.map(({ snapshot }) => listedSnapshot(snapshot))),
    remove: list(going.map(listedSnapshot)),
    reasons: list(keep.map(({ snapshot, matches }) => ({ snapshot: listedSnapshot(snapshot), matches }))),
  }))
}
