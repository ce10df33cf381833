import { join } from 'node:path'
import { after } from 'node:test'
import { migrate } from '../../src/server/store/migrate.ts'
import { openStore } from '../../src/server/store/store.ts'
import type { Store } from '../../src/server/store/store.ts'
import { missingPostgres, startPostgres } from './postgres.ts'
import type { PostgresServer } from './postgres.ts'
import { tempFolder } from './temp.ts'

/** A place for control data, of one engine, that each test gets anew. */
export interface StoreKind {
  readonly name: string
  readonly skip: string | false
  /** An empty database; it goes with what is returned. */
  open(): Promise<OpenedStore>
}

export interface OpenedStore extends AsyncDisposable {
  readonly location: string
  readonly folder: string
  readonly store: Store
}

let server: Promise<PostgresServer> | undefined
let databases = 0

after(async () => await (await server)?.[Symbol.asyncDispose]())

/** Every engine that the control data may lie in: each test of the store runs on all of them. */
export const storeKinds: readonly StoreKind[] = [
  {
    name: 'SQLite',
    skip: false,
    open: async () => {
      const folder = await tempFolder()
      return await openIn(folder, join(folder.path, 'control.db'))
    },
  },
  {
    name: 'PostgreSQL',
    skip: missingPostgres(),
    open: async () => {
      server ??= startPostgres()
      const location = await (await server).createDatabase(`test_${process.pid}_${++databases}`)
      return await openIn(await tempFolder(), location)
    },
  },
]

/** The same, with all tables. */
export async function openMigrated(kind: StoreKind): Promise<OpenedStore> {
  const opened = await kind.open()
  await migrate(opened.store, { copyFolder: opened.folder })
  return opened
}

async function openIn(folder: Awaited<ReturnType<typeof tempFolder>>, location: string): Promise<OpenedStore> {
  const store = await openStore(location)
  return {
    location,
    folder: folder.path,
    store,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]()
      await folder[Symbol.asyncDispose]()
    },
  }
}
