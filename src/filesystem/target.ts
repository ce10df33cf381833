import { hash, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'

import { hasCode, programModule } from '#base'
import type { BeginHow, BegunFile, CompareJob, Comparison, Node, Target, TargetEntry, TargetProblem } from '#restorer'

import { compileAttributeNames } from './attribute-filter.ts'
import type { AttributeNames, TakesAttribute } from './attribute-filter.ts'
import { ComparePool } from './compare.ts'
import { FilesystemError } from './errors.ts'
import { describeEntry, isOurs } from './leftovers.ts'
import { plainMetadata } from './metadata.ts'
import type { PlainMetadata } from './metadata.ts'
import { writeMetadata } from './metadata-write.ts'
import { refuseName, sameName } from './names.ts'
import { withOwnerByName } from './owner-by-name.ts'
import { holdsNode, makeNode, refuseNode } from './special.ts'
import { openTargetDisk, scansTargets } from './target-disk.ts'
import type { FolderHandle, MetadataPlace, TargetDisk } from './target-disk-types.ts'
import { WriteProblems } from './write-problems.ts'
import type { PartRef, WholeRef, WriterOptions } from './writer.ts'
import { explain, FileWriter, removeQuietly, shown, temporaryPrefix } from './writer.ts'

export interface FileTargetOptions {
  /** Long runs of zeros become holes. Default false. */
  readonly sparse?: boolean
  /**
   * The snapshot is somebody else's: no owners, setuid and setgid bits, devices, file capabilities. Default false:
   * then root restores all of them.
   */
  readonly foreign?: boolean
  /** Extended attributes that are restored; others are neither set nor removed. Default: all. */
  readonly attributes?: AttributeNames | undefined
  /** Owners and groups are those of the same names here. Default: those of the same numbers. */
  readonly ownersByName?: boolean
}

/** The modules that threads load to scan a target and to write into it. */
export function targetModules(): URL[] {
  return [programModule('filesystem/target-scanner'), programModule('filesystem/writer')]
}

/** A folder of this machine to restore into. It need not exist; it is made by the first change. */
export function openFileTarget(root: string, options: FileTargetOptions = {}): Target {
  return new FileTarget(root, options)
}

/** Files smaller than this are written anew: then nobody ever sees a half of the old and a half of the new. */
const leastPatched = 8 << 20

class FileTarget implements Target {
  readonly location: string
  readonly sparse: boolean
  readonly writer: Target['writer']
  readonly scanner: Target['scanner']
  readonly #options: WriterOptions
  readonly #takesAttribute: TakesAttribute
  readonly #ownersByName: boolean
  readonly #problems = new WriteProblems()
  readonly #run = randomBytes(4).toString('hex')
  readonly #comparers: ComparePool
  #openDisk: TargetDisk | undefined
  #wholeWriter: FileWriter | undefined
  #made = 0

  constructor(root: string, options: FileTargetOptions) {
    this.location = root
    this.sparse = options.sparse ?? false
    const { foreign = false, attributes, ownersByName = false } = options
    const { sparse } = this
    this.#options = { root, run: this.#run, sparse, foreign, attributes, problems: this.#problems.shared }
    this.#takesAttribute = compileAttributeNames(attributes)
    this.#ownersByName = ownersByName
    this.writer = {
      module: programModule('filesystem/writer'),
      options: this.#options,
    }
    // Of the snapshot's metadata as it is, or of none.
    const isComparable = scansTargets && !foreign && !ownersByName
    this.scanner = isComparable ? { module: programModule('filesystem/target-scanner'), options: root } : undefined
    this.#comparers = new ComparePool(root, () => this.#disk())
  }

  /** Makes the root if need be: not called by what only looks. */
  #disk(): TargetDisk {
    return (this.#openDisk ??= openTargetDisk(this.location))
  }

  #diskIfThere(): TargetDisk | undefined {
    return this.#openDisk ?? (existsSync(this.location) ? this.#disk() : undefined)
  }

  refuseName(name: Buffer): string | undefined {
    return refuseName(name)
  }

  sameName(name: Buffer): string {
    return sameName(name)
  }

  refuseNode(node: Node): string | undefined {
    return refuseNode(node, this.#options)
  }

  leftoverKey(name: Buffer): string {
    return hash('sha256', name, 'hex').slice(0, 16)
  }

  holds(path: Buffer, node: Node): boolean {
    const { folder, name } = split(path)
    try {
      return holdsNode(this.#disk(), this.#disk().folder(folder), name, node)
    } catch {
      return false
    }
  }

  isEmpty(path: Buffer): boolean {
    try {
      return this.#disk().list(this.#disk().folder(path.toString('latin1'))).length === 0
    } catch {
      return false
    }
  }

  async list(path: Buffer): Promise<readonly TargetEntry[] | undefined> {
    const disk = this.#diskIfThere()
    if (!disk) return undefined
    const folder = openIfFolder(disk, path.toString('latin1'))
    if (folder === undefined) return undefined
    const entries: TargetEntry[] = []
    for (const name of disk.list(folder)) {
      const stat = disk.stat(folder, name)
      if (stat) entries.push(describeEntry(name, stat))
    }
    return entries
  }

  async compare(
    jobs: readonly CompareJob[],
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<readonly Comparison[]> {
    const asked = jobs.map((job) => ({ ...job, node: job.node && this.#asItWillBe(job.node) }))
    return this.#comparers.compare(asked, signal)
  }

  /** The node with the metadata that it gets here; undefined where a look does not tell whether it has that. */
  #asItWillBe(node: Node): Node | undefined {
    if (this.#options.foreign) return undefined // not all of it is taken over
    return this.#ownersByName ? withOwnerByName(node) : node
  }

  async free(): Promise<number | undefined> {
    return this.#diskIfThere()?.free()
  }

  async makeFolder(path: Buffer, { exists }: { readonly exists: boolean }): Promise<void> {
    const disk = this.#disk()
    if (path.length === 0) return
    const { folder, name } = split(path)
    if (!exists) return this.#explained(folder, name, (parent) => disk.makeFolder(parent, name, 0o700))
    const handle = disk.folder(path.toString('latin1'))
    const { mode } = disk.statFolder(handle)
    // Its own mode comes back with the metadata. Root needs no permission.
    if (process.geteuid?.() !== 0 && (mode & 0o700) !== 0o700) {
      this.#folderDoor(disk, handle).chmod((mode & 0o7777) | 0o700)
    }
  }

  #folderDoor(disk: TargetDisk, handle: FolderHandle) {
    return disk.metadataOf(folderPlace(handle))
  }

  async remove(
    path: Buffer,
    { recursive, signal }: { readonly recursive: boolean; readonly signal?: AbortSignal | undefined },
  ): Promise<void> {
    const { folder, name } = split(path)
    const disk = this.#disk()
    const stat = disk.stat(disk.folder(folder), name)
    if (stat === undefined) return
    disk.forget(path.toString('latin1'))
    if (stat.kind !== 'dir') return this.#explained(folder, name, (parent) => disk.removeFile(parent, name))
    if (recursive) this.#empty(path.toString('latin1'), signal)
    this.#explained(folder, name, (parent) => disk.removeFolder(parent, name))
  }

  /** Removes all that is below a folder; with a stack of its own, as trees may be deeper than ours. */
  #empty(root: string, signal: AbortSignal | undefined): void {
    const disk = this.#disk()
    const stack: { readonly path: string; visited: boolean }[] = [{ path: root, visited: false }]
    for (let top = stack.at(-1); top; top = stack.at(-1)) {
      signal?.throwIfAborted()
      if (top.visited) {
        stack.pop()
        if (top.path === root) continue
        const { folder, name } = split(Buffer.from(top.path, 'latin1'))
        disk.forget(top.path)
        this.#explained(folder, name, (parent) => disk.removeFolder(parent, name))
        continue
      }
      top.visited = true
      for (const name of disk.list(disk.folder(top.path))) {
        const path = shown(top.path, name.toString('latin1'))
        if (disk.stat(disk.folder(top.path), name)?.kind === 'dir') stack.push({ path, visited: false })
        else this.#explained(top.path, name, (parent) => disk.removeFile(parent, name))
      }
    }
  }

  wholeRef(path: Buffer, node: Node, { replace }: { readonly replace: boolean }): WholeRef {
    const { folder, latin1 } = split(path)
    return { folder, name: latin1, replace, metadata: this.#metadataOf(node) }
  }

  async makeEmpty(path: Buffer, node: Node, how: { readonly replace: boolean }): Promise<void> {
    this.#wholeWriter ??= new FileWriter(this.#options)
    this.#wholeWriter.writeWhole(this.wholeRef(path, node, how), [])
  }

  async begin(path: Buffer, node: Node, how: BeginHow): Promise<OpenFile> {
    const { folder, name } = split(path)
    const disk = this.#disk()
    const patched = how.patch && how.size >= leastPatched ? this.#beginPatch(path, node, how.size) : undefined
    if (patched) return patched
    const continued = how.leftover && this.#beginLeftover(path, how.leftover, how)
    if (continued) return continued
    const temporary = Buffer.from(`${temporaryPrefix}${this.leftoverKey(name)}-${this.#run}`)
    return this.#explained(folder, name, (parent) => {
      const file = disk.create(parent, temporary)
      return this.#opened(file, path, temporary, { ...how, fresh: true, mark: undefined })
    })
  }

  /** Undefined when the file cannot be patched safely: it has other names, is being executed, or is not ours to write. */
  #beginPatch(path: Buffer, node: Node, size: number): OpenFile | undefined {
    const { folder, name } = split(path)
    const disk = this.#disk()
    let file: number
    try {
      file = disk.open(disk.folder(folder), name, 'write')
    } catch {
      return undefined
    }
    if (disk.statFile(file).links !== 1) {
      disk.close(file)
      return undefined
    }
    // A time that the finished file does not have says that it is not finished, should we be interrupted.
    const mark = plainMetadata(node).mtime === 0n ? 1n : 0n
    disk.metadataOf({ open: file }).setTimes(mark, mark)
    return this.#opened(file, path, name, { size, replace: true, fresh: false, mark })
  }

  #beginLeftover(path: Buffer, leftover: Buffer, how: BeginHow): OpenFile | undefined {
    const { folder } = split(path)
    const disk = this.#disk()
    try {
      const file = disk.open(disk.folder(folder), leftover, 'write')
      if (isOurs(disk.statFile(file)))
        return this.#opened(file, path, leftover, { ...how, fresh: false, mark: undefined })
      disk.close(file)
    } catch {
      // Gone or not to be opened: a new one is made.
    }
    return undefined
  }

  #opened(file: number, path: Buffer, name: Buffer, how: OpenedHow): OpenFile {
    const disk = this.#disk()
    try {
      disk.truncate(file, how.size)
      const { inode, deviceId } = disk.statFile(file)
      if (how.mark !== undefined) disk.metadataOf({ open: file }).setTimes(how.mark, how.mark)
      const { folder } = split(path)
      const ref = { folder, name: name.toString('latin1'), inode, deviceId, fresh: how.fresh, mark: how.mark }
      return { path, ref, keepsContent: !how.fresh, replace: how.replace }
    } finally {
      disk.close(file)
    }
  }

  async finish(begun: BegunFile, node: Node): Promise<void> {
    const { path, ref, replace } = begun as OpenFile
    const { folder, name } = split(path)
    const disk = this.#disk()
    const temporary = Buffer.from(ref.name, 'latin1')
    const file = disk.open(disk.folder(folder), temporary, 'write')
    try {
      const found = disk.statFile(file)
      if (found.inode !== ref.inode || found.deviceId !== ref.deviceId)
        throw new FilesystemError('FILE_REPLACED', { path })
      this.#writeMetadata({ open: file }, path, node)
    } finally {
      disk.close(file)
    }
    if (ref.mark === undefined) {
      this.#explained(folder, name, (parent) => disk.rename(parent, temporary, name, replace))
    }
  }

  async abandon(begun: BegunFile): Promise<void> {
    const { path, ref } = begun as OpenFile
    if (ref.mark !== undefined) return // what is right in it stays, and its time says that it is not finished
    const disk = this.#disk()
    removeQuietly(disk, disk.folder(split(path).folder), Buffer.from(ref.name, 'latin1'))
  }

  async makeOther(path: Buffer, node: Node, { replace }: { readonly replace: boolean }): Promise<void> {
    this.#aside(path, replace, (folder, name) => {
      makeNode(this.#disk(), folder, name, node)
      this.#writeMetadata({ folder, name }, path, node)
    })
  }

  async link(path: Buffer, first: Buffer, { replace }: { readonly replace: boolean }): Promise<void> {
    const from = split(first)
    const { folder } = split(path)
    this.#aside(path, replace, (_, name) => this.#disk().link(from.folder, from.name, folder, name))
  }

  /** Makes an entry under its name, or, where that is taken, beside it, and moves it there. */
  #aside(path: Buffer, replace: boolean, make: (folder: FolderHandle, name: Buffer) => void): void {
    const { folder, name } = split(path)
    const disk = this.#disk()
    if (!replace) return this.#explained(folder, name, (parent) => make(parent, name))
    const temporary = Buffer.from(`${temporaryPrefix}o-${this.#run}-${this.#made++}`)
    this.#explained(folder, name, (parent) => {
      try {
        make(parent, temporary)
        disk.rename(disk.folder(folder), temporary, name, true)
      } finally {
        // Also after success: renaming one name of a file onto another name of it does nothing.
        removeQuietly(disk, disk.folder(folder), temporary)
      }
    })
  }

  async setMetadata(path: Buffer, node: Node): Promise<void> {
    const { folder, name } = split(path)
    const disk = this.#disk()
    if (node.type === 'dir') {
      return this.#writeMetadata(folderPlace(disk.folder(path.toString('latin1'))), path, node)
    }
    const place: MetadataPlace = { folder: disk.folder(folder), name }
    if (node.type !== 'file') return this.#writeMetadata(place, path, node)
    let file: number
    try {
      file = disk.open(place.folder, name, 'read')
    } catch (error) {
      if (!hasCode(error, 'EACCES')) throw error
      return this.#writeMetadata(place, path, node) // ours, but not even we may read it
    }
    try {
      this.#writeMetadata({ open: file }, path, node)
    } finally {
      disk.close(file)
    }
  }

  #writeMetadata(place: MetadataPlace, path: Buffer, node: Node): void {
    writeMetadata(this.#disk().metadataOf(place), this.#metadataOf(node), {
      foreign: this.#options.foreign,
      takesAttribute: this.#takesAttribute,
      problems: this.#problems,
      path: path.toString('latin1'),
      isSymlink: node.type === 'symlink',
    })
  }

  #metadataOf(node: Node): PlainMetadata {
    return plainMetadata(this.#ownersByName ? withOwnerByName(node) : node)
  }

  #explained<Result>(folder: string, name: Buffer, work: (parent: FolderHandle) => Result): Result {
    const disk = this.#disk()
    try {
      return work(disk.folder(folder))
    } catch (error) {
      throw explain(disk, error, folder, name)
    }
  }

  async sync(): Promise<void> {
    this.#disk().sync()
  }

  problems(): readonly TargetProblem[] {
    return this.#problems.list()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#comparers[Symbol.asyncDispose]()
    this.#wholeWriter?.[Symbol.dispose]()
    this.#openDisk?.[Symbol.dispose]()
  }
}

interface OpenFile extends BegunFile {
  readonly ref: PartRef
  readonly replace: boolean
}

interface OpenedHow {
  readonly size: number
  readonly replace: boolean
  readonly fresh: boolean
  readonly mark: bigint | undefined
}

function folderPlace(handle: FolderHandle): MetadataPlace {
  return typeof handle === 'number' ? { open: handle } : { folder: handle, name: Buffer.alloc(0) }
}

function split(path: Buffer): { folder: string; name: Buffer; latin1: string } {
  const whole = path.toString('latin1')
  const slash = whole.lastIndexOf('/')
  const latin1 = whole.slice(slash + 1)
  return { folder: whole.slice(0, Math.max(0, slash)), name: Buffer.from(latin1, 'latin1'), latin1 }
}

function openIfFolder(disk: TargetDisk, path: string): FolderHandle | undefined {
  try {
    return disk.folder(path)
  } catch (error) {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ENOTDIR') || hasCode(error, 'ELOOP')) return undefined
    throw error
  }
}
