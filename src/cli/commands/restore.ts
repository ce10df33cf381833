import { formatBytes } from '#base'
import { openFileTarget, targetModules } from '#filesystem'
import { executeRestore, findSubtree, planRestore, verifyRestored } from '#restorer'
import type { RestorePlan, Target } from '#restorer'
import { RepositoryReader, findSnapshot, loadIndex } from '#repository'
import type { CliCommand } from '../command.ts'
import { setHelp } from '../command.ts'
import { runs } from '../context.ts'
import type { CommandContext, CommandFlags } from '../context.ts'
import { CliError } from '../errors.ts'
import { LiveStatus } from '../live-status.ts'
import { defaultThreads, startThreads } from '../local-threads.ts'
import { readRepository } from '../open-repository.ts'
import { addRestoreFlags, readRestoreOptions } from '../restore-options.ts'
import type { RestoreOptions } from '../restore-options.ts'
import { RestoreReport } from '../restore-progress.ts'
import { readFilter, splitSnapshotName } from '../snapshot-flags.ts'
import { describeSnapshot } from '../snapshot-view.ts'

const text = `
Brings the files of a snapshot back into a folder. It first compares the snapshot with what is there and then writes only
what differs; a restore that was interrupted goes on where it stopped. Nothing is ever written outside the target. One
file that cannot be restored does not stop the others.`

export function define(command: CliCommand): void {
  setHelp(command, {
    text,
    examples: [
      'understudy restore latest --target /tmp/back',
      'understudy restore latest:/home/anna --target /home/anna --dry-run -vv',
      'understudy restore 1a2b3c4d --target / --include /etc/ssh --overwrite if-changed',
    ],
  })
  command.argument('<snapshot>', 'id of the snapshot, "latest", or id:folder')
  addRestoreFlags(command)
  runs(command, restore, { outlivesOutput: true })
}

async function restore(context: CommandContext, args: readonly string[], flags: CommandFlags): Promise<void> {
  const options = readRestoreOptions(context, flags)
  const filter = readFilter(flags, context)
  const { id, subfolder } = splitSnapshotName(args[0] as string)
  await using warm = startThreads(defaultThreads(), targetModules())
  await readRepository(context, async (repository, signal) => {
    const snapshot = await findSnapshot(repository, id, { filter, signal })
    const indexed = await loadIndex(repository, { signal })
    await using reader = new RepositoryReader(indexed, { threads: defaultThreads(), warm })
    const tree = await findSubtree(reader, { tree: snapshot.tree, path: Buffer.from(subfolder) }, { signal })
    const { printer } = context
    printer.say(`restoring ${describeSnapshot(snapshot)} to ${options.target}`)
    const { sparse, foreign, attributes, ownersByName } = options
    await using target = openFileTarget(options.target, { sparse, foreign, attributes, ownersByName })
    await restoreTree({ ...context, signal }, { reader, tree, target }, options)
  })
}

interface Ends {
  readonly reader: RepositoryReader
  readonly tree: Buffer
  readonly target: Target
}

async function restoreTree(context: CommandContext, ends: Ends, options: RestoreOptions): Promise<void> {
  const { reader, tree, target } = ends
  const { signal } = context
  const report = new RestoreReport(context)
  using status = new LiveStatus(context, () => report.view())
  const plan = await planRestore(reader, { tree }, target, {
    overwrite: options.overwrite,
    delete: options.delete,
    ...(options.select && { select: options.select }),
    signal,
    progress: (seen) => report.planning(seen),
    onProblem: (problem) => report.failed(problem),
  })
  report.planned(plan)
  report.printPlan(plan, options)
  warnOfSpace(context, plan, options)
  if (options.dryRun) {
    report.finishDryRun(plan)
    return failIf(plan.problems.count)
  }
  const result = await executeRestore(reader, plan, target, {
    signal,
    progress: (done) => report.progressed(done),
    onFailure: (failure) => report.failed(failure),
  })
  let failures = plan.problems.count + result.failed.count
  if (options.verify && !result.stopped) failures += await verify(context, ends, { plan, done: result.done, report })
  status[Symbol.dispose]()
  report.finish(result)
  if (result.stopped) throw result.stopped
  failIf(failures)
}

interface Restored {
  readonly plan: RestorePlan
  readonly done: Uint8Array
  readonly report: RestoreReport
}

async function verify(
  { printer, signal }: CommandContext,
  { reader, target }: Ends,
  { plan, done, report }: Restored,
): Promise<number> {
  printer.say(`verifying files in ${target.location}`)
  const { files, bytes, problems } = await verifyRestored(reader, plan, { done }, target, {
    signal,
    progress: (seen) => report.verified(seen),
    onProblem: (problem) => report.failed(problem),
  })
  printer.say(`finished verifying ${files} files (${formatBytes(bytes)})`)
  return problems.count
}

// Only a warning: holes, compression and what is deleted on the way may make it fit after all.
function warnOfSpace(
  { printer }: CommandContext,
  { counts, freeSpace }: RestorePlan,
  { target }: RestoreOptions,
): void {
  if (freeSpace === undefined || counts.spaceNeeded <= freeSpace) return
  const [needed, free] = [formatBytes(counts.spaceNeeded), formatBytes(freeSpace)]
  printer.error(`warning: the restore needs ${needed} at ${target}, where ${free} are free`)
}

function failIf(failures: number): void {
  if (failures > 0) throw new CliError('RESTORE_INCOMPLETE', { count: failures })
}
