import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'

import { fromRaw, toRaw } from './platform/index.ts'

/** What is mounted where, from `/proc/self/mountinfo` (man 5 proc). Empty on systems that have no such file. */
export interface Mount {
  /** Raw string. */
  readonly path: string
  /** The folder of the file system that is mounted, for example a subvolume. */
  readonly root: string
  readonly type: string
  /** The device or remote place. */
  readonly source: string
}

export function readMounts(text: Buffer = readMountInfo()): Mount[] {
  return toRaw(text)
    .split('\n')
    .filter((line) => line !== '')
    .map(parseMount)
}

function readMountInfo(): Buffer {
  try {
    return readFileSync('/proc/self/mountinfo')
  } catch {
    return Buffer.alloc(0)
  }
}

/** `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw`: optional fields end at the dash. */
function parseMount(line: string): Mount {
  const fields = line.split(' ')
  const dash = fields.indexOf('-', 6)
  const field = (at: number) => unescape(fields[at] ?? '')
  return { root: field(3), path: field(4), type: field(dash + 1), source: field(dash + 2) }
}

/** Space, tab, newline and backslash are written as `\040`. */
function unescape(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
}

/** The mount that holds `path` (absolute, raw): the longest that it lies in; of several on one point, the last. */
export function mountOf(mounts: readonly Mount[], path: string): Mount | undefined {
  return mounts
    .filter((mount) => isInside(path, mount.path))
    .reduce<Mount | undefined>(
      (best, mount) => (mount.path.length >= (best?.path.length ?? 0) ? mount : best),
      undefined,
    )
}

export function isInside(path: string, folder: string): boolean {
  return path === folder || folder === '/' || path.startsWith(`${folder}/`)
}

const remoteTypes = /^(nfs|nfs4|cifs|smb3|smbfs|9p|afs|ceph|davfs|glusterfs|lustre|autofs|fuse|fuse\..+|fuseblk)$/

/** File systems that answer through a network or another program, which may never answer. */
export function mayHang({ type }: Mount): boolean {
  return remoteTypes.test(type)
}

/**
 * Whether a mount point answers. A system call on a dead server cannot be cancelled, in a thread no more than anywhere,
 * and would even keep the process from ending; so another process asks, and is left behind if it must be.
 */
export async function answers(mount: string, milliseconds: number): Promise<boolean> {
  const text = fromRaw(mount).toString('utf8')
  if (toRaw(text) !== mount) return true // no argument of a process can hold such a path
  return new Promise((resolve) => {
    const child = spawn('ls', ['-d', '--', `${text}/.`], { stdio: 'ignore', detached: true })
    const finish = (isAlive: boolean) => {
      clearTimeout(timer)
      child.unref()
      resolve(isAlive)
    }
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      finish(false)
    }, milliseconds)
    child.once('exit', () => finish(true)) // also with an error: that is an answer
    child.once('error', () => finish(true))
  })
}
