import { formatBytes, hasCode, messageOf, printable } from '#base'
import {
  executeIndexRepair,
  executePackRepair,
  loadSnapshot,
  planIndexRepair,
  planPackRepair,
  planSnapshotRepair,
  removeUnreadableSnapshot,
} from '#repository'
import type { HeldLock, Loss, NamedSnapshot, PackRepairPlan, PlannedPackRepair, Repository } from '#repository'
import type { CliCommand } from '../command.ts'
import { flag, setHelp } from '../command.ts'
import { runs } from '../context.ts'
import type { CommandContext, CommandFlags, CommandWork } from '../context.ts'
import { CliError } from '../errors.ts'
import { findFile } from '../find-file.ts'
import { printIndexPlan } from '../index-repair-view.ts'
import { StepStatus } from '../live-status.ts'
import { openForCommand, withLock } from '../open-repository.ts'
import { printPlanned, runRewrite } from '../run-rewrite.ts'
import { savePackCopy } from '../save-pack-copy.ts'
import { addFilterFlags, findSnapshots, readFilter } from '../snapshot-flags.ts'
import { describeSnapshot } from '../snapshot-view.ts'
import { count, shortId } from '../words.ts'

const text = `
Mends a repository that is damaged, in this order: "repair index", "repair packs" with the ids that check names, a new
backup (it stores again what it still finds at the source), and then "repair snapshots". Each shows its plan first, changes nothing that it
can leave, believes in damage only when it sees it at two different times, and stores what is new before anything goes.`

export function define(command: CliCommand): void {
  setHelp(command, { text, examples: ['understudy check --read-data', 'understudy repair index --dry-run'] })
  defineIndex(command.command('index'))
  definePacks(command.command('packs'))
  defineSnapshots(command.command('snapshots'))
}

const dryRunFlag = () => flag('-n, --dry-run', 'change nothing, only show the plan')

function defineIndex(command: CliCommand): void {
  command.summary('write what is missing or wrong in the index anew')
  setHelp(command, {
    text: `Writes what is missing or wrong in the index anew, from the packs. Index files that are right stay untouched. Packs that
wait to be deleted go on waiting, unless a snapshot needs them.`,
    examples: ['understudy repair index', 'understudy repair index --read-all-packs'],
    exitCodes: { 1: 'It failed, or a pack could not be read.' },
  })
  command.addOption(flag('--read-all-packs', 'hold the header of every pack against the index'))
  command.addOption(dryRunFlag())
  runs(command, repairing('index', false, repairIndex), { outlivesOutput: true })
}

function definePacks(command: CliCommand): void {
  command.summary('save what is intact in damaged packs')
  setHelp(command, {
    text: `Copies the intact blobs of damaged packs into new ones, and removes the damaged packs. A copy of each is saved in the
current folder. Packs that are sound after all stay as they are.`,
    examples: ['understudy repair packs 4a1c2d…'],
    exitCodes: { 1: 'It failed, or a pack was left as it is.' },
  })
  command.argument('<id...>', 'packs to repair, as "check --read-data" names them')
  command.addOption(dryRunFlag())
  runs(command, repairing('packs', true, repairPacks), { outlivesOutput: true })
}

function defineSnapshots(command: CliCommand): void {
  command.summary('make new snapshots without what is lost')
  setHelp(command, {
    text: `Makes new snapshots of those that miss something, without what is lost: files are cut to what is there of them, folders that
cannot be read become empty. The originals stay, and the new ones have the tag "repaired"; with --forget the originals go.
A new backup before this may bring back what is missing.`,
    examples: ['understudy repair snapshots --dry-run', 'understudy repair snapshots --forget 1a2b3c4d'],
  })
  command.argument('[id...]', 'snapshots to repair')
  command.addOption(flag('--forget', 'remove the originals when the new snapshots are stored'))
  command.addOption(dryRunFlag())
  addFilterFlags(command)
  runs(command, repairing('snapshots', true, repairSnapshots), { outlivesOutput: true })
}

interface RepairRun {
  readonly args: readonly string[]
  readonly flags: CommandFlags
  readonly dryRun: boolean
  /** Undefined for a dry run that takes none. */
  readonly lock: HeldLock | undefined
}

