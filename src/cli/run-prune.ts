import { formatBytes } from '#base'
import type { WarmThreads } from '#base'
import { prune } from '#repository'
import type { HeldLock, PruneLimits, PrunePlan, PruneResult, PruneStats, Repository } from '#repository'
import type { CommandContext } from './context.ts'
import { StepStatus } from './live-status.ts'
import { defaultThreads } from './local-threads.ts'
import { lockWait } from './open-repository.ts'
import type { Printer } from './printer.ts'
import { count, formatPercent } from './words.ts'

const steps = {
  'load snapshots': { title: 'loading all snapshots...', unit: 'snapshots' },
  'load index': { title: 'loading indexes...', unit: 'index files' },
  'find used blobs': { title: 'finding data that is still in use', unit: 'trees' },
  repack: { title: 'repacking packs', unit: 'bytes' },
  'write index': { title: 'rebuilding index', unit: 'index files' },
  'delete packs': { title: 'deleting packs that have waited', unit: 'packs' },
}

export interface PruneRunOptions {
  readonly limits: PruneLimits
  readonly dryRun: boolean
  /** Plans as if these snapshots were gone already; for a dry run. */
  readonly without?: ReadonlySet<string>
  readonly warm?: WarmThreads | undefined
  /** The exclusive lock, where there is one already. */
  readonly lock?: HeldLock | undefined
}

/** Prunes; shows the plan before anything is done. */
export async function runPrune(
  context: CommandContext,
  repository: Repository,
  { limits, dryRun, without, lock, warm }: PruneRunOptions,
): Promise<void> {
  const { printer, signal, globals } = context
  const { retryFor, onWait } = lockWait(context)
  using status = new StepStatus(context, steps)
  const { result } = await prune(repository, {
    ...limits,
    threads: defaultThreads(),
    warm,
    packSize: globals.packSize,
    dryRun,
    without,
    lock,
    noLock: dryRun && globals.noLock,
    retryLock: retryFor,
    onLockWait: onWait,
    signal,
    onProgress: status.report,
    onPlan: (plan) => printPlan(printer, plan, dryRun),
  })
  status[Symbol.dispose]()
  if (result) printResult(printer, result)
}

function printPlan(printer: Printer, { stats }: PrunePlan, dryRun: boolean): void {
  if (printer.isJson) return printer.json(statsFields(stats))
  if (dryRun) printer.say('\nWould have made the following changes:')
  const row = (what: string, blobs: number, bytes: number) =>
    `${what.padEnd(13)} ${String(blobs).padStart(10)} blobs / ${formatBytes(bytes)}`
  const { used, duplicate, unused, repack, repackRemove, remove, remaining, unreferencedBytes } = stats
  const total = sum(used, duplicate, unused)
  printer.detail(`\n${row('used:', used.blobs, used.bytes)}`)
  if (duplicate.blobs > 0) printer.detail(row('duplicates:', duplicate.blobs, duplicate.bytes))
  printer.detail(row('unused:', unused.blobs, unused.bytes))
  if (unreferencedBytes > 0) printer.detail(`unreferenced:                    ${formatBytes(unreferencedBytes)}`)
  printer.detail(row('total:', total.blobs, total.bytes + unreferencedBytes))
  printer.detail(`unused size: ${formatPercent(duplicate.bytes + unused.bytes, total.bytes)} of total size`)
  printer.say(`\n${row('to repack:', repack.blobs, repack.bytes)}`)
  printer.say(row('this removes:', repackRemove.blobs, repackRemove.bytes))
  printer.say(row('to delete:', remove.blobs, remove.bytes + unreferencedBytes))
  const gone = sum(repackRemove, remove)
  printer.say(row('total prune:', gone.blobs, gone.bytes + unreferencedBytes))
  if (stats.uncompressedBytes > 0)
    printer.say(`not yet compressed:              ${formatBytes(stats.uncompressedBytes)}`)
  printer.say(row('remaining:', remaining.blobs, remaining.bytes))
  const unusedPart = formatPercent(remaining.unusedBytes, remaining.bytes)
  printer.say(
    `unused size after prune: ${formatBytes(remaining.unusedBytes)} (${unusedPart || '0.00%'} of remaining size)`,
  )
  printer.say('')
  printPacks(printer, stats)
}

