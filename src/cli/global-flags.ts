import type { Command } from 'commander'
import type { S3Options, SshOptions } from '#backend'
import type { CompressionMode } from '#repository'
import { CountFlag, commandPath, commaListFlag, flag, valueFlag } from './command.ts'
import { usage } from './errors.ts'
import type { CliError } from './errors.ts'
import type { Environment } from './environment.ts'
import type { Verbosity } from './printer.ts'
import { readStorageOptions } from './storage-options.ts'
import { parseGoDuration } from './words.ts'

/** What every command understands. */
export interface GlobalOptions {
  readonly repo: string | undefined
  readonly repositoryFile: string | undefined
  readonly password: PasswordFlags
  readonly json: boolean
  readonly verbosity: Verbosity
  readonly noLock: boolean
  /** Milliseconds. */
  readonly retryLock: number
  readonly cacerts: readonly string[]
  readonly clientCertificate: string | undefined
  readonly insecureTls: boolean
  readonly cacheDir: string | undefined
  readonly noCache: boolean
  readonly cleanupCache: boolean
  readonly compression: CompressionMode
  /** Bytes; undefined for the usual size. */
  readonly packSize: number | undefined
  /** Calls at once, by kind of storage. */
  readonly connections: Readonly<Record<string, number>>
  readonly ssh: SshOptions
  readonly s3: S3Options
  /** Bytes a second. */
  readonly limits: {
    readonly upload: number | undefined
    readonly download: number | undefined
    /** Where they stand instead, when they may change meanwhile. */
    readonly file: string | undefined
  }
}

/** Where a password comes from. */
export interface PasswordFlags {
  readonly file: string | undefined
  readonly command: string | undefined
  readonly none: boolean
  readonly keyHint: string | undefined
}

const compressionModes: readonly string[] = [
  'auto',
  'off',
  'fastest',
  'better',
  'max',
] satisfies readonly CompressionMode[]

type Given = Readonly<Record<string, unknown>>

/** Adds them to a command. Its help leaves them out when they are `hidden`: the program's has them. Each command has them all, so that they may stand before and after its name. */
export function addGlobalFlags(command: Command, { hidden = false }: { readonly hidden?: boolean } = {}): void {
  command.optionsGroup('Flags of all commands:')
  for (const option of [
    valueFlag('-r, --repo <location>', 'where the repository is (UNDERSTUDY_REPOSITORY)'),
    valueFlag('--repository-file <file>', 'file to read the location from (UNDERSTUDY_REPOSITORY_FILE)'),
    valueFlag('-p, --password-file <file>', 'file to read the password from (UNDERSTUDY_PASSWORD_FILE)'),
    valueFlag('--password-command <command>', 'command that prints the password (UNDERSTUDY_PASSWORD_COMMAND)'),
    flag('--insecure-no-password', 'the repository has no password (insecure)'),
    valueFlag('--key-hint <id>', 'key to try first (UNDERSTUDY_KEY_HINT)'),
    flag('--json', 'print JSON, for programs'),
    flag('-q, --quiet', 'print errors and results only'),
    new CountFlag('-v, --verbose', 'print more; twice, or --verbose=2, for every file'),
    flag('--no-lock', 'do not lock the repository, for storage that cannot be written to'),
    valueFlag('--retry-lock <duration>', 'how long to wait for a locked repository: 5m, 2h (default: not at all)'),
    commaListFlag('--cacert <file>', 'certificates of authorities to trust (UNDERSTUDY_CACERT)'),
    valueFlag('--tls-client-cert <file>', 'client certificate and its key (UNDERSTUDY_TLS_CLIENT_CERT)'),
    flag('--insecure-tls', 'trust every certificate (insecure)'),
    valueFlag('--cache-dir <folder>', 'folder for the local cache (UNDERSTUDY_CACHE_DIR)'),
    flag('--no-cache', 'do without a local cache'),
    flag('--cleanup-cache', 'remove local caches that were not used for 30 days'),
    valueFlag('--compression <mode>', 'auto, off, fastest, better or max (UNDERSTUDY_COMPRESSION)'),
    valueFlag('--pack-size <MiB>', 'size that packs are to have, 4 to 128 (UNDERSTUDY_PACK_SIZE)'),
    valueFlag('--limit-upload <KiB/s>', 'send no more than this in a second (default: no limit)'),
    valueFlag('--limit-download <KiB/s>', 'fetch no more than this in a second (default: no limit)'),
    valueFlag('--limit-file <file>', 'limits that may change meanwhile: {"upload": KiB/s, "download": KiB/s}'),
    commaListFlag(
      '-o, --option <key=value>',
      'details of a kind of storage: s3.region=eu-central-1, rest.connections=10; `understudy options` lists them all',
    ),
  ]) {
    command.addOption(hidden ? option.hideHelp() : option)
  }
}

