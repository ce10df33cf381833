import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { hasCode } from '#base'
import { openMigrated, storeKinds } from '../../../test/helpers/stores.ts'
import { migrate, stepsDone } from './migrate.ts'
import { schemaSteps } from './migrations/index.ts'
import { openStore } from './store.ts'
import { openExistingStore, planBack, takeBack } from './take-back.ts'

const names = Object.keys(schemaSteps)
/** The step that brought the clients. */
const ofClients = '0002-machines'

test('a step is called by its name or its number, and without one the last goes', () => {
  const done = ['0001-people', '0002-machines', '0010-copies']
  assert.deepEqual(planBack(done), { to: '0002-machines', gone: ['0010-copies'] })
  assert.deepEqual(planBack(done, '1'), { to: '0001-people', gone: ['0010-copies', '0002-machines'] })
  assert.deepEqual(planBack(done, '0010'), { to: '0010-copies', gone: [] })
  assert.deepEqual(planBack(done, '0002-machines').gone, ['0010-copies'])
  for (const wrong of ['', '0', '3', '00010', 'people', '-1', '1e0']) {
    assert.throws(() => planBack(done, wrong), { code: 'SCHEMA_STEP_UNKNOWN' }, wrong)
  }
  for (const few of [[], ['0001-people']]) assert.throws(() => planBack(few), { code: 'SCHEMA_STEP_FIRST' })
})

test('a database that is not there is not made', async () => {
  await assert.rejects(openExistingStore('/nowhere/control.db'), (error) => hasCode(error, 'DATABASE_UNREACHABLE'))
})

for (const kind of storeKinds) {
  const about = (sentence: string) => `${kind.name}: ${sentence}`

  test(
    about('back to each step and forward again, what is in the tables of steps that stay is there all the time'),
    { skip: kind.skip },
    async () => {
      await using opened = await openMigrated(kind)
      const { store, folder: copyFolder } = opened
      const client = { id: randomUUID(), name: 'Bakery', state: 'normal', stateSince: 1, createdAt: 1 }
      await store.db.insertInto('clients').values(client).execute()
      const clients = async () => await store.db.selectFrom('clients').selectAll().execute()
      const copies = new Set<string>()
      for (let plan = planBack(names); ; plan = planBack(await stepsDone(store))) {
        const { steps, copy = '' } = await takeBack(store, plan, { copyFolder })
        assert.deepEqual(steps, plan.gone)
        assert.deepEqual(await clients(), [client])
        copies.add(copy)
        if (plan.to === ofClients) break
      }
      assert.deepEqual(await stepsDone(store), names.slice(0, names.indexOf(ofClients) + 1))
      assert.equal(copies.size, names.length - names.indexOf(ofClients) - 1)
      await migrate(store, { copyFolder })
      assert.deepEqual([await stepsDone(store), await clients()], [names, [client]])
    },
  )

  test(about('a schema that a server works with stays as it is'), { skip: kind.skip }, async () => {
    await using opened = await openMigrated(kind)
    const options = { copyFolder: opened.folder }
    const plan = planBack(names)
    {
      await using other = await openStore(opened.location)
      await assert.rejects(takeBack(other, plan, options), (error) => hasCode(error, 'DATABASE_IN_USE'))
      assert.deepEqual(await stepsDone(opened.store), names)
    }
    assert.deepEqual((await takeBack(opened.store, plan, options)).steps, plan.gone)
  })

  test(
    about('a version that is too old for the schema says to which step it is to be taken back'),
    { skip: kind.skip },
    async () => {
      await using opened = await openMigrated(kind)
      const steps = Object.fromEntries(Object.entries(schemaSteps).slice(0, -2))
      const error = await migrate(opened.store, { copyFolder: opened.folder, steps }).catch((thrown: unknown) => thrown)
      assert.ok(hasCode(error, 'DATABASE_NEWER'))
      const [, known] = /schema back (\S+)`/.exec((error as { hint: string }).hint) ?? []
      await takeBack(opened.store, planBack(await stepsDone(opened.store), known), { copyFolder: opened.folder })
      assert.deepEqual(await migrate(opened.store, { copyFolder: opened.folder, steps }), {
        steps: [],
        copy: undefined,
      })
    },
  )
}
