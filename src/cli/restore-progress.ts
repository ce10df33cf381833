import { formatBytes, formatDuration, printable } from '#base'
import type { PlanItem, RestoreFailure, RestorePlan, RestoreProgress, RestoreResult } from '#restorer'
import type { CommandContext } from './context.ts'
import { describeFailure } from './failure-text.ts'
import { omitEmpty } from './json.ts'
import type { StatusView } from './live-status.ts'
import { LineWriter } from './printer.ts'
import { RateEstimator } from './rate.ts'
import { formatPercent } from './words.ts'

/** What is told of a restore: the plan, how far it is, what failed, and the sum; in restic's words and JSON. */
export class RestoreReport {
  readonly #context: CommandContext
  readonly #start = performance.now()
  readonly #rate = new RateEstimator(performance.now())
  #plan: RestorePlan | undefined
  #seen = { entries: 0, bytes: 0 }
  #done: RestoreProgress = { entries: 0, files: 0, bytes: 0, failures: 0 }
  #recorded = 0
  #verified: { readonly files: number; readonly bytes: number } | undefined

  constructor(context: CommandContext) {
    this.#context = context
  }

  planned(plan: RestorePlan): void {
    this.#plan = plan
  }

  planning(seen: { readonly entries: number; readonly bytes: number }): void {
    this.#seen = seen
  }

  progressed(done: RestoreProgress): void {
    this.#done = done
  }

  verified(seen: { readonly files: number; readonly bytes: number }): void {
    this.#verified = seen
  }

  failed({ path, error }: RestoreFailure): void {
    const { printer } = this.#context
    const item = Buffer.concat([Buffer.from('/'), path])
    const message = describeFailure(item, error)
    if (!printer.isJson) return printer.error(`error: ${message}`)
    printer.jsonError({ message_type: 'error', error: { message }, during: 'restore', item: item.toString('utf8') })
  }

