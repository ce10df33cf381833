import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { serverRepository } from '../../../test/helpers/server-repository.ts'
import { storeKinds } from '../../../test/helpers/stores.ts'
import { TestServer } from '../../../test/helpers/test-server.ts'
import { setCopy } from '../copies/copies.ts'
import { createDestination } from '../copies/destinations.ts'
import { forgetOldRecords } from './forget-old-records.ts'

const day = 86_400_000

for (const kind of storeKinds) {
  test(
    `${kind.name}: of what went well of itself only the newest is kept for long; what failed, and what people did, is kept`,
    { skip: kind.skip },
    async () => {
      await using server = await TestServer.open(kind)
      const { services, clock } = server
      const { db } = services.store
      const { clientId, machineId, repositoryId } = await serverRepository(services)
      const place = {
        kind: 'folder',
        name: 'Cellar',
        location: '/nowhere',
        remindAfterDays: null,
        lockDays: null,
      } as const
      const about = { place: {}, deletableBy: { writer: true, machine: false, people: [] }, isOfServer: true }
      const { id: destinationId } = await createDestination(services, clientId, { ...place, ...about })
      const measure = async (what: string, measured: object) => {
        const row = { id: randomUUID(), clientId, machineId, repositoryId, kind: what, measuredBy: 'server' }
        const times = { measuredAt: clock.now(), holdsUntil: null, measured: JSON.stringify(measured) }
        await db
          .insertInto('evidence')
          .values({ ...row, ...times })
          .execute()
        return row.id
      }
      const end = async (what: string, state: 'done' | 'failed', requestedBy = 'schedule') => {
        const order = { clientId, machineId: null, kind: what, order: {}, requestedBy }
        const { id, claimEpoch } = await services.operations.begin(order, 'server')
        await services.operations.finish(id, claimEpoch, { state })
        return id
      }
      const copy = { destinationId, repositoryId, diskId: '' }
      const measured = { destinationId, diskId: null }
      await measure('ledger', {})
      await measure('copy', measured)
      await end('ledger-check', 'done')
      clock.pass(day)
      const evidence = [
        await measure('ledger', {}),
        await measure('copy', measured),
        await measure('copy', { ...measured, diskId: randomUUID() }),
        await measure('check', {}),
      ]
      const operations = [
        await end('ledger-check', 'failed'),
        await end('copy', 'done', 'person:anna'),
        await end('check', 'done'),
        await end('copy', 'done'),
      ]
      await setCopy(services, copy, { completeAt: clock.now(), operationId: operations.at(-1) ?? null })
      clock.pass(40 * day)
      const signal = new AbortController().signal
      await forgetOldRecords.run(services, { signal })
      await forgetOldRecords.run(services, { signal })
      const left = async (table: 'evidence' | 'operations') =>
        (await db.selectFrom(table).select('id').execute()).map(({ id }) => id).toSorted()
      assert.deepEqual(await left('evidence'), evidence.toSorted())
      assert.deepEqual(await left('operations'), operations.toSorted())
    },
  )
}
