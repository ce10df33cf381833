import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { tempFolder } from './temp.ts'

/** For `skip`. */
export const noSmallDisk = process.geteuid?.() === 0 ? false : 'needs root, to mount a small file system'

export interface SmallDisk extends AsyncDisposable {
  readonly path: string
  resize(bytes: number): void
  remount(how: 'ro' | 'rw'): void
}

/** A file system of its own with so many bytes. */
export async function smallDisk(bytes: number): Promise<SmallDisk> {
  const folder = await tempFolder()
  const disk = folder.join('disk')
  mkdirSync(disk)
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', disk])
  return {
    path: disk,
    resize: (to: number) => void execFileSync('mount', ['-o', `remount,size=${to}`, disk]),
    remount: (how: 'ro' | 'rw') => void execFileSync('mount', ['-o', `remount,${how}`, disk]),
    [Symbol.asyncDispose]: async () => {
      execFileSync('umount', ['-l', disk])
      await folder[Symbol.asyncDispose]()
    },
  }
}
