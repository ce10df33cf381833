import assert from 'node:assert/strict'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { sql } from 'kysely'
import { tempFolder } from '../../../test/helpers/temp.ts'
import { databaseFailure } from './failures.ts'
import { openStore } from './store.ts'
import { type LogFile, WriteAheadLog } from './write-ahead-log.ts'

/** A log whose syncs end when the test says so. */
class ScriptedFile implements LogFile {
  readonly calls: string[] = []
  #ends: PromiseWithResolvers<void>[] = []

  sync(): Promise<void> {
    return this.#begin('sync')
  }

  empty(): Promise<void> {
    return this.#begin('empty')
  }

  async close(): Promise<void> {
    this.calls.push('close')
  }

  #begin(call: string): Promise<void> {
    this.calls.push(call)
    const end = Promise.withResolvers<void>()
    this.#ends.push(end)
    return end.promise
  }

  async end(error?: Error): Promise<void> {
    const end = this.#ends.shift()
    if (error) end?.reject(error)
    else end?.resolve()
    await settled()
  }
}

const settled = async () => await new Promise((resolve) => setImmediate(resolve))

function open() {
  const file = new ScriptedFile()
  const log = new WriteAheadLog(file)
  const answered: string[] = []
  const answer = (who: string) =>
    void log.durable().then(
      () => answered.push(who),
      (thrown: unknown) => answered.push(`${who}: ${databaseFailure(thrown)}`),
    )
  return { file, log, answered, answer }
}

test('nobody is answered before a sync that began after the commit has ended; those who come meanwhile share the next', async () => {
  const { file, log, answered, answer } = open()
  log.wrote()
  answer('first')
  log.wrote()
  answer('second')
  log.wrote()
  answer('third')
  await settled()
  assert.deepEqual([file.calls, answered], [['sync'], []])
  await file.end()
  assert.deepEqual([file.calls, answered], [['sync', 'sync'], ['first']])
  await file.end()
  assert.deepEqual(
    [file.calls, answered],
    [
      ['sync', 'sync'],
      ['first', 'second', 'third'],
    ],
  )
})

test('who reads what was just committed waits, too; when all is durable nobody does', async () => {
  const { file, log, answered, answer } = open()
  answer('before')
  await settled()
  assert.deepEqual([file.calls, answered], [[], ['before']])
  log.wrote()
  answer('reader')
  await settled()
  assert.deepEqual(answered, ['before'])
  await file.end()
  answer('after')
  await settled()
  assert.deepEqual([file.calls, answered], [['sync'], ['before', 'reader', 'after']])
})

test('a sync that failed is told to all who wait, and syncing again is not enough: the log is moved to the database', async () => {
  const { file, log, answered, answer } = open()
  log.wrote()
  answer('first')
  await file.end(new Error('EIO'))
  assert.deepEqual(answered, ['first: the database could not be synced: EIO'])
  answer('again')
  await file.end(new Error('still'))
  log.wrote()
  answer('next')
  await file.end()
  assert.deepEqual(file.calls, ['sync', 'empty', 'empty'])
  assert.deepEqual(answered, [
    'first: the database could not be synced: EIO',
    'again: the database could not be synced: still',
    'next',
  ])
  log.wrote()
  answer('last')
  await file.end()
  assert.deepEqual([file.calls.at(-1), answered.at(-1)], ['sync', 'last'])
})

test('what a SQLite store has answered lies in its files: a copy of them, as a power cut leaves them, has it', async () => {
  await using folder = await tempFolder()
  const path = join(folder.path, 'control.db')
  await using store = await openStore(path)
  await sql`create table things (id integer)`.execute(store.db)
  const ids = Array.from({ length: 50 }, (_, id) => id)
  await Promise.all(ids.map(async (id) => await sql`insert into things values (${id})`.execute(store.db)))
  const copy = join(folder.path, 'copy.db')
  for (const end of ['', '-wal']) copyFileSync(path + end, copy + end)
  const copied = new DatabaseSync(copy)
  assert.deepEqual(
    copied
      .prepare('select id from things order by id')
      .all()
      .map(({ id }) => id),
    ids,
  )
  copied.close()
})

test('in a SQLite store one transaction has the connection, and a query beside it waits for its end', async () => {
  await using store = await openStore(':memory:')
  await sql`create table things (id integer)`.execute(store.db)
  const seen: unknown[] = []
  const count = async () => {
    const { rows } = await sql<{ n: number }>`select count(*) as n from things`.execute(store.db)
    seen.push(rows[0]?.n)
  }
  const gate = Promise.withResolvers<void>()
  const writing = store.db.transaction().execute(async (transaction) => {
    await sql`insert into things values (1)`.execute(transaction)
    await gate.promise
    await sql`insert into things values (2)`.execute(transaction)
  })
  const counting = count()
  await settled()
  assert.deepEqual(seen, [])
  gate.resolve()
  await Promise.all([writing, counting])
  const failing = store.db.transaction().execute(async (transaction) => {
    await sql`insert into things values (3)`.execute(transaction)
    throw new Error('taken back')
  })
  await assert.rejects(failing, /taken back/)
  await count()
  assert.deepEqual(seen, [2, 2])
})