/** Reads them, wherever on the line they stood, with the environment for those that were not given. */
export function readGlobalFlags(command: Command, env: Environment): GlobalOptions {
  const given = mergeGiven(command)
  const refuse = (reason: string) => usage(commandPath(command), reason)
  const text = (name: string, variable?: string) =>
    (given[name] as string | undefined) ?? (variable === undefined ? undefined : env.get(variable))
  return {
    repo: text('repo', given.repositoryFile === undefined ? 'REPOSITORY' : undefined),
    repositoryFile: text('repositoryFile', given.repo === undefined ? 'REPOSITORY_FILE' : undefined),
    password: readPasswordFlags(given, env),
    json: given.json === true,
    verbosity: readVerbosity(given, refuse),
    noLock: given.noLock === true,
    retryLock: readRetryLock(text('retryLock'), refuse),
    cacerts: (given.cacert as string[] | undefined) ?? env.get('CACERT')?.split(',') ?? [],
    clientCertificate: text('tlsClientCert', 'TLS_CLIENT_CERT'),
    insecureTls: given.insecureTls === true,
    cacheDir: text('cacheDir', 'CACHE_DIR'),
    noCache: given.noCache === true,
    cleanupCache: given.cleanupCache === true,
    compression: readCompression(text('compression', 'COMPRESSION') ?? 'auto', refuse),
    packSize: readPackSize(text('packSize', 'PACK_SIZE'), refuse),
    ...readStorageOptions((given.option as string[] | undefined) ?? [], refuse),
    limits: {
      upload: readLimit('--limit-upload', text('limitUpload'), refuse),
      download: readLimit('--limit-download', text('limitDownload'), refuse),
      file: readLimitFile(given, refuse),
    },
  }
}

type Refuse = (reason: string) => CliError

/** Flags of the command and of those above it; lists and counts add up. */
function mergeGiven(command: Command): Given {
  const merged: Record<string, unknown> = {}
  for (let at: Command | null = command; at; at = at.parent) {
    for (const [name, value] of Object.entries(at.opts())) {
      const inner = merged[name]
      if (inner === undefined) merged[name] = value
      else if (Array.isArray(inner) && Array.isArray(value)) merged[name] = [...(value as unknown[]), ...inner]
      else if (typeof inner === 'number' && typeof value === 'number') merged[name] = inner + value
    }
  }
  return merged
}

/** A file or command that is named on the line comes before one in the environment. */
function readPasswordFlags(given: Given, env: Environment): PasswordFlags {
  const file = given.passwordFile as string | undefined
  const command = given.passwordCommand as string | undefined
  return {
    file: file ?? (command === undefined ? env.get('PASSWORD_FILE') : undefined),
    command: command ?? (file === undefined ? env.get('PASSWORD_COMMAND') : undefined),
    none: given.insecureNoPassword === true,
    keyHint: (given.keyHint as string | undefined) ?? env.get('KEY_HINT'),
  }
}

function readVerbosity({ quiet, verbose }: Given, refuse: Refuse): Verbosity {
  const level = typeof verbose === 'number' ? verbose : 0
  if (quiet === true && level > 0) throw refuse('--quiet and --verbose exclude each other')
  if (quiet === true) return 0
  return Math.min(3, 1 + level) as Verbosity
}

function readRetryLock(text: string | undefined, refuse: Refuse): number {
  if (text === undefined) return 0
  const milliseconds = parseGoDuration(text)
  if (milliseconds === undefined) throw refuse(`"${text}" is no duration for --retry-lock; write 5m or 2h`)
  return milliseconds
}

function readCompression(text: string, refuse: Refuse): CompressionMode {
  if (compressionModes.includes(text)) return text as CompressionMode
  throw refuse(`"${text}" is no compression mode; there are auto, off, fastest, better and max`)
}

function readPackSize(text: string | undefined, refuse: Refuse): number | undefined {
  if (text === undefined || text === '0') return undefined
  const size = /^\d+$/.test(text) ? Number(text) : NaN
  if (!(size >= 4 && size <= 128)) throw refuse(`"${text}" is no size of packs; give whole MiB from 4 to 128`)
  return size << 20
}

function readLimitFile(given: Readonly<Record<string, unknown>>, refuse: Refuse): string | undefined {
  const file = given['limitFile'] as string | undefined
  const isTwice = file !== undefined && (given['limitUpload'] ?? given['limitDownload']) !== undefined
  if (isTwice) throw refuse('the limits were given twice, by --limit-file and by themselves')
  return file
}

/** In KiB a second, as restic has it; 0 is no limit. */
function readLimit(flagName: string, text: string | undefined, refuse: Refuse): number | undefined {
  if (text === undefined || text === '0') return undefined
  const kibibytes = /^\d{1,12}$/.test(text) ? Number(text) : 0
  if (kibibytes === 0) throw refuse(`"${text}" is no rate for ${flagName}; give whole KiB a second`)
  return kibibytes * 1024
}
