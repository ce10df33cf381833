import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import pg from 'pg'
import { missingPostgres, startPostgres } from '../../../test/helpers/postgres.ts'
import { tempFolder } from '../../../test/helpers/temp.ts'
import { databaseFailure } from './failures.ts'

function thrownBy(work: () => unknown): unknown {
  try {
    work()
  } catch (thrown) {
    return thrown
  }
  return undefined
}

test('a database in SQLite that is read-only is in trouble; a mistake in a query is ours', async () => {
  await using folder = await tempFolder()
  const path = folder.join('some.db')
  new DatabaseSync(path).exec('create table things (it text)')
  const database = new DatabaseSync(path, { readOnly: true })
  assert.match(databaseFailure(thrownBy(() => database.exec("insert into things values ('x')"))) ?? '', /readonly/)
  const mistake = thrownBy(() => database.exec('select nothing from nowhere'))
  assert.ok(mistake instanceof Error)
  assert.equal(databaseFailure(mistake), undefined)
})

test('PostgreSQL that is away, goes, or may not be written is in trouble', { skip: missingPostgres() }, async () => {
  await using server = await startPostgres()
  const connectionString = await server.createDatabase('failing')
  const client = new pg.Client({ connectionString })
  client.on('error', () => undefined)
  await client.connect()
  const failureOf = async (query: string) =>
    databaseFailure(await client.query(query).then(undefined, (thrown: unknown) => thrown))
  await client.query('create table things (it text)')
  await client.query('set default_transaction_read_only = on')
  assert.match((await failureOf("insert into things values ('x')")) ?? '', /read-only/)
  assert.equal(await failureOf('select nothing from nowhere'), undefined)
  await server.kill()
  assert.ok(await failureOf('select 1'))
  const other = new pg.Client({ connectionString })
  assert.ok(databaseFailure(await other.connect().then(undefined, (thrown: unknown) => thrown)))
})