function printPacks(printer: Printer, { packs, bytesByFate }: PruneStats): void {
  const { byFate } = packs
  const row = (what: string, number: number) => `${what.padEnd(19)} ${String(number).padStart(10)}`
  printer.detail(row('totally used packs:', packs.used))
  printer.detail(row('partly used packs:', packs.partlyUsed))
  printer.detail(row('unused packs:', packs.unused))
  printer.detail(row('unreferenced packs:', packs.unreferenced))
  printer.detail('')
  printer.detail(row('to keep:', byFate.keep + byFate.undelete))
  printer.detail(row('to repack:', byFate.repack))
  printer.detail(row('to drop:', byFate.drop + byFate.mark))
  if (byFate.wait > 0)
    printer.say(`${count(byFate.wait, 'pack')} (${formatBytes(bytesByFate.wait)}) wait to be deleted`)
  if (byFate.delete > 0) {
    printer.say(
      `${count(byFate.delete, 'pack')} (${formatBytes(bytesByFate.delete)}) have waited and are to be deleted now`,
    )
  }
  if (byFate.undelete > 0) printer.say(`${count(byFate.undelete, 'pack')} that waited are needed after all, and stay`)
}

function printResult(printer: Printer, { deletedPacks, deletedBytes, markedPacks, markedBytes }: PruneResult): void {
  if (deletedPacks > 0) printer.say(`deleted ${count(deletedPacks, 'pack')} (${formatBytes(deletedBytes)})`)
  if (markedPacks > 0) {
    printer.say(
      `dropped ${count(markedPacks, 'pack')} (${formatBytes(markedBytes)}): a prune after the wait deletes them`,
    )
  }
  printer.say('done')
}

/** As restic names them. Its packs are gone at once; of ours, `waiting` are still there. */
function statsFields({
  used,
  duplicate,
  unused,
  repack,
  repackRemove,
  remove,
  remaining,
  ...stats
}: PruneStats): unknown {
  const total = sum(used, duplicate, unused)
  const gone = sum(repackRemove, remove)
  const { byFate } = stats.packs
  const dropped = byFate.drop + byFate.mark + byFate.forget
  return {
    message_type: 'prune_stats',
    blobs: {
      used: used.blobs,
      duplicate: duplicate.blobs,
      unused: unused.blobs,
      total: total.blobs,
      repack: repack.blobs,
      repack_remove: repackRemove.blobs,
      remove: remove.blobs,
      remove_total: gone.blobs,
      remaining: remaining.blobs,
    },
    bytes: {
      used: used.bytes,
      duplicate: duplicate.bytes,
      unused: unused.bytes,
      unreferenced: stats.unreferencedBytes,
      uncompressed: stats.uncompressedBytes,
      total: total.bytes + stats.unreferencedBytes,
      repack: repack.bytes,
      repack_remove: repackRemove.bytes,
      remove: remove.bytes,
      remove_total: gone.bytes + stats.unreferencedBytes,
      remaining: remaining.bytes,
      remaining_unused: remaining.unusedBytes,
    },
    packfiles: {
      used: stats.packs.used,
      unused: stats.packs.unused,
      partly_used: stats.packs.partlyUsed,
      unreferenced: stats.packs.unreferenced,
      total: stats.packs.total,
      keep: byFate.keep + byFate.undelete,
      repack: byFate.repack,
      remove: dropped,
      remove_total: dropped + byFate.repack,
      waiting: byFate.wait,
      deleted: byFate.delete,
    },
  }
}

function sum(...amounts: readonly { readonly blobs: number; readonly bytes: number }[]) {
  return amounts.reduce((total, { blobs, bytes }) => ({ blobs: total.blobs + blobs, bytes: total.bytes + bytes }), {
    blobs: 0,
    bytes: 0,
  })
}
