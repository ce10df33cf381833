import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import type { Kysely } from 'kysely'
import { openMigrated, storeKinds } from '../../../test/helpers/stores.ts'
import { importTables } from '../own-backup/import.ts'
import { withExport } from '../own-backup/export.ts'
import type { SavedFile } from '../own-backup/snapshot-files.ts'
import { layoutOf } from './layout.ts'

for (const kind of storeKinds) {
  test(
    `${kind.name}: the database tells its tables, those first that others refer to, and their keys`,
    { skip: kind.skip },
    async () => {
      await using opened = await openMigrated(kind)
      const { db, engine } = opened.store
      const layouts = await layoutOf(db as unknown as Kysely<unknown>, engine)
      const names = layouts.map(({ name }) => name)
      assert.ok(!names.some((name) => name.startsWith('kysely')))
      assert.ok(names.indexOf('clients') < names.indexOf('machines'))
      assert.ok(names.indexOf('destinations') < names.indexOf('copies'))
      const copies = layouts.find(({ name }) => name === 'copies')
      assert.deepEqual(copies?.key, ['destination_id', 'repository_id', 'disk_id'])
    },
  )

  test(
    `${kind.name}: bytes come back as they were, and numbers go on counting after those that were entered`,
    { skip: kind.skip },
    async () => {
      await using from = await openMigrated(kind)
      await using to = await openMigrated(kind)
      for (const { store } of [from, to]) {
        const count = store.engine === 'postgres' ? sql`bigserial` : sql`integer`
        await store.db.schema
          .createTable('things')
          .addColumn('number', count, (column) =>
            store.engine === 'postgres' ? column.primaryKey() : column.primaryKey().autoIncrement(),
          )
          .addColumn('bytes', store.engine === 'postgres' ? sql`bytea` : 'blob')
          .execute()
      }
      const bytes = Buffer.from([0, 255, 1, 254])
      for (let i = 0; i < 3; i++) await sql`insert into things (bytes) values (${bytes})`.execute(from.store.db)
      const files = await withExport(from.store, from.folder, async (made) => {
        const saved: SavedFile[] = []
        for await (const { name, pieces } of made) {
          const kept = await Array.fromAsync(pieces)
          saved.push({
            name,
            size: 0,
            pieces: async function* () {
              yield* kept
            },
          })
        }
        return saved
      })
      await importTables(to.store, files)
      await sql`insert into things (bytes) values (${bytes})`.execute(to.store.db)
      const { rows } = await sql<{ number: number; bytes: Uint8Array }>`select * from things order by number`.execute(
        to.store.db,
      )
      assert.deepEqual(
        rows.map((row) => [row.number, Buffer.from(row.bytes)]),
        [1, 2, 3, 4].map((i) => [i, bytes]),
      )
    },
  )
}
