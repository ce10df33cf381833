import { rmSync } from 'node:fs'
import { mkdtemp, mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hasCode, messageOf } from '#base'
import {
  CacheBackend,
  RateLimit,
  defaultCacheFolder,
  listCaches,
  openBackend,
  parseLocation,
  removeCache,
  temporaryCachePrefix,
} from '#backend'
import type { Backend, RateLimits, Retry } from '#backend'
import { RepositoryError, lockRepository, openRepository } from '#repository'
import type { HeldLock, Repository } from '#repository'
import type { CommandContext } from './context.ts'
import { returnFreedMemory } from './frugal-memory.ts'
import { CliError, usage } from './errors.ts'
import { followLimitFile } from './limit-file.ts'
import type { GlobalOptions, PasswordFlags } from './global-flags.ts'
import { count } from './words.ts'
import { askPassword, readGivenPassword, readTextFile } from './password.ts'
import type { Missing } from './password.ts'

/** The repository of a command: its storage, its password, its lock. */

/** An open repository; disposing of it closes the storage too. */
export interface OpenedRepository extends AsyncDisposable {
  readonly repository: Repository
}

/** Which of the repositories of a command is meant, by where its location and password come from. */
export interface Place {
  readonly repo: string | undefined
  readonly repositoryFile: string | undefined
  readonly password: PasswordFlags
  /** The variable that may hold the password, without prefix. */
  readonly passwordVariable: string
  readonly question: string
  readonly missing: Missing
}

/** `temporary`: a cache of this command's own, which does not outlive it. `none`: what counts is what the storage has. */
export type CacheUse = 'usual' | 'temporary' | 'none'

export interface OpenOptions {
  readonly place?: Place
  readonly cache?: CacheUse
}

/** Wrong passwords that may be typed. */
const tries = 3

/** The place that the global flags name. */
export function mainPlace({ globals }: CommandContext): Place {
  const { repo, repositoryFile, password } = globals
  return {
    repo,
    repositoryFile,
    password,
    passwordVariable: 'PASSWORD',
    question: 'enter password for repository: ',
    missing: 'PASSWORD_MISSING',
  }
}

/** The storage at a place. Nothing is sent yet. */
export function openStorage(context: CommandContext, place: Place = mainPlace(context)): Backend {
  const { globals, env, printer } = context
  const location = parseLocation(readLocation(place, context.name), env.variables)
  return openBackend(location, {
    connections: globals.connections[location.scheme],
    tls: {
      cacerts: globals.cacerts,
      clientCertificate: globals.clientCertificate,
      insecure: globals.insecureTls,
    },
    sftp: globals.ssh,
    s3: globals.s3,
    limits: limitsOf(globals),
    env: env.variables,
    onRetry: (retry) => printer.error(describeRetry(retry)),
    onNotice: (sentence) => printer.error(sentence),
  })
}

const limitsInUse = new WeakMap<GlobalOptions, RateLimits>()

/** The line is one, however many storages a command works with. */
function limitsOf(globals: GlobalOptions): RateLimits {
  const limits = limitsInUse.get(globals) ?? readLimits(globals)
  limitsInUse.set(globals, limits)
  return limits
}

function readLimits({ limits: { upload, download, file } }: GlobalOptions): RateLimits {
  if (file !== undefined) return followLimitFile(file)
  return {
    upload: upload === undefined ? undefined : new RateLimit(upload),
    download: download === undefined ? undefined : new RateLimit(download),
  }
}

/** Opens the repository, asking for the password when it was not given. */
export async function openForCommand(context: CommandContext, options: OpenOptions = {}): Promise<OpenedRepository> {
  returnFreedMemory()
  const { place = mainPlace(context) } = options
  const backend = openStorage(context, place)
  const cache = await chooseCacheFolder(context, backend, options.cache ?? 'usual')
  try {
    const repository = await openWithPassword(context, place, backend, cache?.folder)
    printOpened(context, repository)
    return {
      repository,
      async [Symbol.asyncDispose]() {
        repository[Symbol.dispose]()
        await repository.backend[Symbol.asyncDispose]()
        cache?.remove()
      },
    }
  } catch (thrown) {
    await backend[Symbol.asyncDispose]()
    cache?.remove()
    throw thrown
  }
}

export interface LockWish {
  readonly exclusive?: boolean
  /** The work may begin while the lock is being made sure of: it only reads, or waits for `settled` before it writes. */
  readonly reads?: boolean
  /** Do without: the command changes nothing, and the user asked for it. */
  readonly skip?: boolean
}

/** Runs `work` under the repository's lock; its signal aborts when the lock is lost too. */
export async function withLock<Result>(
  context: CommandContext,
  repository: Repository,
  { exclusive = false, reads = false, skip = false }: LockWish,
  work: (signal: AbortSignal, lock: HeldLock | undefined) => Promise<Result>,
): Promise<Result> {
  const { signal } = context
  if (skip) return await work(signal, undefined)
  await using lock = await lockRepository(repository, { exclusive, early: reads, signal, ...lockWait(context) })
  return await work(lock.signal, lock)
}

