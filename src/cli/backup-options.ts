import { hostname, userInfo } from 'node:os'
import type { BackUpOptions, ParentGroup, SnapshotIdentity, UnchangedRule } from '#archiver'
import type { ExcludeOptions, VolumeChoice } from '#filesystem'
import { volumeKinds } from '#filesystem'
import { parseGroupBy } from '#policy'
import type { RestCommands } from './applications-at-rest.ts'
import type { CliCommand } from './command.ts'
import { OptionalValueFlag, flag, listFlag, valueFlag } from './command.ts'
import { textOf } from './context.ts'
import type { CommandContext, CommandFlags } from './context.ts'
import { defaultThreads } from './local-threads.ts'
import { cacheFolder } from './open-repository.ts'
import { splitShellWords } from './shell-words.ts'
import { readTagLists } from './snapshot-flags.ts'
import { programVersion } from './version.ts'
import { parseWallTime } from './words.ts'

/** The flags of `backup`, and what they say. */

export interface BackupOptions {
  readonly stream: StreamChoice | undefined
  readonly lists: {
    readonly arguments: readonly string[]
    readonly filesFrom: readonly string[]
    readonly filesFromVerbatim: readonly string[]
    readonly filesFromRaw: readonly string[]
  }
  readonly excludes: ExcludeOptions
  readonly oneFileSystem: boolean
  readonly withAtime: boolean
  readonly scan: boolean
  readonly dryRun: boolean
  readonly volume: VolumeChoice | undefined
  readonly atRest: RestCommands | undefined
  /** Milliseconds since 1970. */
  readonly time: number | undefined
  readonly identity: SnapshotIdentity
  readonly archive: Pick<
    BackUpOptions,
    'threads' | 'parent' | 'parentGroup' | 'force' | 'skipIfUnchanged' | 'unchanged'
  >
}

/** One file from standard input, or from a command. */
export interface StreamChoice {
  readonly filename: string
  readonly command: readonly string[] | undefined
}

export function addBackupFlags(command: CliCommand): void {
  for (const option of [
    listFlag('-e, --exclude <pattern>', 'leave out what matches (several times)'),
    listFlag('--iexclude <pattern>', 'the same, whatever the case of letters'),
    listFlag('--exclude-file <file>', 'file of patterns to leave out, one a line (several times)'),
    listFlag('--iexclude-file <file>', 'the same, whatever the case of letters'),
    flag('--exclude-caches', 'leave out folders that have a CACHEDIR.TAG, but for that file'),
    listFlag(
      '--exclude-if-present <file[:header]>',
      'leave out folders that have this file, but for it (several times)',
    ),
    valueFlag('--exclude-larger-than <size>', 'leave out larger files: 500M, 2G'),
    flag('-x, --one-file-system', 'do not cross into other file systems'),
    listFlag('--files-from <file>', 'file of patterns to back up, one a line; - for standard input (several times)'),
    listFlag('--files-from-verbatim <file>', 'file of paths, one a line, taken as they are (several times)'),
    listFlag('--files-from-raw <file>', 'file of paths, each ended by a zero byte (several times)'),
    flag('--stdin', 'back up standard input as one file'),
    valueFlag('--stdin-filename <path>', 'path of that file in the snapshot (default: stdin)'),
    flag('--stdin-from-command', 'run the arguments as a command and back up what it prints'),
    listFlag('--tag <tag[,tag…]>', 'tags of the new snapshot (several times)'),
    valueFlag('-H, --host <name>', 'host of the new snapshot (UNDERSTUDY_HOST; default: this machine)'),
    valueFlag('--time <time>', "time of the new snapshot, '2026-01-31 22:08:41' (default: now)"),
    valueFlag('--parent <id>', 'snapshot to compare with (default: the newest of the same host and paths)'),
    valueFlag('-g, --group-by <what>', 'what the parent must share: host, paths, tags (default: host,paths)'),
    flag('-f, --force', 'read every file, whatever the parent says'),
    flag('--ignore-inode', 'inode and ctime do not count when files are compared (UNDERSTUDY_IGNORE_INODE)'),
    flag('--ignore-ctime', 'ctime does not count when files are compared (UNDERSTUDY_IGNORE_CTIME)'),
    flag('--with-atime', 'store times of last access'),
    flag('-n, --dry-run', 'store nothing, only say what would be done'),
    flag('--no-scan', 'do not count beforehand: there is no estimate of the time then'),
    flag('--skip-if-unchanged', 'make no snapshot when it would be the same as its parent'),
    valueFlag('--read-concurrency <n>', 'threads that read and store (UNDERSTUDY_READ_CONCURRENCY; default: cores)'),
    new OptionalValueFlag(
      '--fs-snapshot <kind>',
      'read from a snapshot of the volume, dropped afterwards: =auto (or nothing), =any (or no backup), =lvm, =btrfs, =zfs',
      'auto',
    ),
    valueFlag(
      '--at-rest-command <command>',
      'run before the snapshot of the volume is taken: brings to rest what writes there',
    ),
    valueFlag('--resume-command <command>', 'run right after it, in every case: lets that go on'),
  ]) {
    command.addOption(option)
  }
}

