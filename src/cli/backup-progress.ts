import { formatBytes, formatDuration, printable } from '#base'
import type { BackUpResult, EntryEvent, Problem } from '#archiver'
import { goText } from '#repository'
import type { CommandContext } from './context.ts'
import { describeFailure } from './failure-text.ts'
import { omitEmpty } from './json.ts'
import type { StatusView } from './live-status.ts'
import { RateEstimator } from './rate.ts'
import type { Scan, ScanTotals } from './scan.ts'
import { formatPercent, shortId } from './words.ts'

/** What is told of a backup: entries, problems, how far it is, and the sum of it; in restic's words and JSON. */
export class BackupProgress {
  readonly #context: CommandContext
  readonly #start = performance.now()
  readonly #rate = new RateEstimator(performance.now())
  #reader: { readonly bytesRead: number } = { bytesRead: 0 }
  #files = 0
  /** Bytes of files that were not read, because they are unchanged. */
  #unchangedBytes = 0
  #errors = 0
  #recorded = 0
  #currentFiles: () => readonly Buffer[] = () => []
  scan: Scan | undefined

  constructor(context: CommandContext) {
    this.#context = context
  }

  readsWith(reader: { readonly bytesRead: number }): void {
    this.#reader = reader
  }

  asksFor(currentFiles: () => readonly Buffer[]): void {
    this.#currentFiles = currentFiles
  }

  /** Whether somebody wants to see a line for every file. */
  get tellsEveryEntry(): boolean {
    const { printer } = this.#context
    return printer.verbosity >= (printer.isJson ? 2 : 3)
  }

  unchanged(files: number, bytes: number): void {
    this.#files += files
    this.#unchangedBytes += bytes
  }

  entry({ path, kind, state, bytes }: EntryEvent): void {
    if (kind === 'file') {
      this.#files++
      if (state === 'unchanged') this.#unchangedBytes += bytes
    }
    const { printer } = this.#context
    if (!this.tellsEveryEntry) return
    const action = state === 'changed' ? 'modified' : state
    if (printer.isJson) printer.json({ message_type: 'verbose_status', action, item: path.toString('utf8') })
    else
      printer.trace(
        `${action.padEnd(9)} ${printable(path, Infinity)}${kind === 'file' ? `, ${formatBytes(bytes)}` : ''}`,
      )
  }

  problem({ path, error }: Problem): void {
    this.#errors++
    const { printer } = this.#context
    const message = describeFailure(path, error)
    if (!printer.isJson) return printer.error(`error: ${message}`)
    const item = path.toString('utf8')
    printer.jsonError({ message_type: 'error', error: { message }, during: 'archival', item })
  }

  excluded(path: Buffer): void {
    const { printer } = this.#context
    if (printer.isJson) {
      if (printer.verbosity >= 2) printer.json({ message_type: 'excluded_item', item: path.toString('utf8') })
    } else printer.trace(`excluded  ${printable(path, Infinity)}`)
  }

  scanned(seconds: number, { files, bytes }: ScanTotals): void {
    const { printer } = this.#context
    if (printer.isJson && printer.verbosity >= 2) {
      printer.json({
        message_type: 'verbose_status',
        action: 'scan_finished',
        item: '',
        duration: seconds,
        data_size: bytes,
        total_files: files,
      })
    } else printer.detail(`scan finished in ${seconds.toFixed(3)}s: ${files} files, ${formatBytes(bytes)}`)
  }

