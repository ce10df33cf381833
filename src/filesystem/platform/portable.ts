import fs from 'node:fs'
import path from 'node:path'

import { typeOfMode } from '#repository/format'

import { fromRaw, toRaw } from './platform.ts'
import type { FileStat, OpenFolder, Platform } from './platform.ts'

/** What Node offers everywhere: no extended attributes, no holes, no names of users, paths as long as the system takes. */
export const portable: Platform = {
  workingFolder: () => toRaw(process.cwd()),
  openFolder,
  openFile: (file) => fs.openSync(fromRaw(file), fs.constants.O_RDONLY | noFollow | nonBlocking),
  close: (fd) => fs.closeSync(fd),
  statOpen: (fd) => convert(fs.fstatSync(fd, { bigint: true })),
  stat: (file, { follow }) => convert((follow ? fs.statSync : fs.lstatSync)(fromRaw(file), { bigint: true })),
  readLink: (file) => fs.readlinkSync(fromRaw(file), { encoding: 'buffer' }),
  read,
  seek: (_, what, position) => (what === 'data' ? position : undefined),
  extendedAttributes: () => ({ attributes: [], problems: [] }),
  userName: () => '',
  groupName: () => '',
  userId: () => undefined,
  groupId: () => undefined,
}

// Windows has neither; opening a symlink there gives its target, which the comparison of inodes then refuses.
const noFollow = fs.constants.O_NOFOLLOW ?? 0
const nonBlocking = fs.constants.O_NONBLOCK ?? 0

function openFolder(folder: string): OpenFolder {
  const stat = convert(fs.lstatSync(fromRaw(folder), { bigint: true }))
  if (stat.type !== 'dir') {
    throw Object.assign(new Error(`ENOTDIR: not a directory, open '${folder}'`), { code: 'ENOTDIR' })
  }
  return {
    stat,
    names: () =>
      fs
        .readdirSync(fromRaw(folder), { encoding: 'buffer' })
        .map((name) => toRaw(name))
        .sort(),
    statEntry: (name) => portable.stat(path.posix.join(folder, name), { follow: false }),
    [Symbol.dispose]: () => undefined,
  }
}

function read(fd: number, into: Uint8Array, position: number): number {
  let filled = 0
  while (filled < into.length) {
    const count = fs.readSync(fd, into, filled, into.length - filled, position + filled)
    if (count === 0) break
    filled += count
  }
  return filled
}

function convert(stat: fs.BigIntStats): FileStat {
  const mode = Number(stat.mode)
  return {
    type: typeOfMode(mode),
    mode,
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    inode: stat.ino,
    deviceId: stat.dev,
    links: stat.nlink,
    device: stat.rdev,
    size: stat.size,
    atime: stat.atimeNs,
    mtime: stat.mtimeNs,
    ctime: stat.ctimeNs,
    sparse: false,
  }
}
