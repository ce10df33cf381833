import { join } from 'node:path'
import { systemClock } from '#base'
import type { LockOwners, Tombstones } from '../../src/server/endpoint/index.ts'
import { StoreLockOwners } from '../../src/server/repositories/store-lock-owners.ts'
import { StoreTombstones } from '../../src/server/repositories/store-tombstones.ts'
import { migrate } from '../../src/server/store/migrate.ts'
import { openStore } from '../../src/server/store/store.ts'
import type { Store } from '../../src/server/store/store.ts'

const opened = new Map<string, Promise<Store>>()

/** The control data of an endpoint in a folder; it goes with the process. */
async function storeIn(folder: string): Promise<Store> {
  const path = join(folder, 'control.db')
  const known = opened.get(path) ?? openMigrated(path, folder)
  opened.set(path, known)
  return await known
}

async function openMigrated(path: string, copyFolder: string): Promise<Store> {
  const store = await openStore(path)
  await migrate(store, { copyFolder })
  return store
}

export async function lockOwnersIn(folder: string): Promise<LockOwners> {
  return new StoreLockOwners((await storeIn(folder)).db, systemClock)
}

/** For `openTombstones`: read anew from the database each time, as after a restart. */
export function tombstonesIn(folder: string): (repository: string) => Promise<Tombstones> {
  return async (repository) => await StoreTombstones.open((await storeIn(folder)).db, repository)
}
