import { formatBytes } from '#base'
import type { WarmThreads } from '#base'
import { chooseForCopy, copySnapshots, loadIndex, loadSnapshots } from '#repository'
import type { CopyChoice, HeldLock, Repository } from '#repository'
import type { CliCommand } from '../command.ts'
import { flag, setHelp } from '../command.ts'
import { runs } from '../context.ts'
import type { CommandContext, CommandFlags } from '../context.ts'
import { DamagedSnapshots } from '../damaged-snapshots.ts'
import { addFromFlags, fromPlace, isNamed } from '../from-repository.ts'
import { StepStatus } from '../live-status.ts'
import { defaultThreads, startThreads } from '../local-threads.ts'
import { openForCommand, withLock } from '../open-repository.ts'
import { addFilterFlags, findSnapshots, readFilter } from '../snapshot-flags.ts'
import { describeSnapshot } from '../snapshot-view.ts'
import { count, shortId } from '../words.ts'

const text = `
Copies snapshots from another repository (--from-repo) into this one: all, those with the given ids, or those that match the
filters. What has been copied before is passed over, so it can run again and again, and goes on where it was interrupted.
Every piece of data is opened and proven before it is stored. So that new backups and copies share their data, make the
repository with init --copy-chunker-params.`

export function define(command: CliCommand): void {
  setHelp(command, {
    text,
    examples: [
      'understudy -r /mnt/second copy --from-repo /mnt/first --from-password-file ~/.first-password',
      'understudy -r rest:https://backup.example/nas/ copy --from-repo /mnt/first --host nas latest',
    ],
  })
  command.argument('[id...]', 'snapshots to copy')
  addFromFlags(command)
  addFilterFlags(command)
  command.addOption(flag('-n, --dry-run', 'change nothing, only show which snapshots would be copied'))
  runs(command, copy, { outlivesOutput: true })
}

async function copy(context: CommandContext, ids: readonly string[], flags: CommandFlags): Promise<void> {
  const place = fromPlace(context, flags)
  if (!isNamed(place)) throw context.refuse('copy wants the repository to copy from, by --from-repo')
  const dryRun = flags.dryRun === true
  await using warm = dryRun ? undefined : startThreads()
  await using source = await openForCommand(context, { place })
  await using target = await openForCommand(context)
  warnOfOtherCuts(context, source.repository, target.repository)
  await withLock(context, source.repository, { skip: context.globals.noLock }, (signal) =>
    withLock({ ...context, signal }, target.repository, { skip: dryRun && context.globals.noLock }, (inner, lock) =>
      copyBetween(
        { ...context, signal: inner },
        { source: source.repository, target: target.repository, lock, warm },
        {
          ids,
          flags,
        },
      ),
    ),
  )
}

function warnOfOtherCuts({ printer }: CommandContext, source: Repository, target: Repository): void {
  if (source.polynomial === target.polynomial) return
  printer.error(
    'warning: the two repositories cut files at different places, so copied snapshots and new backups share no data ' +
      'of large files; a repository made with init --copy-chunker-params would.',
  )
}

interface Between {
  readonly source: Repository
  readonly target: Repository
  readonly lock: HeldLock | undefined
  readonly warm: WarmThreads | undefined
}

interface CopyRequest {
  readonly ids: readonly string[]
  readonly flags: CommandFlags
}

async function copyBetween(context: CommandContext, between: Between, { ids, flags }: CopyRequest): Promise<void> {
  const { printer, signal } = context
  const damaged = new DamagedSnapshots(printer)
  const filter = readFilter(flags, context)
  const chosen = await findSnapshots(between.source, { ids, filter, signal, onDamaged: damaged.passOver })
  const choice = chooseForCopy(chosen, await loadSnapshots(between.target, { signal, onDamaged: damaged.passOver }))
  printSkipped(context, choice)
  if (flags.dryRun === true || !between.lock) printWouldCopy(context, choice)
  else await carryOut(context, { ...between, lock: between.lock }, choice)
  damaged.throwIfAny()
}

function printSkipped({ printer }: CommandContext, { copied }: CopyChoice): void {
  for (const { snapshot, as } of copied) {
    printer.detail(`\n${describeSnapshot(snapshot)}`)
    printer.detail(`skipping source snapshot ${shortId(snapshot.id)}, was already copied to snapshot ${shortId(as.id)}`)
  }
}

function printWouldCopy({ printer }: CommandContext, { toCopy, copied }: CopyChoice): void {
  for (const snapshot of toCopy) {
    if (printer.isJson) printer.json({ message_type: 'would_copy', source_snapshot: snapshot.id })
    printer.say(`would copy ${describeSnapshot(snapshot)}`)
  }
  printer.say(`would copy ${count(toCopy.length, 'snapshot')}; ${copied.length} are there already`)
}

async function carryOut(
  context: CommandContext,
  { source, target, lock, warm }: Between & { readonly lock: HeldLock },
  { toCopy, copied }: CopyChoice,
): Promise<void> {
  const { printer, signal, globals } = context
  using status = new StepStatus(context, { copy: { title: '  copy started, this may take a while...', unit: 'bytes' } })
  const [from, into] = [await loadIndex(source, { signal }), await loadIndex(target, { signal })]
  let [done, total] = [0, 0]
  const added = await copySnapshots(from, into, {
    snapshots: toCopy,
    threads: defaultThreads(),
    warm,
    packSize: globals.packSize,
    lock,
    signal,
    onSnapshot: (snapshot, needed) => {
      printer.say(`\n${describeSnapshot(snapshot)}`)
      printer.detail(`  copy ${count(needed.count, 'blob')} with disk size ${formatBytes(needed.bytes)}`)
      total += needed.bytes
    },
    onProgress: (bytes) => {
      done += bytes
      status.report('copy', done, total)
    },
    onCopied: ({ id }, saved) => {
      if (printer.isJson) printer.json({ message_type: 'copied', source_snapshot: id, snapshot: saved })
      printer.say(`snapshot ${shortId(saved)} saved, copied from source snapshot ${shortId(id)}`)
    },
  })
  const bytes = added.storedDataBytes + added.storedTreeBytes
  if (printer.isJson) {
    return printer.json({
      message_type: 'summary',
      snapshots_copied: toCopy.length,
      snapshots_skipped: copied.length,
      data_blobs: added.dataBlobs,
      tree_blobs: added.treeBlobs,
      data_added: added.dataBytes + added.treeBytes,
      data_added_packed: bytes,
    })
  }
  const skipped = copied.length > 0 ? `, ${copied.length} were there already` : ''
  printer.say(`\ncopied ${count(toCopy.length, 'snapshot')}${skipped}; added ${formatBytes(bytes)}`)
}
