import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SettableClock } from '../../../test/helpers/settable-clock.ts'
import { openMigrated, storeKinds } from '../../../test/helpers/stores.ts'
import type { OpenedStore } from '../../../test/helpers/stores.ts'
import { changeState, emptyAlertState } from '../alerts/index.ts'
import type { AlertState } from '../alerts/index.ts'
import { condition, noon, oneMessage } from '../alerts/testing.ts'
import { KyselyAlertStore } from './kysely-alert-store.ts'

const minute = 60_000
const claiming = { now: noon, horizon: noon + 60 * minute, until: noon + 5 * minute, limit: 10 }

function storeOn({ store }: OpenedStore): KyselyAlertStore {
  return new KyselyAlertStore(store.db, new SettableClock(noon))
}

function openWith(state: AlertState, name: string): AlertState {
  const answers = { gone: null, acknowledged: null, muted: null, step: null, stepSince: null, told: {} }
  const found = condition('run_failed', { name })
  return { ...state, open: { ...state.open, [found.key]: { condition: found, ...answers } } }
}

for (const kind of storeKinds) {
  const { skip } = kind
  const about = (sentence: string) => `${kind.name}: ${sentence}`

  test(
    about('what was saved is there; what was decided on an older state is not saved, and nothing of it'),
    { skip },
    async () => {
      await using opened = await openMigrated(kind)
      const store = storeOn(opened)
      assert.deepEqual(await store.load(), { state: emptyAlertState(), revision: 0 })
      const state = { ...emptyAlertState(), sequence: 7 }
      assert.equal(await store.save({ state, messages: [oneMessage()] }, { revision: 0 }), true)
      assert.deepEqual(await store.load(), { state, revision: 1 })
      for (const revision of [0, 2]) {
        const late = { state: emptyAlertState(), messages: [oneMessage({ id: 'late' })] }
        assert.equal(await store.save(late, { revision }), false)
      }
      assert.deepEqual(await store.load(), { state, revision: 1 })
      assert.deepEqual(
        (await store.claim(claiming)).map(({ message }) => message.id),
        ['1-1'],
      )
    },
  )

  test(about('of many nodes that change the state at once none loses what another has done'), { skip }, async () => {
    await using opened = await openMigrated(kind)
    const names = ['a', 'b', 'c', 'd', 'e']
    const changes = names.map(
      async (name) => await changeState(storeOn(opened), (state) => ({ state: openWith(state, name) })),
    )
    await Promise.all(changes)
    const { state, revision } = await storeOn(opened).load()
    assert.deepEqual([Object.keys(state.open).length, revision], [5, 5])
  })

  test(
    about('a message is one node’s at a time, and somebody else’s when that one was silent for too long'),
    { skip },
    async () => {
      await using opened = await openMigrated(kind)
      const messages = ['1', '2', '3'].map((id) => oneMessage({ id }))
      await storeOn(opened).save({ state: emptyAlertState(), messages }, { revision: 0 })
      const claims = await Promise.all([1, 2, 3].map(async () => await storeOn(opened).claim(claiming)))
      const ids = claims.flatMap((entries) => entries.map(({ message }) => message.id))
      assert.deepEqual(ids.toSorted(), ['1', '2', '3'])
      const later = { ...claiming, now: claiming.until, until: claiming.until + 5 * minute }
      assert.equal((await storeOn(opened).claim(later)).length, 3)
    },
  )

  test(
    about('what has arrived is sent no more; what has not is tried when it said, also after a clock was wrong'),
    { skip },
    async () => {
      await using opened = await openMigrated(kind)
      const store = storeOn(opened)
      const messages = ['arrives', 'fails'].map((id) => oneMessage({ id }))
      await store.save({ state: emptyAlertState(), messages }, { revision: 0 })
      await store.claim(claiming)
      const failed = { outcome: 'failed', code: 'ALERT_BUSY', reason: 'no', hint: '', transient: true } as const
      const attempts = [
        { message: 'arrives', at: noon, delivery: { outcome: 'delivered', answer: '250' } as const, next: null },
        { message: 'fails', at: noon, delivery: failed, next: noon + 30 * minute },
      ]
      await store.save({ state: emptyAlertState(), attempts }, { revision: 1 })
      const at = async (now: number) =>
        await store.claim({ ...claiming, now, horizon: now + 60 * minute, until: now + 30 * minute })
      assert.deepEqual(await at(noon + 29 * minute), [])
      assert.deepEqual(
        (await at(noon - 40 * minute)).map(({ message, tries }) => [message.id, tries]),
        [['fails', 1]],
        'the clock was set back: it is not left lying for an hour and more',
      )
      const noted = await opened.store.db.selectFrom('alertAttempts').select('messageId').orderBy('seq').execute()
      assert.deepEqual(
        noted.map(({ messageId }) => messageId),
        ['arrives', 'fails'],
      )
    },
  )

  test(about('whoever watches hears of what came and went, and of nothing else'), { skip }, async () => {
    await using opened = await openMigrated(kind)
    const store = storeOn(opened)
    const open = openWith(emptyAlertState(), 'till')
    await store.save({ state: open }, { revision: 0 })
    await store.save({ state: { ...open, sequence: 3 } }, { revision: 1 })
    await store.save({ state: emptyAlertState() }, { revision: 2 })
    const events = await opened.store.db.selectFrom('events').select(['kind', 'subject', 'clientId']).execute()
    const event = { kind: 'alert', subject: 'run_failed/machine/till', clientId: 'firm' }
    assert.deepEqual(events, [event, event])
  })
}
