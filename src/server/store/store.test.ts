import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { missingPostgres, startPostgres } from '../../../test/helpers/postgres.ts'
import { openStore } from './store.ts'

test(
  'PostgreSQL that goes between two queries of a transaction fails the second one, and ends nothing else',
  { skip: missingPostgres() },
  async () => {
    await using server = await startPostgres()
    await using store = await openStore(await server.createDatabase('breaking'))
    const transaction = store.db.transaction().execute(async (inside) => {
      await sql`select 1`.execute(inside)
      await server.kill()
      // Time for the connection to be seen as broken while nobody asks anything of it.
      await new Promise((resolve) => setTimeout(resolve, 100))
      await sql`select 2`.execute(inside)
    })
    await assert.rejects(transaction)
    await server.start()
    assert.equal((await sql`select 3`.execute(store.db)).rows.length, 1)
  },
)