  view(): StatusView {
    const now = performance.now()
    const bytes = this.#reader.bytesRead + this.#unchangedBytes
    this.#rate.record(now, bytes - this.#recorded)
    this.#recorded = bytes
    const elapsed = Math.floor((now - this.#start) / 1000)
    // Less than what is done is known to be wrong: files grow.
    const totals = this.scan?.totals.finished === true ? this.scan.totals : undefined
    const left = totals && totals.bytes > bytes ? this.#rate.remaining(now, totals.bytes - bytes) : undefined
    return {
      lines: [this.#line(elapsed, bytes, totals, left), ...this.#currentFiles().map((file) => printable(file))],
      json: this.#fields(elapsed, bytes, totals, left),
    }
  }

  #line(elapsed: number, bytes: number, totals: ScanTotals | undefined, left: number | undefined): string {
    const rate = `${formatBytes(Math.round(this.#rate.rate(performance.now())))}/s`
    const done = `${this.#files} files, ${formatBytes(bytes)}`
    const errors = `${this.#errors} errors`
    if (!totals) return `[${formatDuration(elapsed)}] ${done}, ${rate}, ${errors}`
    const total = `total ${totals.files} files, ${formatBytes(totals.bytes)}`
    const percent = formatPercent(bytes, totals.bytes)
    const eta = left === undefined ? '' : ` ETA ${formatDuration(left)}`
    return `[${formatDuration(elapsed)}] ${percent}  ${done}, ${rate}, ${total}, ${errors}${eta}`
  }

  #fields(elapsed: number, bytes: number, totals: ScanTotals | undefined, left: number | undefined): unknown {
    return {
      message_type: 'status',
      ...omitEmpty({ seconds_elapsed: elapsed, seconds_remaining: Math.round(left ?? 0) }),
      percent_done: totals && totals.bytes > 0 ? Math.min(1, bytes / totals.bytes) : 0,
      ...omitEmpty({ total_files: totals?.files, files_done: this.#files, total_bytes: totals?.bytes }),
      ...omitEmpty({ bytes_done: bytes, error_count: this.#errors, current_files: this.#currentFiles().map(goText) }),
    }
  }
}

/** The lines, or the line of JSON, at the end of a backup. */
export function printBackupSummary(
  { printer }: CommandContext,
  result: BackUpResult,
  { dryRun }: { readonly dryRun: boolean },
): void {
  const { counts, snapshot, start, end } = result
  if (printer.isJson) return printer.json(summaryFields(result, dryRun))
  const line = (what: string, fresh: number, changed: number, same: number) => {
    const [a, b, c] = [fresh, changed, same].map((number) => String(number).padStart(5))
    return `${what.padEnd(12)} ${a} new, ${b} changed, ${c} unmodified`
  }
  printer.say('')
  printer.say(line('Files:', counts.filesNew, counts.filesChanged, counts.filesUnmodified))
  printer.say(line('Dirs:', counts.dirsNew, counts.dirsChanged, counts.dirsUnmodified))
  printer.detail(`Data Blobs:  ${String(counts.dataBlobs).padStart(5)} new`)
  printer.detail(`Tree Blobs:  ${String(counts.treeBlobs).padStart(5)} new`)
  const stored = formatBytes(counts.dataAddedPacked)
  printer.say(
    `${dryRun ? 'Would add' : 'Added'} to the repository: ${formatBytes(counts.dataAdded)} (${stored} stored)`,
  )
  printer.say('')
  const time = formatDuration(Math.floor((end - start) / 1000))
  printer.say(`processed ${counts.totalFilesProcessed} files, ${formatBytes(counts.totalBytesProcessed)} in ${time}`)
  if (dryRun) return
  printer.say(snapshot === undefined ? 'skipped creating snapshot' : `snapshot ${shortId(snapshot)} saved`)
}

function summaryFields({ counts, snapshot, start, end }: BackUpResult, dryRun: boolean): unknown {
  return {
    message_type: 'summary',
    files_new: counts.filesNew,
    files_changed: counts.filesChanged,
    files_unmodified: counts.filesUnmodified,
    dirs_new: counts.dirsNew,
    dirs_changed: counts.dirsChanged,
    dirs_unmodified: counts.dirsUnmodified,
    data_blobs: counts.dataBlobs,
    tree_blobs: counts.treeBlobs,
    data_added: counts.dataAdded,
    data_added_packed: counts.dataAddedPacked,
    total_files_processed: counts.totalFilesProcessed,
    total_bytes_processed: counts.totalBytesProcessed,
    total_duration: (end - start) / 1000,
    backup_start: new Date(start).toISOString(),
    backup_end: new Date(end).toISOString(),
    ...omitEmpty({ snapshot_id: snapshot, dry_run: dryRun }),
  }
}
