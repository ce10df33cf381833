import { ThreadPool } from '#base'
import { BlobIndex } from './blob-index.ts'
import { createMasterKey } from './keys.ts'
import { createControl } from './threads/memory.ts'
import { threadModule } from './threads/module.ts'
import type { ThreadSetup } from './threads/setup.ts'

/** Starts so many worker threads as a backup does, and has each prove what it would work with. Throws what went wrong. */
export async function proveThreads(threads: number): Promise<void> {
  const codec = { masterKey: createMasterKey(), version: 2, compression: 'auto' } as const
  const data: ThreadSetup = { index: new BlobIndex().shared, control: createControl(threads), codec, polynomial: 0n }
  await using pool = new ThreadPool({ module: threadModule(), threads, data })
  const results = await pool.runInEach<boolean>('selfTest', undefined)
  if (results.includes(false)) throw new Error('a worker thread gives wrong results')
}
