import { hasCode, programModule, systemClock } from '#base'
import type { Cancellable, Clock } from '#base'
import type { Described, Listing, Problem, Source, SourceEntry, SourceFolder } from '#archiver'
import { compilePatterns } from '#filesystem'
import type { Patterns, PatternState } from '#filesystem'
import { compareNames, isSafeName } from '#repository'

import { checkDevice, componentsOf } from './device.ts'
import type { NeighbourDevice } from './device.ts'
import { NeighbourError } from './errors.ts'
import { entryFailure } from './failures.ts'
import type { NeighbourRef } from './neighbour-reader.ts'
import { checkRclone } from './rclone-program.ts'
import { startRclone } from './rclone-service.ts'
import { Remote, remoteOf } from './remote.ts'
import { nodeOf, parseItem, statOf } from './remote-item.ts'
import type { RemoteItem } from './remote-item.ts'

export interface NeighbourOptions extends Cancellable {
  /** Name or path of rclone. */
  readonly rclone?: string | undefined
  /** Patterns as of restic, against the absolute paths on the machine. */
  readonly excludes?: readonly string[] | undefined
  /** Milliseconds that the machine may be silent. Default a minute. */
  readonly patience?: number | undefined
  /** Told of what was noticed and is no fault: symlinks. */
  readonly onWarning?: (path: Buffer, error: Error) => void
  readonly onExcluded?: (path: Buffer) => void
  readonly clock?: Clock | undefined
}

/** A source that must be disposed of, after the threads that read from it: that ends rclone. */
export type NeighbourSource = Source & AsyncDisposable

/**
 * The files of a machine that may take no software, read over SFTP, FTP or SMB by rclone; nothing is ever written to it.
 * Their sizes and times are kept, owners and rights are not: these protocols do not tell rclone.
 *
 * Throws RCLONE_…, DEVICE_INVALID, DEVICE_UNREACHABLE, DEVICE_LOGIN_REFUSED, DEVICE_NOT_TRUSTED, DEVICE_PATHS_MISSING.
 */
export async function openNeighbour(device: NeighbourDevice, options: NeighbourOptions = {}): Promise<NeighbourSource> {
  const { rclone = 'rclone', patience = 60_000, clock = systemClock, signal } = options
  checkDevice(device)
  await checkRclone(rclone, { signal })
  await using stack = new AsyncDisposableStack()
  const service = stack.use(await startRclone(device, { program: rclone, patience, clock, signal }))
  const remote = new Remote(device, service, { patience, clock })
  const { found, problems } = await lookAtPaths(remote, device, signal)
  if (found.length === 0) throw nothingFound(device, problems)
  const owned = stack.move()
  return new Neighbour({ remote, found, missing: problems, options, close: () => owned.disposeAsync() })
}

interface FoundPath {
  /** Absolute, normal. */
  readonly path: string
  /** Undefined for the root of all. */
  readonly item: RemoteItem | undefined
}

async function lookAtPaths(remote: Remote, device: NeighbourDevice, signal: AbortSignal | undefined) {
  const found: FoundPath[] = []
  const problems: Problem[] = []
  const paths = new Set(device.paths.map((path) => `/${remoteOf(path)}`))
  for (const path of outermost([...paths])) {
    try {
      // Asking for the root of all is asking whether the machine can be read.
      const item = path === '/' ? void (await remote.list(path, { signal })) : await remote.stat(path, { signal })
      if (path === '/' || item) found.push({ path, item: item ?? undefined })
      else problems.push({ path: Buffer.from(path), error: entryFailure(path, 404, '') })
    } catch (error) {
      if (!hasCode(error, 'DEVICE_ENTRY_REFUSED') && !hasCode(error, 'DEVICE_ENTRY_MISSING')) throw error
      problems.push({ path: Buffer.from(path), error: error as Error })
    }
  }
  return { found, problems }
}

/** Paths that are there and cannot be read say more than that nothing was found. */
function nothingFound({ name }: NeighbourDevice, problems: readonly Problem[]): Error {
  const { error } = problems.find((problem) => !hasCode(problem.error, 'DEVICE_ENTRY_MISSING')) ?? {}
  return error ?? new NeighbourError('DEVICE_PATHS_MISSING', { device: name, cause: problems[0]?.error })
}

/** Without those that lie in another. */
function outermost(paths: readonly string[]): string[] {
  return paths.filter(
    (path) => !paths.some((other) => other !== path && path.startsWith(other === '/' ? '/' : `${other}/`)),
  )
}

/** A folder of the machine, or one above the paths that were asked for. */
interface NeighbourFolder extends SourceFolder {
  readonly text: string
  /** Set above the paths: those that lie in it. */
  readonly leadsTo?: readonly FoundPath[] | undefined
  readonly state: PatternState
}

interface NeighbourParts {
  readonly remote: Remote
  readonly found: readonly FoundPath[]
  readonly missing: readonly Problem[]
  readonly options: NeighbourOptions
  readonly close: () => Promise<void>
}

class Neighbour implements NeighbourSource {
  readonly paths: readonly string[]
  readonly root: NeighbourFolder
  readonly reader: Source['reader']
  readonly #remote: Remote
  readonly #missing: readonly Problem[]
  readonly #excludes: Patterns
  readonly #options: NeighbourOptions
  readonly #close: () => Promise<void>

