import { hasLibc } from './platform/libc.ts'
import { hasSystemCalls } from './platform/libc-write.ts'
import { LinuxDisk } from './target-disk-linux.ts'
import { PortableDisk } from './target-disk-portable.ts'
import type { TargetDisk } from './target-disk-types.ts'

/** True where folders of a target can be scanned in threads (`target-scanner.ts`). */
export const scansTargets = hasLibc && hasSystemCalls

/**
 * Opens the folder that a restore writes into. Each thread has its own.
 *
 * On Linux nothing below it can lead outside, whatever happens there meanwhile. Elsewhere every component of a path is
 * looked at before it is used, which stops what a snapshot holds, but not somebody who swaps folders at the right moment.
 */
export function openTargetDisk(root: string): TargetDisk {
  return scansTargets ? new LinuxDisk(root) : new PortableDisk(root)
}