  view(): StatusView | undefined {
    const elapsed = Math.floor((performance.now() - this.#start) / 1000)
    const time = formatDuration(elapsed)
    if (!this.#plan) {
      const { entries, bytes } = this.#seen
      return { lines: [`[${time}] comparing with what is there: ${entries} files/dirs, ${formatBytes(bytes)}`] }
    }
    if (this.#verified) {
      const { files, bytes } = this.#verified
      return { lines: [`[${time}] verified ${files} files, ${formatBytes(bytes)}`] }
    }
    const sums = sumUp(this.#plan, this.#done)
    const percent = sums.totalBytes > 0 ? sums.bytesRestored / sums.totalBytes : 0
    const fields = { message_type: 'status', ...omitEmpty({ seconds_elapsed: elapsed }), percent_done: percent }
    return { lines: [this.#line(time, this.#plan, sums)], json: { ...fields, ...sumFields(sums) } }
  }

  /** The plan, for a dry run and for those who want to know. */
  printPlan(plan: RestorePlan, { dryRun }: { readonly dryRun: boolean }): void {
    const { printer } = this.#context
    if (printer.verbosity >= 3) this.#printItems(plan)
    if (printer.isJson) return
    const print = (line: string) => (dryRun ? printer.say(line) : printer.detail(line))
    for (const line of describePlan(plan, dryRun)) print(line)
  }

  finish({ deleted, ...result }: RestoreResult): void {
    const { printer } = this.#context
    const plan = this.#plan as RestorePlan
    const seconds = Math.floor((performance.now() - this.#start) / 1000)
    const sums = { ...sumUp(plan, result), deleted }
    if (printer.isJson) {
      return printer.json({
        message_type: 'summary',
        ...omitEmpty({ seconds_elapsed: seconds }),
        ...sumFields(sums),
      })
    }
    printer.say(describeSums(sums, seconds))
    for (const { message, count, example } of result.warnings) {
      printer.error(`warning: ${message} (${count} times, at ${printable(example)} first)`)
    }
  }

  /** The sum of a dry run, for programs. */
  finishDryRun(plan: RestorePlan): void {
    const { printer } = this.#context
    const sums = { ...sumUp(plan, undefined), deleted: plan.counts.deleted }
    if (printer.isJson) printer.json({ message_type: 'summary', ...sumFields(sums) })
  }

  #line(time: string, plan: RestorePlan, sums: Sums): string {
    const now = performance.now()
    this.#rate.record(now, this.#done.bytes - this.#recorded)
    this.#recorded = this.#done.bytes
    const left = this.#rate.remaining(now, plan.counts.bytesToWrite - this.#done.bytes)
    const rate = `${formatBytes(Math.round(this.#rate.rate(now)))}/s`
    const done = `${sums.filesRestored} files/dirs, ${formatBytes(sums.bytesRestored)}, ${rate}`
    const total = `total ${sums.totalFiles} files/dirs, ${formatBytes(sums.totalBytes)}`
    const skipped = sums.filesSkipped > 0 ? `, skipped ${sums.filesSkipped}` : ''
    const errors = `, ${this.#done.failures} errors`
    const eta = left === undefined || left === 0 ? '' : ` ETA ${formatDuration(left)}`
    return `[${time}] ${formatPercent(sums.bytesRestored, sums.totalBytes)}  ${done}, ${total}${skipped}${errors}${eta}`
  }

  #printItems(plan: RestorePlan): void {
    const { printer } = this.#context
    using lines = new LineWriter(printer.terminal)
    for (const item of plan.items()) {
      if (printer.isJson) printer.json(itemFields(item))
      else lines.line(formatItem(item))
    }
  }
}

/** What is done with an entry, in restic's words where it has one. */
const actionWords: Readonly<Record<PlanItem['action'], string>> = {
  new: 'restored',
  changed: 'updated',
  same: 'unchanged',
  kept: 'unchanged',
  link: 'restored',
  folder: 'restored',
  'new folder': 'restored',
  delete: 'deleted',
  leftover: 'deleted',
}

function itemFields({ path, action, size }: PlanItem): unknown {
  const item = `/${path.toString('utf8')}`
  return { message_type: 'verbose_status', action: actionWords[action], item, size }
}

function formatItem({ path, action, size }: PlanItem): string {
  const what = `${action.padEnd(10)} /${printable(path, Infinity)}`
  return size > 0 ? `${what}, ${formatBytes(size)}` : what
}

interface Sums {
  readonly totalFiles: number
  readonly filesRestored: number
  readonly filesSkipped: number
  readonly totalBytes: number
  readonly bytesRestored: number
  readonly bytesSkipped: number
  readonly deleted?: number
}

/** Undefined `done` is for a dry run, which tells what a restore without failures would do. */
function sumUp({ counts }: RestorePlan, done: Pick<RestoreProgress, 'entries' | 'bytes'> | undefined): Sums {
  const totalFiles = counts.folders + counts.new + counts.changed + counts.links
  const filesSkipped = counts.same + counts.kept
  const totalBytes = counts.newBytes + counts.changedBytes
  const inPlace = totalBytes - counts.bytesToWrite
  const entries = done ? done.entries - filesSkipped : totalFiles
  return {
    totalFiles,
    filesRestored: Math.max(0, Math.min(totalFiles, entries)),
    filesSkipped,
    totalBytes,
    bytesRestored: Math.min(totalBytes, inPlace + (done?.bytes ?? counts.bytesToWrite)),
    bytesSkipped: counts.sameBytes,
  }
}

function sumFields(sums: Sums): object {
  return omitEmpty({
    total_files: sums.totalFiles,
    files_restored: sums.filesRestored,
    files_skipped: sums.filesSkipped,
    files_deleted: sums.deleted ?? 0,
    total_bytes: sums.totalBytes,
    bytes_restored: sums.bytesRestored,
    bytes_skipped: sums.bytesSkipped,
  })
}

function describeSums(sums: Sums, seconds: number): string {
  const { totalFiles, filesRestored, filesSkipped, totalBytes, bytesRestored, deleted = 0 } = sums
  const isWhole = filesRestored === totalFiles && bytesRestored === totalBytes
  const files = isWhole ? `${totalFiles}` : `${filesRestored} / ${totalFiles}`
  const bytes = isWhole ? formatBytes(totalBytes) : `${formatBytes(bytesRestored)} / ${formatBytes(totalBytes)}`
  const skipped = filesSkipped > 0 ? `, skipped ${filesSkipped} files/dirs ${formatBytes(sums.bytesSkipped)}` : ''
  const gone = deleted > 0 ? `, deleted ${deleted} files/dirs` : ''
  return `Summary: Restored ${files} files/dirs (${bytes}) in ${formatDuration(seconds)}${skipped}${gone}`
}

function describePlan({ counts, freeSpace }: RestorePlan, dryRun: boolean): string[] {
  const row = (what: string, count: number, bytes?: number) =>
    `  ${what.padEnd(12)} ${String(count).padStart(8)}${bytes === undefined ? '' : `  ${formatBytes(bytes)}`}`
  const lines = [
    dryRun ? 'Would restore:' : 'Plan:',
    row('new', counts.new, counts.newBytes),
    row('changed', counts.changed, counts.changedBytes),
    row('same', counts.same, counts.sameBytes),
    ...(counts.kept > 0 ? [row('left alone', counts.kept)] : []),
    ...(counts.links > 0 ? [row('hard links', counts.links)] : []),
    row('folders', counts.folders),
    ...(counts.inTheWay > 0 ? [row('in the way', counts.inTheWay)] : []),
    ...(counts.refused > 0 ? [row('refused', counts.refused)] : []),
    ...(counts.deleted > 0 ? [row('to delete', counts.deleted)] : []),
    ...(counts.leftovers > 0 ? [row('leftovers', counts.leftovers)] : []),
  ]
  const free = freeSpace === undefined ? '' : `, ${formatBytes(freeSpace)} are free`
  return [
    ...lines,
    `  ${formatBytes(counts.bytesToWrite)} to fetch and write; space needed: ${formatBytes(counts.spaceNeeded)}${free}`,
  ]
}
