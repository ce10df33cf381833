import path from 'node:path'
import { messageOf, printable } from '#base'
import type { WarmThreads } from '#base'
import { backUp, scannerModule } from '#archiver'
import type { BackUpOptions, BackUpResult, Source } from '#archiver'
import {
  collectTargets,
  compileExcludes,
  createFileSource,
  createStreamSource,
  fileModules,
  openVolumeSnapshot,
} from '#filesystem'
import type { VolumeSnapshot } from '#filesystem'
import type { Repository } from '#repository'
import { whileAtRest } from '../applications-at-rest.ts'
import { BackupProgress, printBackupSummary } from '../backup-progress.ts'
import { addBackupFlags, readBackupOptions } from '../backup-options.ts'
import type { BackupOptions, StreamChoice } from '../backup-options.ts'
import type { CliCommand } from '../command.ts'
import { setHelp } from '../command.ts'
import { runs } from '../context.ts'
import type { CommandContext } from '../context.ts'
import { CliError } from '../errors.ts'
import { LiveStatus, statusInterval } from '../live-status.ts'
import { startThreads } from '../local-threads.ts'
import { lockWait, openForCommand } from '../open-repository.ts'
import { Scan } from '../scan.ts'
import { shortId } from '../words.ts'

const text = `
Backs up files and folders with all their metadata: makes a snapshot. Files that are unchanged since the last snapshot of
the same host and paths are not read again, and what is in the repository already is not stored twice. What cannot be read
is listed, and the snapshot is made without it.`

export function define(command: CliCommand): void {
  setHelp(command, {
    text,
    examples: [
      'understudy backup /home /etc --exclude-caches',
      'understudy backup --fs-snapshot --tag nightly /srv',
      'understudy backup --stdin-filename shop.sql --stdin-from-command -- mysqldump shop',
    ],
    exitCodes: { 3: 'A snapshot was made, but something could not be read.' },
  })
  command.argument('[path...]', 'files and folders to back up, or the command to run')
  addBackupFlags(command)
  runs(
    command,
    async (context, args, flags) => {
      const options = readBackupOptions(context, args, flags)
      await refuseTwoFromStdin(context, options)
      const result = options.stream
        ? await backUpStream(context, options, options.stream)
        : await backUpFiles(context, options)
      printBackupSummary(context, result, options)
      if (result.problems.length > 0) throw new CliError('SOURCE_INCOMPLETE')
    },
    { outlivesOutput: true },
  )
}

/** Standard input cannot be both the data and where the password is typed. */
async function refuseTwoFromStdin(context: CommandContext, { stream, lists }: BackupOptions): Promise<void> {
  const { filesFrom, filesFromVerbatim, filesFromRaw } = lists
  const readsStdin = [...filesFrom, ...filesFromVerbatim, ...filesFromRaw].includes('-')
  if (!readsStdin && (stream === undefined || stream.command !== undefined)) return
  const { file, command, none } = context.globals.password
  if (file !== undefined || command !== undefined || none || context.env.get('PASSWORD') !== undefined) return
  throw context.refuse('standard input cannot give both the data and the password: use --password-file')
}

async function backUpStream(
  context: CommandContext,
  options: BackupOptions,
  { filename, command }: StreamChoice,
): Promise<BackUpResult> {
  await using opened = await openForCommand(context)
  const onErrorLine = (line: string) =>
    context.printer.error(`subprocess ${printable(command?.[0] ?? '')}: ${printable(line, Infinity)}`)
  const { signal } = context
  const time = options.time
  await using source = await createStreamSource({ filename, command, signal, time, onErrorLine })
  const progress = new BackupProgress(context)
  return await run(context, opened.repository, { source, options, progress })
}

async function backUpFiles(context: CommandContext, options: BackupOptions): Promise<BackUpResult> {
  const { printer, signal } = context
  const { targets, unmatched } = collectTargets(options.lists)
  for (const pattern of unmatched) printer.error(`pattern "${printable(pattern)}" does not match any files, skipping`)
  const excludes = compileExcludes(options.excludes)
  const progress = new BackupProgress(context)
  await using warm = startThreads(options.archive.threads, [...fileModules(), scannerModule()])
  await using opened = await openForCommand(context)
  await using volume = options.volume === undefined ? undefined : await takeVolume(context, targets, options)
  const source = await createFileSource(targets, {
    excludes,
    oneFileSystem: options.oneFileSystem,
    withAtime: options.withAtime,
    volume: volume?.readFrom,
    signal,
    onWarning: (_, error) => printer.error(`warning: ${messageOf(error)}`),
    onExcluded: (excluded) => progress.excluded(excluded),
  })
  const isShown = statusInterval(context) > 0 && (printer.isJson || printer.terminal.canUpdate)
  const order = { targets, excludes: options.excludes, oneFileSystem: options.oneFileSystem }
  await using scan =
    options.scan && isShown ? new Scan(order, (seconds, totals) => progress.scanned(seconds, totals)) : undefined
  progress.scan = scan
  const tags = volume ? [`consistency=${volume.consistency}`] : []
  return await run(context, opened.repository, { source, options, progress, tags, warm })
}

async function takeVolume(
  { printer, signal }: CommandContext,
  targets: readonly Buffer[],
  { volume, oneFileSystem, atRest }: BackupOptions,
): Promise<VolumeSnapshot> {
  const absolute = targets
    .map((target) => path.resolve(target.toString('latin1')))
    .map((raw) => Buffer.from(raw, 'latin1'))
  const take = async () =>
    await openVolumeSnapshot(absolute, { kind: volume ?? 'auto', oneFileSystem, atRest: atRest !== undefined })
  const taken = atRest ? await whileAtRest(atRest, take, { signal }) : await take()
  if (!printer.isJson) printer.say(`reading ${taken.consistency}${taken.because ? `: ${taken.because}` : ''}`)
  return taken
}

interface Run {
  readonly source: Source
  readonly options: BackupOptions
  readonly progress: BackupProgress
  readonly tags?: readonly string[]
  readonly warm?: WarmThreads
}

async function run(
  context: CommandContext,
  repository: Repository,
  { source, options, progress, tags = [], warm }: Run,
): Promise<BackUpResult> {
  const { printer, signal, globals } = context
  const { identity, time, dryRun, archive } = options
  const { retryFor, onWait } = lockWait(context)
  using _status = new LiveStatus(context, () => progress.view())
  const backUpOptions: BackUpOptions = {
    ...archive,
    warm,
    identity: { ...identity, tags: [...identity.tags, ...tags] },
    time,
    dryRun,
    packSize: globals.packSize,
    retryLock: retryFor,
    onLockWait: onWait,
    signal,
    onStart: (reader) => progress.readsWith(reader),
    onReading: (currentFiles) => progress.asksFor(currentFiles),
    onEntry: (event) => progress.entry(event),
    ...(!progress.tellsEveryEntry && { onUnchanged: (files, bytes) => progress.unchanged(files, bytes) }),
    onProblem: (problem) => progress.problem(problem),
    onParent: (parent) => {
      if (options.stream) return
      printer.say(
        parent ? `using parent snapshot ${shortId(parent.id)}` : 'no parent snapshot found, will read all files',
      )
    },
  }
  return await backUp(repository, source, backUpOptions)
}
