import { messageOf, programModule } from '#base'
import type { Cancellable } from '#base'
import type { Described, Listing, Problem, Source, SourceEntry, SourceFolder, ThreadLister } from '#archiver'

import { DiskEntry, DiskFolder, TargetFolder } from './entries.ts'
import { FilesystemError } from './errors.ts'
import { compileExcludes } from './exclude.ts'
import type { Excludes } from './exclude.ts'
import { buildNode } from './node.ts'
import type { DeviceAlias, NodeOptions } from './node.ts'
import { fromRaw, platform, toRaw } from './platform/index.ts'
import { listTargets } from './list-targets.ts'
import type { FolderRef } from './folder-lister.ts'
import { enterFound, listFolder } from './list-folder.ts'
import { RemoteMounts } from './remote-mounts.ts'
import { joinPath, planTargets } from './target-tree.ts'
import { absolutePath } from './walk.ts'
import type { Walk } from './walk.ts'

export interface FileSourceOptions extends Cancellable {
  readonly excludes?: Excludes | undefined
  /** Do not leave the file systems that the targets lie on; their mount points are kept as empty folders. */
  readonly oneFileSystem?: boolean | undefined
  readonly withAtime?: boolean | undefined
  readonly withoutAttributes?: boolean | undefined
  /** Read from this snapshot of the volume instead of from the volume itself (`volume-snapshot/`). */
  readonly volume?: ReadFrom | undefined
  /** Raw bytes; what relative targets start from. Default: the process's. */
  readonly workingFolder?: Buffer | undefined
  /** Told of what was noticed and changes nothing: a `CACHEDIR.TAG` that is none, say. */
  readonly onWarning?: (path: Buffer, error: Error) => void
  readonly onExcluded?: (path: Buffer) => void
  /** Milliseconds that a network mount may take to answer. */
  readonly patience?: number
}

/** Where a volume can be read instead. */
export interface ReadFrom {
  /** The path to read for an absolute path (both raw). */
  readonly map: (path: string) => string
  /** Paths at which other file systems begin that are not part of the volume (raw): `map` is asked again there. */
  readonly elsewhere: ReadonlySet<string>
  readonly devices: readonly DeviceAlias[]
  /** What is only there because of the snapshot and is no part of the backup (raw). */
  readonly hidden: ReadonlySet<string>
  /** Throws when what has been read is not to be trusted any more. */
  readonly verify: () => Promise<void>
}

const defaultPatience = 30_000

/** The modules that threads load to read and list files. */
export function fileModules(): URL[] {
  return [programModule('filesystem/reader'), programModule('filesystem/folder-lister')]
}

/**
 * A source that reads the local disk as `restic backup TARGET…` does. Targets are paths, as text or raw bytes.
 * One that does not exist becomes a problem of the root folder's listing; when none does, this throws TARGETS_MISSING.
 */
export async function createFileSource(
  targets: readonly (Buffer | string)[],
  options: FileSourceOptions = {},
): Promise<Source> {
  const workingFolder = options.workingFolder ? toRaw(options.workingFolder) : platform.workingFolder()
  const readPath = options.volume?.map ?? ((path: string) => path)
  const remote = new RemoteMounts(options.patience ?? defaultPatience)
  const wanted = targets.map((target) => toRaw(target))
  const absolute = (target: string) => absolutePath(target, workingFolder)
  const { found, problems, devices } = await lookAtTargets(wanted.map(absolute), readPath, remote)
  const existing = wanted.filter((target) => found.has(absolute(target)))
  if (existing.length === 0) throw new FilesystemError('TARGETS_MISSING', { cause: problems[0]?.error })
  const top = planTargets(existing, (folder) => namesIn(readPath(absolute(folder))))
  const walk: Walk = {
    excludes: withHidden(options.excludes ?? compileExcludes(), options.volume),
    oneFileSystem: options.oneFileSystem ?? false,
    devices,
    workingFolder,
    readPath,
    elsewhere: options.volume?.elsewhere ?? new Set(),
    remote,
    warn: (path, error) => options.onWarning?.(fromRaw(path), error),
    excluded: (path) => options.onExcluded?.(fromRaw(path)),
  }
  const { withAtime, withoutAttributes, volume } = options
  return new FileSource({
    paths: existing.map((target) => absolute(target)),
    root: new TargetFolder(top, '/'),
    walk,
    missing: problems,
    nodeOptions: { withAtime, withoutAttributes, devices: volume?.devices },
    // Where a volume is read through a snapshot of it, paths are not what they seem; access times change without a trace.
    lister: volume || withAtime ? undefined : createLister(walk),
    verify: volume?.verify ?? (() => Promise.resolve()),
  })
}