export function readBackupOptions(
  context: CommandContext,
  args: readonly string[],
  flags: CommandFlags,
): BackupOptions {
  const list = (name: string) => (flags[name] as string[] | undefined) ?? []
  const stream = readStream(context, args, flags)
  const excludes = readExcludes(context, flags)
  return {
    stream,
    lists: {
      arguments: args,
      filesFrom: list('filesFrom'),
      filesFromVerbatim: list('filesFromVerbatim'),
      filesFromRaw: list('filesFromRaw'),
    },
    excludes,
    oneFileSystem: flags.oneFileSystem === true,
    withAtime: flags.withAtime === true,
    scan: flags.noScan !== true,
    dryRun: flags.dryRun === true,
    volume: readVolume(context, flags, stream),
    atRest: readRestCommands(context, flags),
    time: readTime(context, flags),
    identity: readIdentity(context, flags),
    archive: {
      threads: readThreads(context, flags),
      parent: flags.parent as string | undefined,
      parentGroup: readParentGroup(flags),
      // What comes from a stream has no past that it could be compared with.
      force: flags.force === true || stream !== undefined,
      skipIfUnchanged: flags.skipIfUnchanged === true,
      unchanged: readUnchangedRule(context, flags),
    },
  }
}

function readStream(context: CommandContext, args: readonly string[], flags: CommandFlags): StreamChoice | undefined {
  const isCommand = flags.stdinFromCommand === true
  if (flags.stdin !== true && !isCommand) return undefined
  for (const [name, shown] of [
    ['filesFrom', '--files-from'],
    ['filesFromVerbatim', '--files-from-verbatim'],
    ['filesFromRaw', '--files-from-raw'],
    ['fsSnapshot', '--fs-snapshot'],
  ] as const) {
    if (flags[name] !== undefined) throw context.refuse(`--stdin and ${shown} exclude each other`)
  }
  if (isCommand && args.length === 0) throw context.refuse('--stdin-from-command wants a command: … -- mysqldump shop')
  if (!isCommand && args.length > 0) throw context.refuse('--stdin backs up no files besides')
  const filename = (flags.stdinFilename as string | undefined) ?? 'stdin'
  return { filename, command: isCommand ? args : undefined }
}

function readExcludes(context: CommandContext, flags: CommandFlags): ExcludeOptions {
  const cache = cacheFolder(context)
  return {
    patterns: flags.exclude as string[] | undefined,
    insensitivePatterns: flags.iexclude as string[] | undefined,
    files: flags.excludeFile as string[] | undefined,
    insensitiveFiles: flags.iexcludeFile as string[] | undefined,
    caches: flags.excludeCaches === true,
    ifPresent: flags.excludeIfPresent as string[] | undefined,
    largerThan: flags.excludeLargerThan as string | undefined,
    folders: cache === undefined ? [] : [cache],
  }
}

function readVolume(
  context: CommandContext,
  flags: CommandFlags,
  stream: StreamChoice | undefined,
): VolumeChoice | undefined {
  const fsSnapshot = textOf(flags, 'fsSnapshot')
  if (fsSnapshot === undefined || stream) return undefined
  const kind = (['auto', 'any', ...volumeKinds] as const).find((known) => known === fsSnapshot)
  if (kind === undefined)
    throw context.refuse(`"${fsSnapshot}" is no kind of volume; there are auto, any, ${volumeKinds.join(', ')}`)
  return kind
}

function readRestCommands(context: CommandContext, flags: CommandFlags): RestCommands | undefined {
  const rest = readCommand(context, flags, 'atRestCommand')
  const resume = readCommand(context, flags, 'resumeCommand')
  if (!rest && !resume) return undefined
  if (!rest) throw context.refuse('--resume-command goes with --at-rest-command')
  if (flags.fsSnapshot === undefined) throw context.refuse('--at-rest-command goes with --fs-snapshot')
  return { rest, resume }
}

function readCommand(context: CommandContext, flags: CommandFlags, name: string): readonly string[] | undefined {
  const text = textOf(flags, name)
  if (text === undefined) return undefined
  const words = splitShellWords(text)
  if (!words) throw context.refuse(`"${text}" is no command`)
  return words
}

function readTime(context: CommandContext, flags: CommandFlags): number | undefined {
  const time = textOf(flags, 'time')
  if (time === undefined) return undefined
  const parsed = parseWallTime(time)
  if (parsed === undefined) throw context.refuse(`"${time}" is no time; write '2026-01-31 22:08:41'`)
  return parsed
}

function readIdentity({ env }: CommandContext, flags: CommandFlags): SnapshotIdentity {
  const { username, uid, gid } = userInfo()
  return {
    hostname: (flags.host as string | undefined) || env.get('HOST') || hostname(),
    username,
    uid: Math.max(0, uid),
    gid: Math.max(0, gid),
    tags: [...new Set(readTagLists(flags.tag).flat())].filter((tag) => tag !== ''),
    excludes: (flags.exclude as string[] | undefined) ?? [],
    programVersion,
  }
}

function readThreads(context: CommandContext, flags: CommandFlags): number {
  const text = (flags.readConcurrency as string | undefined) ?? context.env.get('READ_CONCURRENCY')
  if (text === undefined || text === '0') return defaultThreads()
  if (/^\d{1,3}$/.test(text) && Number(text) <= 256) return Number(text)
  throw context.refuse(`"${text}" is no number of threads; give 1 to 256`)
}

function readParentGroup({ groupBy }: CommandFlags): ParentGroup | undefined {
  return groupBy === undefined ? undefined : parseGroupBy(groupBy as string)
}

function readUnchangedRule({ env }: CommandContext, flags: CommandFlags): UnchangedRule {
  const ignoreInode = flags.ignoreInode === true || env.isOn('IGNORE_INODE')
  // Where inodes are made up, ctimes are too.
  return { ignoreInode, ignoreCtime: ignoreInode || flags.ignoreCtime === true || env.isOn('IGNORE_CTIME') }
}
