import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { hasCode } from '#base'
import type { Services } from '../app/services.ts'

/** Where a node restores what is only tried: a folder for each operation. */
export function scratchFolder(serverFolder: string, operationId: string): string {
  return join(serverFolder, 'scratch', operationId)
}

/** Removes what operations have left that are over, or are done by another node now. */
export async function clearScratch({ store, folder }: Services): Promise<void> {
  const names = await readdir(join(folder, 'scratch')).catch((thrown: unknown) => {
    if (hasCode(thrown, 'ENOENT')) return []
    throw thrown
  })
  if (names.length === 0) return
  const query = store.db.selectFrom('operations').select('id').where('id', 'in', names).where('state', '=', 'running')
  const running = new Set((await query.execute()).map(({ id }) => id))
  for (const name of names) {
    if (!running.has(name)) await rm(scratchFolder(folder, name), { recursive: true, force: true })
  }
}
