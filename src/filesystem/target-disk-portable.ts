import * as fs from 'node:fs'
import { join } from 'node:path'

import type {
  EntryKind,
  FolderHandle,
  MetadataDoor,
  MetadataPlace,
  TargetDisk,
  TargetStat,
} from './target-disk-types.ts'

/**
 * A target by paths, for systems without the calls of `libc-write.ts`. Every folder on the way is looked at (`lstat`)
 * before it is used, so no link that lies there is followed; somebody who swaps a folder for a link between that look
 * and the use can lead a write elsewhere. There are no extended attributes, and times are exact to about 100 ns.
 */
export class PortableDisk implements TargetDisk {
  readonly safeFromRaces = false
  readonly #root: string

  constructor(root: string) {
    fs.mkdirSync(root, { recursive: true, mode: 0o700 })
    this.#root = fs.realpathSync(root)
  }

  folder(path: string): FolderHandle {
    let whole = this.#root
    for (const name of path === '' ? [] : path.split('/')) {
      whole = join(whole, text(Buffer.from(name, 'latin1')))
      if (!fs.lstatSync(whole).isDirectory()) throw systemError('ENOTDIR', 'not a folder', whole)
    }
    return whole
  }

  forget(): void {}

  list(folder: FolderHandle): Buffer[] {
    return fs.readdirSync(folder as string, { encoding: 'buffer' })
  }

  stat(folder: FolderHandle, name: Buffer): TargetStat | undefined {
    const found = fs.lstatSync(at(folder, name), { bigint: true, throwIfNoEntry: false })
    return found && describe(found)
  }

  statFolder(folder: FolderHandle): TargetStat {
    return describe(fs.lstatSync(folder as string, { bigint: true }))
  }

  makeFolder(folder: FolderHandle, name: Buffer, mode: number): void {
    fs.mkdirSync(at(folder, name), { mode })
  }

  makeSymlink(folder: FolderHandle, name: Buffer, target: Buffer): void {
    fs.symlinkSync(target, at(folder, name))
  }

  makeSpecial(folder: FolderHandle, name: Buffer): void {
    throw systemError('ENOTSUP', 'devices and fifos are not supported here', at(folder, name))
  }

  link(fromFolder: string, fromName: Buffer, folder: string, name: Buffer): void {
    fs.linkSync(at(this.folder(fromFolder), fromName), at(this.folder(folder), name))
  }

  rename(folder: FolderHandle, from: Buffer, to: Buffer, replace: boolean): void {
    if (replace) return fs.renameSync(at(folder, from), at(folder, to))
    if (this.stat(folder, to)) throw systemError('EEXIST', 'file already exists', at(folder, to))
    fs.renameSync(at(folder, from), at(folder, to))
  }

  removeFile(folder: FolderHandle, name: Buffer): void {
    fs.unlinkSync(at(folder, name))
  }

  removeFolder(folder: FolderHandle, name: Buffer): void {
    fs.rmdirSync(at(folder, name))
  }

  create(folder: FolderHandle, name: Buffer): number {
    return fs.openSync(at(folder, name), 'wx+', 0o600)
  }

  open(folder: FolderHandle, name: Buffer, how: 'read' | 'write'): number {
    const path = at(folder, name)
    if (!fs.lstatSync(path).isFile()) throw systemError('EINVAL', 'no longer a file', path)
    return fs.openSync(path, how === 'read' ? 'r' : 'r+')
  }

  statFile(file: number): TargetStat {
    return describe(fs.fstatSync(file, { bigint: true }))
  }

  write(file: number, bytes: Uint8Array, offset: number): void {
    for (let done = 0; done < bytes.length;) done += fs.writeSync(file, bytes, done, bytes.length - done, offset + done)
  }

  read(file: number, into: Uint8Array, offset: number): number {
    let done = 0
    while (done < into.length) {
      const bytes = fs.readSync(file, into, done, into.length - done, offset + done)
      if (bytes === 0) break
      done += bytes
    }
    return done
  }

  truncate(file: number, size: number): void {
    fs.ftruncateSync(file, size)
  }

  punchHole(): boolean {
    return false
  }

  close(file: number): void {
    fs.closeSync(file)
  }

  metadataOf(place: MetadataPlace): MetadataDoor {
    // A descriptor for files; a path for folders (which cannot be opened everywhere) and for what is not opened.
    if ('open' in place) return openDoor(place.open)
    return pathDoor(place.name.length === 0 ? (place.folder as string) : at(place.folder, place.name))
  }

  free(): number {
    const { bavail, bsize } = fs.statfsSync(this.#root)
    return bavail * bsize
  }

  // There is no such call everywhere; the system writes out by itself within seconds.
  sync(): void {}

  [Symbol.dispose](): void {}
}

function at(folder: FolderHandle, name: Buffer): string | Buffer {
  if (process.platform === 'win32') return join(folder as string, text(name))
  return Buffer.concat([Buffer.from(`${folder}/`), name])
}

function text(name: Buffer): string {
  return name.toString('utf8')
}

function openDoor(file: number): MetadataDoor {
  return {
    ...noAttributes,
    stat: () => describe(fs.fstatSync(file, { bigint: true })),
    chown: (uid, gid) => fs.fchownSync(file, uid, gid),
    chmod: (mode) => fs.fchmodSync(file, mode),
    setTimes: (atime, mtime) => fs.futimesSync(file, seconds(atime), seconds(mtime)),
  }
}

function pathDoor(path: string | Buffer): MetadataDoor {
  return {
    ...noAttributes,
    stat: () => describe(fs.lstatSync(path, { bigint: true })),
    chown: (uid, gid) => fs.lchownSync(path, uid, gid),
    chmod: (mode) => fs.chmodSync(path, mode),
    setTimes: (atime, mtime) => fs.lutimesSync(path, seconds(atime), seconds(mtime)),
  }
}

const noAttributes = {
  listAttributes: (): string[] => [],
  getAttribute: (name: string): never => {
    throw systemError('ENOTSUP', 'extended attributes are not supported here', name)
  },
  setAttribute: (name: string): never => {
    throw systemError('ENOTSUP', 'extended attributes are not supported here', name)
  },
  removeAttribute: (): void => {},
}

function seconds(time: bigint): number {
  return Number(time) / 1e9
}

function describe(stat: fs.BigIntStats): TargetStat {
  const kind: EntryKind = stat.isFile()
    ? 'file'
    : stat.isDirectory()
      ? 'dir'
      : stat.isSymbolicLink()
        ? 'symlink'
        : 'other'
  return {
    kind,
    mode: Number(stat.mode),
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    inode: stat.ino,
    deviceId: stat.dev,
    links: Number(stat.nlink),
    device: stat.rdev,
    size: Number(stat.size),
    atime: stat.atimeNs,
    mtime: stat.mtimeNs,
    immutable: false,
    appendOnly: false,
  }
}

function systemError(code: string, sentence: string, path: string | Buffer): Error {
  return Object.assign(new Error(`${code}: ${sentence}, '${path.toString()}'`), { code })
}
