import { stat, statfs } from 'node:fs/promises'
import { hostname } from 'node:os'
import type { Services } from '../app/services.ts'
import { forgetOldSizes, noteSize, storagePrefix } from './sizes.ts'

interface Disk {
  readonly name: string
  readonly folder: string
}

/** Notes how full the disks are that this server writes to. Sizes of the longest ago are forgotten. */
export async function measureDisks({ store, folder, storageFolder, clock }: Services): Promise<void> {
  const now = clock.now()
  await forgetOldSizes(store.db, now)
  for (const disk of await distinctDisks(storageFolder, folder)) {
    const { bsize, blocks, bfree, bavail } = await statfs(disk.folder)
    const bytes = (blocks - bfree) * bsize
    // What only the system's administrator may use is no room for us.
    const capacity = bytes + bavail * bsize
    await noteSize(store.db, { subject: storagePrefix + disk.name, at: now, bytes, capacity })
  }
}

async function distinctDisks(storageFolder: string | undefined, folder: string): Promise<readonly Disk[]> {
  const own = { name: `disk of ${hostname()}`, folder }
  if (storageFolder === undefined) return [own]
  const repositories = { name: 'disk of the repositories', folder: storageFolder }
  const [theirs, ours] = [await stat(storageFolder), await stat(folder)]
  return theirs.dev === ours.dev ? [repositories] : [repositories, own]
}
