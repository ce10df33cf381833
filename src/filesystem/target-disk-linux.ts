import { mkdirSync, statfsSync } from 'node:fs'

import { check, cString, errnos, lastErrno, SystemError } from './platform/libc.ts'
import { atFlags, listNames, openFlags, openFolderBelow, renameWithin, writeCalls } from './platform/libc-write.ts'
import { handleDoor, namedDoor, readStatx } from './platform/metadata-door.ts'
import type { FolderHandle, MetadataDoor, MetadataPlace, TargetDisk, TargetStat } from './target-disk-types.ts'

/** Handles kept open. Below them work goes on although the folder may have been moved: a handle cannot be redirected. */
const openFolders = 64

/** Longest path given to one `openat2`; deeper folders are opened from a handle on the way. */
const longestStep = 3000

const selfName = cString('')

/** A target below one open folder, all by handles: see `libc-write.ts`. */
export class LinuxDisk implements TargetDisk {
  readonly safeFromRaces = true
  readonly #root: number
  readonly #rootPath: string
  /** Path (latin1) → handle, in the order of last use. */
  readonly #folders = new Map<string, number>()

  constructor(root: string) {
    mkdirSync(root, { recursive: true, mode: 0o700 })
    this.#rootPath = root
    const flags = openFlags.readOnly | openFlags.directory | openFlags.closeOnExec
    // The root itself is the caller's own word and may be a symlink; everything below may not.
    this.#root = check(writeCalls().openat(-100, cString(root), flags, 0), 'open', root)
  }