/** A repair under the exclusive lock and without a cache: what counts is what the storage has. */
function repairing(
  name: string,
  takesArguments: boolean,
  work: (context: CommandContext, repository: Repository, run: RepairRun) => Promise<void>,
): CommandWork {
  return async (context, args, flags) => {
    const dryRun = flags.dryRun === true
    if (args.length > 0 && !takesArguments) throw context.refuse(`repair ${name} takes no arguments`)
    if (context.globals.noLock && !dryRun) throw context.refuse('a repair goes without a lock only with --dry-run')
    await using opened = await openForCommand(context, { cache: 'none' })
    const { repository } = opened
    const wish = { exclusive: true, skip: dryRun && context.globals.noLock }
    await withLock(context, repository, wish, (signal, lock) =>
      work({ ...context, signal }, repository, { args, flags, dryRun, lock }),
    )
  }
}

const repairSteps = {
  'load index': { title: 'loading indexes...', unit: 'index files' },
  'read packs': { title: 'reading packs', unit: 'packs' },
  'find used blobs': { title: 'finding data that is in use', unit: 'trees' },
  'save copies': { title: 'saving copies of damaged packs in the current folder', unit: 'packs' },
  salvage: { title: 'salvaging intact data', unit: 'packs' },
  'write index': { title: 'rebuilding index', unit: 'steps' },
  'delete packs': { title: 'removing damaged packs', unit: 'packs' },
}

async function repairIndex(context: CommandContext, repository: Repository, run: RepairRun): Promise<void> {
  const { printer, signal } = context
  const { flags, dryRun, lock } = run
  using status = new StepStatus(context, repairSteps)
  const readAllPacks = flags.readAllPacks === true
  const plan = await planIndexRepair(repository, { readAllPacks, signal, onProgress: status.report })
  status[Symbol.dispose]()
  printIndexPlan(printer, plan)
  const done = !dryRun && lock && !plan.isEmpty ? await executeIndexRepair(plan, { lock, signal }) : undefined
  if (printer.isJson)
    printer.json({ message_type: 'summary', dry_run: dryRun, ...(done ?? { written: 0, removed: 0 }) })
  if (done) printer.say(`wrote ${count(done.written, 'index file')}, removed ${done.removed}`)
  else printer.say(plan.isEmpty ? 'the index is left as it is' : 'nothing was changed: this was a dry run')
  const left = plan.packs.filter(({ fate }) => fate === 'unreadable' || fate === 'unsteady').length
  if (left > 0) throw new CliError('REPAIR_LEFT', { count: left })
}

async function repairPacks(context: CommandContext, repository: Repository, run: RepairRun): Promise<void> {
  const { printer, signal, globals } = context
  const { args, dryRun, lock } = run
  using status = new StepStatus(context, repairSteps)
  const plan = await planPackRepair(repository, args, { signal, onProgress: status.report })
  for (const pack of plan.packs) printPackPlan(context, pack)
  if (!dryRun && lock && !plan.isEmpty) {
    const keepCopy = async (name: string, content: AsyncIterable<Buffer>) => {
      printer.say(`saved a copy: ${printable(await savePackCopy(process.cwd(), name, content), Infinity)}`)
    }
    const { salvagedBlobs, deletedPacks } = await executePackRepair(plan, {
      lock,
      packSize: globals.packSize,
      keepCopy,
      signal,
      onProgress: status.report,
    })
    printer.say(`salvaged ${count(salvagedBlobs, 'blob')}, removed ${count(deletedPacks, 'damaged pack')}`)
    if (plan.packs.some(({ lost }) => lost.length > 0)) printer.say(afterLoss)
  } else printer.say(plan.isEmpty ? 'nothing is changed' : 'nothing was changed: this was a dry run')
  if (printer.isJson) printer.json(packSummary(plan, dryRun))
  const left = plan.packs.filter(({ fate }) => fate === 'unsteady').length
  if (left > 0) throw new CliError('REPAIR_LEFT', { count: left })
}

const afterLoss =
  'Back up again now: what is still at the source is stored anew. Then run `understudy repair snapshots`.'

function packSummary({ packs }: PackRepairPlan, dryRun: boolean): unknown {
  const fields = packs.map(({ name, fate, reasons, intact, elsewhere, lost }) => {
    return { id: name, fate, reasons, intact: intact.length, elsewhere, lost }
  })
  return { message_type: 'summary', dry_run: dryRun, packs: fields }
}

function printPackPlan({ printer }: CommandContext, pack: PlannedPackRepair): void {
  const { name, fate, reasons, size, intact, elsewhere, lost, onlyWhenReadAgain } = pack
  const why = printable(reasons.join('; '), 1000).replace(/\.$/, '')
  const blobs = `${count(intact.length, 'blob')} to salvage, ${elsewhere} whole in other packs, ${lost.length} lost`
  const lines = {
    salvage: `pack ${name} (${formatBytes(size)}) is damaged: ${why}\n  ${blobs}`,
    forget: `pack ${name} is missing, and leaves the index; ${elsewhere} of its blobs are whole in other packs, ${lost.length} lost`,
    reindex: `pack ${name} is sound, and the index is wrong about it; it is named anew`,
    sound: `pack ${name} is sound, and stays as it is`,
    unsteady: `pack ${name} was wrong at both looks, each time in another way (${why}); it stays as it is: look at the disk and the line`,
  }
  printer.say(lines[fate])
  if (onlyWhenReadAgain) printer.error(`warning: the pack ${name} was right only when it was read again`)
  for (const { type, id } of lost) printer.say(`  lost: ${type} blob ${id}`)
}