/** How long to wait for a lock, and what to say meanwhile. */
export function lockWait({ globals, printer }: CommandContext) {
  return {
    retryFor: globals.retryLock,
    onWait: (holder: Error) =>
      printer.error(`${holder.message} Waiting for it, at most ${Math.round(globals.retryLock / 1000)} s.`),
  }
}

/** Opens the repository under a shared lock, for a command that only reads. */
export async function readRepository<Result>(
  context: CommandContext,
  work: (repository: Repository, signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  await using opened = await openForCommand(context)
  const { repository } = opened
  return await withLock(context, repository, { reads: true, skip: context.globals.noLock }, (signal) =>
    work(repository, signal),
  )
}

/** The folder that the local cache lies in, unless there is to be none. */
export function cacheFolder({ globals, env }: CommandContext): string | undefined {
  return globals.noCache ? undefined : (globals.cacheDir ?? defaultCacheFolder(env.variables))
}

function readLocation({ repo, repositoryFile }: Place, command: string): string {
  if (repo !== undefined && repositoryFile !== undefined) {
    throw usage(command, 'the location was given twice, by --repo and by --repository-file')
  }
  const location = repositoryFile === undefined ? repo : readTextFile(repositoryFile, '--repository-file').trim()
  if (location === undefined || location === '') throw new CliError('LOCATION_MISSING')
  return location
}

interface ChosenCache {
  readonly folder: string
  readonly remove: () => void
}

const oldAfter = 30 * 86_400_000

async function cleanUpCaches(folder: string, { printer }: CommandContext): Promise<void> {
  const old = (await listCaches(folder)).filter(({ lastUsed }) => lastUsed < Date.now() - oldAfter)
  if (old.length > 0) printer.say(`removing ${count(old.length, 'old cache')} from ${folder}`)
  for (const cache of old) {
    await removeCache(cache).catch((thrown: unknown) =>
      printer.error(`unable to remove ${cache.path}: ${messageOf(thrown)}`),
    )
  }
}

async function chooseCacheFolder(
  context: CommandContext,
  { fast }: Backend,
  use: CacheUse,
): Promise<ChosenCache | undefined> {
  const folder = cacheFolder(context)
  if (folder !== undefined && context.globals.cleanupCache) await cleanUpCaches(folder, context)
  if (folder === undefined || fast || use === 'none') return undefined
  if (use === 'usual') return { folder, remove: () => undefined }
  const base = context.globals.cacheDir ?? tmpdir()
  await mkdir(base, { recursive: true })
  const temporary = await mkdtemp(join(base, temporaryCachePrefix))
  return { folder: temporary, remove: () => rmSync(temporary, { recursive: true, force: true }) }
}

async function openWithPassword(
  context: CommandContext,
  place: Place,
  backend: Backend,
  cache: string | undefined,
): Promise<Repository> {
  const { signal, env, globals, printer } = context
  const { password: flags, passwordVariable: variable, question, missing } = place
  const onProblem = (error: Error) => printer.error(`The local cache is not used: ${messageOf(error)}`)
  const open = async (password: string) =>
    await openRepository(backend, {
      password,
      keyHint: flags.keyHint,
      compression: globals.compression,
      signal,
      ...(cache !== undefined && {
        wrap: (inner: Backend, { id }: { readonly id: string }) =>
          CacheBackend.open(inner, { repositoryId: id, folder: cache, onProblem }),
      }),
    })
  const given = await readGivenPassword({ flags, env, variable, command: context.name, signal })
  if (given !== undefined) return await open(given)
  await refuseAbsent(backend, signal)
  for (let left = process.stdin.isTTY ? tries : 1; ; left--) {
    try {
      return await open(await askPassword(question, signal, missing))
    } catch (thrown) {
      if (left <= 1 || !(hasCode(thrown, 'PASSWORD_WRONG') || hasCode(thrown, missing))) throw thrown
      printer.error(`${messageOf(thrown)} Try again.`)
    }
  }
}

// Nobody should type a password for a repository that is not there.
async function refuseAbsent(backend: Backend, signal: AbortSignal): Promise<void> {
  if ((await backend.size({ type: 'config', name: '' }, { signal })) !== undefined) return
  for await (const _ of backend.list('key', { signal })) return
  throw new RepositoryError('REPOSITORY_NOT_FOUND', { location: backend.location })
}

function printOpened({ printer, globals }: CommandContext, { config }: Repository): void {
  const compression = config.version >= 2 ? `, compression level ${globals.compression}` : ''
  printer.sayOnTerminal(`repository ${config.id.slice(0, 8)} opened (version ${config.version}${compression})`)
}

function describeRetry({ method, subject, error, delay }: Retry): string {
  return `${method} of ${subject} failed, trying again in ${(delay / 1000).toFixed(1)} s: ${error.message}`
}