function withHidden(excludes: Excludes, volume: ReadFrom | undefined): Excludes {
  return volume ? { ...excludes, folders: [...excludes.folders, ...volume.hidden] } : excludes
}

/** Which of the targets are there, and on which device. */
async function lookAtTargets(targets: readonly string[], readPath: (path: string) => string, remote: RemoteMounts) {
  const found = new Set<string>()
  const devices = new Map<string, bigint>()
  const problems: Problem[] = []
  for (const target of new Set(targets)) {
    try {
      await remote.checkAbove(target)
      devices.set(target, platform.stat(readPath(target), { follow: false }).deviceId)
      found.add(target)
    } catch (error) {
      problems.push({ path: fromRaw(target), error: error as Error })
    }
  }
  return { found, devices, problems }
}

function namesIn(folder: string): string[] {
  // `.` and the like may be reached through a symlink: `/.` makes the last component a folder.
  using open = platform.openFolder(joinPath(folder, '.'))
  return open.names()
}

interface FileSourceParts {
  readonly paths: readonly string[]
  readonly root: TargetFolder
  readonly walk: Walk
  readonly missing: readonly Problem[]
  readonly nodeOptions: NodeOptions
  readonly verify: () => Promise<void>
  readonly lister: ThreadLister | undefined
}

function createLister(walk: Walk): ThreadLister {
  return {
    module: programModule('filesystem/folder-lister'),
    options: walk.excludes.lists,
    ref(folder): FolderRef | undefined {
      if (!(folder instanceof DiskFolder) || folder.isBarred || walk.remote.hasSomeIn(folder.raw)) return undefined
      const { at: path, stat, rules } = folder
      return { path, inode: stat.inode, deviceId: stat.deviceId, trusted: rules.trusted, device: rules.device }
    },
    enter: (folder, found) => enterFound(walk, folder as DiskFolder, found),
  }
}

class FileSource implements Source {
  readonly paths: readonly string[]
  readonly root: TargetFolder
  readonly reader: Source['reader']
  readonly lister?: ThreadLister | undefined
  readonly #walk: Walk
  readonly #missing: readonly Problem[]
  readonly #nodeOptions: NodeOptions
  readonly #verify: () => Promise<void>

  constructor({ paths, root, walk, missing, nodeOptions, verify, lister }: FileSourceParts) {
    this.paths = paths.map((path) => fromRaw(path).toString('utf8'))
    this.root = root
    this.reader = { module: programModule('filesystem/reader'), options: nodeOptions }
    this.lister = lister
    this.#walk = walk
    this.#missing = missing
    this.#nodeOptions = nodeOptions
    this.#verify = verify
  }

  async list(folder: SourceFolder, { signal }: Cancellable = {}): Promise<Listing> {
    signal?.throwIfAborted()
    if (folder instanceof DiskFolder) return listFolder(this.#walk, folder)
    if (!(folder instanceof TargetFolder)) throw new TypeError('this folder belongs to another source')
    const listing = await listTargets(this.#walk, folder)
    return folder === this.root ? { ...listing, problems: [...this.#missing, ...listing.problems] } : listing
  }

  async describe(entry: SourceEntry): Promise<Described> {
    if (!(entry instanceof DiskEntry)) throw new TypeError('this entry belongs to another source')
    return describe(entry, this.#nodeOptions)
  }

  finish(): Promise<void> {
    return this.#verify()
  }
}

function describe(entry: DiskEntry, options: NodeOptions): Described {
  const { name, stat, at } = entry
  const problems: Problem[] = []
  const linkTarget = stat.type === 'symlink' ? platform.readLink(at) : undefined
  const attributes = options.withoutAttributes ? undefined : attributesOf(entry, problems)
  return { node: buildNode({ name, stat, attributes, linkTarget }, options), problems }
}

function attributesOf(entry: DiskEntry, problems: Problem[]) {
  const { at, path, isAbove } = entry
  try {
    // Folders above the targets are described as what a symlink on the way leads to.
    const result = platform.extendedAttributes(isAbove ? joinPath(at, '.') : at)
    problems.push(...result.problems.map((error) => ({ path, error })))
    return result.attributes
  } catch (error) {
    if (!isAbove)
      problems.push({
        path,
        error: new FilesystemError('ATTRIBUTES_NOT_READ', { path, reason: messageOf(error), cause: error }),
      })
    return undefined
  }
}