  folder(path: string): FolderHandle {
    if (path === '') return this.#root
    const known = this.#folders.get(path)
    if (known !== undefined) {
      this.#folders.delete(path)
      this.#folders.set(path, known)
      return known
    }
    const handle = this.#openFolder(path)
    this.#folders.set(path, handle)
    if (this.#folders.size > openFolders) this.#closeOldest()
    return handle
  }

  #openFolder(path: string): number {
    if (path.length <= longestStep) return openFolderBelow(this.#root, Buffer.from(path, 'latin1'))
    // Paths beyond PATH_MAX: open the first part, and go on from there.
    let from = this.#root
    let rest = path
    while (rest.length > 0) {
      const cut = rest.length <= longestStep ? rest.length : rest.lastIndexOf('/', longestStep)
      try {
        const next = openFolderBelow(from, Buffer.from(rest.slice(0, cut), 'latin1'))
        if (from !== this.#root) writeCalls().close(from)
        from = next
      } catch (error) {
        if (from !== this.#root) writeCalls().close(from)
        throw error
      }
      rest = rest.slice(cut + 1)
    }
    return from
  }

  #closeOldest(): void {
    const [path, handle] = this.#folders.entries().next().value as [string, number]
    this.#folders.delete(path)
    writeCalls().close(handle)
  }

  forget(path: string): void {
    for (const [open, handle] of this.#folders) {
      if (open !== path && !open.startsWith(`${path}/`)) continue
      this.#folders.delete(open)
      writeCalls().close(handle)
    }
  }

  list(folder: FolderHandle): Buffer[] {
    return listNames(folder as number, Buffer.from(this.#rootPath))
  }

  stat(folder: FolderHandle, name: Buffer): TargetStat | undefined {
    const stat = readStatx(folder as number, cString(name), atFlags.noFollow)
    if (stat !== undefined) return stat
    const errno = lastErrno()
    if (errno === errnos.ENOENT) return undefined
    throw new SystemError(errno, 'statx', name)
  }

  statFolder(folder: FolderHandle): TargetStat {
    return this.statFile(folder as number)
  }

  makeFolder(folder: FolderHandle, name: Buffer, mode: number): void {
    check(writeCalls().mkdirat(folder as number, cString(name), mode), 'mkdirat', name)
  }

  makeSymlink(folder: FolderHandle, name: Buffer, target: Buffer): void {
    check(writeCalls().symlinkat(cString(target), folder as number, cString(name)), 'symlinkat', name)
  }

  makeSpecial(folder: FolderHandle, name: Buffer, mode: number, device: bigint): void {
    check(writeCalls().mknodat(folder as number, cString(name), mode, device), 'mknodat', name)
  }

  link(fromFolder: string, fromName: Buffer, folder: string, name: Buffer): void {
    // Without AT_SYMLINK_FOLLOW: should somebody have put a symlink there, it is the symlink that gets a second name.
    const from = this.folder(fromFolder) as number
    const to = this.folder(folder) as number
    check(writeCalls().linkat(from, cString(fromName), to, cString(name), 0), 'linkat', name)
  }

  rename(folder: FolderHandle, from: Buffer, to: Buffer, replace: boolean): void {
    renameWithin(folder as number, from, to, replace)
  }

  removeFile(folder: FolderHandle, name: Buffer): void {
    check(writeCalls().unlinkat(folder as number, cString(name), 0), 'unlinkat', name)
  }

  removeFolder(folder: FolderHandle, name: Buffer): void {
    check(writeCalls().unlinkat(folder as number, cString(name), atFlags.removeFolder), 'unlinkat', name)
  }

  create(folder: FolderHandle, name: Buffer): number {
    const flags =
      openFlags.writeOnly | openFlags.create | openFlags.exclusive | openFlags.noFollow | openFlags.closeOnExec
    return check(writeCalls().openat(folder as number, cString(name), flags, 0o600), 'openat', name)
  }

  open(folder: FolderHandle, name: Buffer, how: 'read' | 'write'): number {
    const access = how === 'read' ? openFlags.readOnly : openFlags.writeOnly
    const flags = access | openFlags.noFollow | openFlags.nonBlocking | openFlags.closeOnExec
    const file = check(writeCalls().openat(folder as number, cString(name), flags, 0), 'openat', name)
    if (this.statFile(file).kind === 'file') return file
    this.close(file)
    throw new SystemError(errnos.EINVAL, 'open (no longer a file)', name)
  }

  statFile(file: number): TargetStat {
    const stat = readStatx(file, selfName, atFlags.emptyPath)
    if (stat === undefined) throw new SystemError(lastErrno(), 'statx')
    return stat
  }

  write(file: number, bytes: Uint8Array, offset: number): void {
    let done = 0
    while (done < bytes.length) {
      const part = done === 0 ? bytes : bytes.subarray(done)
      const written = writeCalls().pwrite(file, part, part.length, offset + done)
      if (written < 0) {
        const errno = lastErrno()
        if (errno === errnos.EINTR) continue
        throw new SystemError(errno, 'pwrite')
      }
      done += written
    }
  }

  read(file: number, into: Uint8Array, offset: number): number {
    let done = 0
    while (done < into.length) {
      const part = done === 0 ? into : into.subarray(done)
      const bytes = writeCalls().pread(file, part, part.length, offset + done)
      if (bytes === 0) break
      if (bytes < 0) {
        const errno = lastErrno()
        if (errno === errnos.EINTR) continue
        throw new SystemError(errno, 'pread')
      }
      done += bytes
    }
    return done
  }

  truncate(file: number, size: number): void {
    check(writeCalls().ftruncate(file, size), 'ftruncate')
  }

  punchHole(file: number, offset: number, length: number): boolean {
    const keepSizeAndPunch = 3
    return writeCalls().fallocate(file, keepSizeAndPunch, offset, length) === 0
  }

  close(file: number): void {
    // Some file systems (NFS, quotas) say only now that a write failed.
    if (writeCalls().close(file) < 0 && lastErrno() !== errnos.EINTR) throw new SystemError(lastErrno(), 'close')
  }

  metadataOf(place: MetadataPlace): MetadataDoor {
    if ('open' in place) return handleDoor(place.open)
    return namedDoor(place.folder as number, place.name)
  }

  free(): number {
    const { bavail, bsize } = statfsSync(`/proc/self/fd/${this.#root}`)
    return bavail * bsize
  }

  sync(): void {
    check(writeCalls().syncfs(this.#root), 'syncfs', this.#rootPath)
  }

  [Symbol.dispose](): void {
    for (const handle of this.#folders.values()) writeCalls().close(handle)
    this.#folders.clear()
    writeCalls().close(this.#root)
  }
}