  constructor({ remote, found, missing, options, close }: NeighbourParts) {
    this.paths = found.map(({ path }) => path)
    this.#excludes = compilePatterns(options.excludes ?? [])
    const isWhole = found.some(({ path }) => path === '/')
    this.root = this.#folder('/', this.#excludes.root, isWhole ? undefined : found)
    this.reader = { module: programModule('agent/neighbour/neighbour-reader'), options: remote.readerOptions() }
    this.#remote = remote
    this.#missing = missing
    this.#options = options
    this.#close = close
  }

  async list(folder: SourceFolder, { signal }: Cancellable = {}): Promise<Listing> {
    const known = folder as NeighbourFolder
    const listing = known.leadsTo ? this.#listAbove(known, known.leadsTo) : await this.#listRemote(known, signal)
    return folder === this.root ? { ...listing, problems: [...this.#missing, ...listing.problems] } : listing
  }

  async describe({ name, stat }: SourceEntry): Promise<Described> {
    return { node: nodeOf(name, stat), problems: [] }
  }

  /** Throws why the machine went away in the middle, if it did: then it was not read. */
  async finish(): Promise<void> {
    if (this.#remote.gone) throw this.#remote.gone
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#close()
  }

  #folder(text: string, state: PatternState, leadsTo?: readonly FoundPath[]): NeighbourFolder {
    return { path: Buffer.from(text), text, state, leadsTo }
  }

  #listAbove(folder: NeighbourFolder, leadsTo: readonly FoundPath[]): Listing {
    const depth = componentsOf(folder.text).length
    const byName = Map.groupBy(leadsTo, ({ path }) => componentsOf(path)[depth] as string)
    const entries = [...byName].map(([name, below]) => {
      const [first] = below as [FoundPath, ...FoundPath[]]
      const isPath = componentsOf(first.path).length === depth + 1
      const item = (isPath && first.item) || { name, isFolder: true, size: 0, mtime: 0n }
      return this.#entry(folder, { ...item, name }, isPath ? undefined : below)
    })
    return { entries: sorted(entries), problems: [] }
  }

  async #listRemote(folder: NeighbourFolder, signal: AbortSignal | undefined): Promise<Listing> {
    try {
      const isSftp = this.#remote.device.kind === 'sftp'
      const [plain, followed] = await Promise.all([
        this.#remote.list(folder.text, { signal }),
        isSftp ? this.#remote.list(folder.text, { signal, followed: true }) : [],
      ])
      this.#warnOfLinks(folder, plain, followed)
      return this.#sift(folder, plain)
    } catch (error) {
      signal?.throwIfAborted()
      if (!(error instanceof NeighbourError)) throw error
      return { entries: [], problems: [{ path: folder.path, error }], unreadable: true }
    }
  }

  /** What is only there when symlinks are followed. */
  #warnOfLinks(folder: NeighbourFolder, plain: readonly unknown[], followed: readonly unknown[]): void {
    const names = new Set(plain.map((value) => parseItem(value)?.name))
    for (const value of followed) {
      const name = parseItem(value)?.name
      if (name === undefined || names.has(name) || this.#excludes.matches(folder.state, name)) continue
      const path = Buffer.from(pathBelow(folder, name))
      this.#options.onWarning?.(path, new NeighbourError('SYMLINK_NOT_KEPT', { path }))
    }
  }

  #sift(folder: NeighbourFolder, values: readonly unknown[]): Listing {
    const entries: SourceEntry[] = []
    const problems: Problem[] = []
    const met = new Set<string>()
    for (const value of values) {
      const item = parseItem(value)
      const path = Buffer.from(item ? pathBelow(folder, item.name) : folder.text)
      const reason = reasonAgainst(item, met)
      if (reason !== undefined || !item) {
        problems.push({ path, error: new NeighbourError('DEVICE_NAME_UNUSABLE', { path, reason }) })
      } else if (this.#excludes.matches(folder.state, item.name)) this.#options.onExcluded?.(path)
      else entries.push(this.#entry(folder, item))
      if (item) met.add(item.name)
    }
    return { entries: sorted(entries), problems }
  }

  #entry(above: NeighbourFolder, item: RemoteItem, leadsTo?: readonly FoundPath[]): SourceEntry {
    const text = pathBelow(above, item.name)
    const size = BigInt(Math.max(0, item.size))
    const stat = statOf(item.isFolder, item.isFolder ? 0n : size, item.mtime)
    const common = { name: Buffer.from(item.name), path: Buffer.from(text), stat }
    if (item.isFolder) {
      return { ...common, folder: this.#folder(text, this.#excludes.enter(above.state, item.name), leadsTo) }
    }
    const ref: NeighbourRef = { remote: remoteOf(text), path: text, name: item.name, size, mtime: item.mtime }
    return { ...common, ref }
  }
}

function pathBelow({ text }: NeighbourFolder, name: string): string {
  return text === '/' ? `/${name}` : `${text}/${name}`
}

/** Why an entry cannot be taken; a hostile machine may send anything. */
function reasonAgainst(item: RemoteItem | undefined, met: ReadonlySet<string>): string | undefined {
  if (!item) return 'it is not described as it must be'
  if (!item.name.isWellFormed() || !isSafeName(Buffer.from(item.name))) return 'it is no name of a file'
  if (met.has(item.name)) return 'another one in the folder reads the same'
  return undefined
}

function sorted(entries: readonly SourceEntry[]): SourceEntry[] {
  return entries.toSorted((one, other) => compareNames(one.name, other.name))
}