async function repairSnapshots(context: CommandContext, repository: Repository, run: RepairRun): Promise<void> {
  const { printer, signal } = context
  const { args, flags, dryRun, lock } = run
  const forget = flags.forget === true
  const { snapshots, unreadable } = await chooseSnapshots(context, repository, run)
  using status = new StepStatus(context, repairSteps)
  let losses = 0
  const plan = await planSnapshotRepair(repository, snapshots, {
    forget,
    signal,
    onProgress: status.report,
    onSnapshot: (snapshot) => {
      losses = 0
      printer.say(`\n${describeSnapshot(snapshot)}`)
    },
    onLoss: (loss) => {
      losses++
      printLoss(context, loss)
    },
    onPlanned: (planned) => {
      if (planned.hasNewTrees && losses === 0) printer.say('  loses what it shares with snapshots above')
      printPlanned(context, planned, forget)
    },
  })
  status[Symbol.dispose]()
  await runRewrite(context, plan, { dryRun, lock })
  for (const [id, error] of unreadable) {
    // Only one that is named goes: nobody knows what an unreadable one is of.
    const isNamed = forget && args.some((name) => id.startsWith(name))
    if (!isNamed)
      printer.error(`error: ${messageOf(error)} \`understudy repair snapshots --forget ${shortId(id)}\` removes it.`)
    else if (dryRun || !lock) printer.say(`would remove the unreadable snapshot ${shortId(id)}`)
    else {
      await removeUnreadableSnapshot(repository, id, { first: error, lock, signal })
      printer.say(`removed the unreadable snapshot ${shortId(id)}`)
      unreadable.delete(id)
    }
  }
  if (unreadable.size > 0 && !dryRun) throw new CliError('SNAPSHOTS_DAMAGED', { count: unreadable.size })
}

interface Chosen {
  readonly snapshots: readonly NamedSnapshot[]
  /** By id. */
  readonly unreadable: Map<string, Error>
}

async function chooseSnapshots(
  context: CommandContext,
  repository: Repository,
  { args, flags }: RepairRun,
): Promise<Chosen> {
  const { signal } = context
  const filter = readFilter(flags, context)
  const unreadable = new Map<string, Error>()
  const onDamaged = (id: string, error: Error) => void unreadable.set(id, error)
  if (args.length === 0)
    return { snapshots: await findSnapshots(repository, { ids: [], filter, signal, onDamaged }), unreadable }
  const found = new Map<string, NamedSnapshot>()
  for (const name of args) {
    try {
      for (const snapshot of await findSnapshots(repository, { ids: [name], filter, signal }))
        found.set(snapshot.id, snapshot)
    } catch (thrown) {
      if (!hasCode(thrown, 'FILE_DAMAGED') || name.startsWith('latest')) throw thrown
      const id = await findFile(repository.backend, 'snapshot', name, { signal })
      const again = await loadSnapshot(repository, id, { signal }).catch((error: Error) => error)
      if (again instanceof Error) onDamaged(id, again)
      else found.set(id, again)
    }
  }
  return { snapshots: [...found.values()], unreadable }
}

function printLoss({ printer }: CommandContext, loss: Loss): void {
  const path = printable(loss.path, Infinity)
  if (printer.isJson) {
    const { path: raw, ...about } = loss
    return printer.json({ message_type: 'loss', ...about, path: raw.toString('utf8') })
  }
  if (loss.kind === 'content') {
    const left = `${formatBytes(loss.bytes)} of ${formatBytes(loss.before)} are left`
    return printer.say(`  file ${path}: ${left}, ${count(loss.blobs, 'blob is', 'blobs are')} missing`)
  }
  if (loss.kind === 'size') {
    return printer.say(`  file ${path}: its size is noted anew, ${loss.bytes} bytes instead of ${loss.before}`)
  }
  const reason = printable(loss.reason, 1000)
  if (loss.kind === 'entry') return printer.say(`  entry ${path}: left out, ${reason}`)
  printer.say(`  folder ${path}: what cannot be read of it is left out. ${reason}`)
}
