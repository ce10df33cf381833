import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { sql } from 'kysely'
import { hasCode } from '#base'
import { storeKinds } from '../../../test/helpers/stores.ts'
import { schemaSteps } from './migrations/index.ts'
import type { SchemaStep } from './migrations/index.ts'
import { migrate, migrateTo, stepsDone } from './migrate.ts'
import { openStore } from './store.ts'

const names = Object.keys(schemaSteps)

const furtherStep: SchemaStep = {
  up: async ({ schema }) => await schema.createTable('further').addColumn('id', 'text').execute(),
  down: async ({ schema }) => await schema.dropTable('further').execute(),
}

const brokenStep: SchemaStep = {
  async up(db) {
    await db.schema.createTable('halfMade').addColumn('id', 'text').execute()
    await sql`select * from nowhere`.execute(db)
  },
  down: () => Promise.resolve(),
}

for (const { name: engine, skip, open } of storeKinds) {
  const about = (sentence: string) => `${engine}: ${sentence}`

  test(
    about('a new database gets every step, without a copy, and a second start has nothing to do'),
    { skip },
    async () => {
      await using opened = await open()
      const options = { copyFolder: opened.folder }
      assert.deepEqual(await migrate(opened.store, options), { steps: names, copy: undefined })
      assert.deepEqual(await migrate(opened.store, options), { steps: [], copy: undefined })
      assert.deepEqual(await stepsDone(opened.store), names)
    },
  )

  test(about('a later step is taken after a copy that holds what was there'), { skip }, async () => {
    await using opened = await open()
    const { store, folder: copyFolder } = opened
    await migrate(store, { copyFolder })
    await store.db.insertInto('settings').values({ name: 'colour', value: '"green"' }).execute()
    const steps = { ...schemaSteps, '9999-further': furtherStep }
    const { steps: taken, copy } = await migrate(store, { copyFolder, steps })
    assert.deepEqual(taken, ['9999-further'])
    assert.ok(copy !== undefined)
    assert.deepEqual(await settingsIn(store.engine, copy, opened.location), ['"green"'])
  })

  test(about('a step that fails leaves nothing of itself, and says where the copy is'), { skip }, async () => {
    await using opened = await open()
    const { store, folder: copyFolder } = opened
    await migrate(store, { copyFolder })
    const steps = { ...schemaSteps, '9999-broken': brokenStep }
    await assert.rejects(migrate(store, { copyFolder, steps }), (error: Error) => {
      assert.ok(hasCode(error, 'SCHEMA_STEP_FAILED'))
      return error.message.includes('9999-broken')
    })
    const tables = await store.db.introspection.getTables()
    assert.ok(!tables.some(({ name }) => name === 'half_made'))
    assert.deepEqual(await stepsDone(store), names)
  })

  test(about('the schema goes back by a command, to the very beginning and forward again'), { skip }, async () => {
    await using opened = await open()
    const { store, folder: copyFolder } = opened
    await migrate(store, { copyFolder })
    const [first = ''] = names
    const back = await migrateTo(store, first, { copyFolder })
    assert.deepEqual(back.steps, names.slice(1).toReversed())
    assert.deepEqual(await stepsDone(store), [first])
    assert.deepEqual((await migrate(store, { copyFolder })).steps, names.slice(1))
    await assert.rejects(migrateTo(store, '0000-none', { copyFolder }), (error) =>
      hasCode(error, 'SCHEMA_STEP_UNKNOWN'),
    )
  })

  test(about('a database of a newer version is left alone'), { skip }, async () => {
    await using opened = await open()
    const { store, folder: copyFolder } = opened
    await migrate(store, { copyFolder, steps: { ...schemaSteps, '9999-further': furtherStep } })
    await assert.rejects(migrate(store, { copyFolder }), (error) => hasCode(error, 'DATABASE_NEWER'))
  })

  test(about('what is in the tables is there after a new start'), { skip }, async () => {
    await using opened = await open()
    await migrate(opened.store, { copyFolder: opened.folder })
    await opened.store.db.insertInto('settings').values({ name: 'a', value: '1' }).execute()
    await using again = await openStore(opened.location)
    assert.deepEqual(await again.db.selectFrom('settings').selectAll().execute(), [{ name: 'a', value: '1' }])
  })
}

test('a database that cannot be reached is one clear error, without its password', async () => {
  const location = 'postgres://someone:pass-word-canary@127.0.0.1:1/none'
  await assert.rejects(openStore(location), (error: Error) => {
    assert.ok(hasCode(error, 'DATABASE_UNREACHABLE'))
    assert.ok(!error.message.includes('canary'))
    return true
  })
})

async function settingsIn(engine: string, copy: string, location: string): Promise<string[]> {
  if (engine === 'sqlite') {
    assert.ok(existsSync(copy))
    await using store = await openStore(copy)
    return (await store.db.selectFrom('settings').select('value').execute()).map(({ value }) => value)
  }
  await using store = await openStore(location)
  const table = sql.id(copy.replace('schema ', ''), 'settings')
  const { rows } = await sql<{ value: string }>`select value from ${table}`.execute(store.db)
  return rows.map(({ value }) => value)
}
