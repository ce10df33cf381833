import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, statfsSync } from 'node:fs'
import type { Storage } from './index.ts'

const usualBytes = 400 << 20

/** A folder on a file system of its own, which can be made smaller than what is to be written. */
export async function smallDiskStorage(folder: string): Promise<Storage | string> {
  const disk = `${folder}/disk`
  mkdirSync(disk)
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${usualBytes}`, 'tmpfs', disk], { encoding: 'utf8' })
  if (mounted.status !== 0) return `kernel: no file system can be mounted (${(mounted.stderr ?? '').trim()})`
  const resize = (bytes: number) => execFileSync('mount', ['-o', `remount,size=${bytes}`, disk])
  const path = `${disk}/repository`
  return {
    kind: 'small disk',
    folder: path,
    location: path,
    fill(room) {
      const { blocks, bfree, bsize } = statfsSync(disk)
      resize((blocks - bfree) * bsize + room)
      return () => void resize(usualBytes)
    },
    [Symbol.asyncDispose]: async () => void execFileSync('umount', ['-l', disk]),
  }
}
