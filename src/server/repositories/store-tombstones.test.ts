import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Kysely, KyselyPlugin } from 'kysely'
import type { FileRef } from '#backend'
import { openMigrated, storeKinds } from '../../../test/helpers/stores.ts'
import type { Tables } from '../store/tables.ts'
import { StoreTombstones } from './store-tombstones.ts'

const pack = (digit: string): FileRef => ({ type: 'pack', name: digit.repeat(64) })

/** Holds the answers of queries back until they are let through. */
class HeldAnswers implements KyselyPlugin {
  #gate: PromiseWithResolvers<void> | undefined

  hold(): PromiseWithResolvers<void> {
    return (this.#gate = Promise.withResolvers<void>())
  }

  transformQuery: KyselyPlugin['transformQuery'] = ({ node }) => node

  transformResult: KyselyPlugin['transformResult'] = async ({ result }) => {
    const gate = this.#gate
    this.#gate = undefined
    await gate?.promise
    return result
  }
}

for (const kind of storeKinds) {
  test(
    `${kind.name}: what is set aside or put back while the list is read anew is not lost to it`,
    { skip: kind.skip },
    async () => {
      await using opened = await openMigrated(kind)
      const held = new HeldAnswers()
      const db: Kysely<Tables> = opened.store.db.withPlugin(held)
      const tombstones = await StoreTombstones.open(db, 'anna')
      await tombstones.add({ file: pack('a'), size: 1, day: '2026-07-31' })
      const gate = held.hold()
      const reading = tombstones.reload()
      await tombstones.add({ file: pack('b'), size: 1, day: '2026-07-31' })
      await tombstones.remove([pack('a')])
      gate.resolve()
      await reading
      assert.deepEqual([tombstones.has(pack('a')), tombstones.has(pack('b'))], [false, true])
      await tombstones.reload()
      assert.deepEqual([tombstones.has(pack('a')), tombstones.has(pack('b'))], [false, true])
    },
  )
}
