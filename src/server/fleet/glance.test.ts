import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { machineGlanceSchema } from '#protocol'
import { makeClient } from '../../../test/helpers/made-client.ts'
import { storeKinds } from '../../../test/helpers/stores.ts'
import { TestServer } from '../../../test/helpers/test-server.ts'
import { keepEvidence } from '../proofs/evidence.ts'

for (const kind of storeKinds) {
  test(
    `${kind.name}: each machine is shown with its newest recovery point and its last proof, to whom may see it`,
    { skip: kind.skip },
    async () => {
      await using server = await TestServer.open(kind)
      const [bakery, smithy] = [await makeClient(server, 'bakery'), await makeClient(server, 'smithy')]
      const { services, clock } = server
      const receive = async (snapshotId: string) => {
        const { repository: repositoryId, machine: machineId } = bakery
        await services.ledger.write({ repositoryId, what: 'received', snapshotId, machineId })
      }
      await receive('1'.repeat(64))
      clock.pass(3_600_000)
      await receive('2'.repeat(64))
      const newest = clock.now()
      const about = { clientId: bakery.client, machineId: bakery.machine, repositoryId: bakery.repository }
      const proof = { kind: 'restore', holdsFor: 1_000, measured: {}, measuredBy: 'server' } as const
      await keepEvidence(services, { ...about, ...proof, id: randomUUID() })
      clock.pass(3_600_000)

      const seenBy = async (roles: Parameters<TestServer['person']>[0]) => {
        const headers = await server.tokenOf(await server.person(roles))
        const { json } = await server.call('GET', '/api/overview', { headers })
        return machineGlanceSchema.array().parse(json)
      }
      const all = await seenBy({ '*': 'auditor' })
      assert.deepEqual(all.map(({ machineId }) => machineId).toSorted(), [bakery.machine, smithy.machine].toSorted())
      const [shown] = await seenBy({ [bakery.client]: 'auditor' })
      assert.ok(shown)
      assert.equal(Date.parse(shown.newestAt ?? ''), newest)
      assert.equal(Date.parse(shown.provenAt ?? ''), newest)
      const [bare] = await seenBy({ [smithy.client]: 'auditor' })
      assert.equal(bare?.machineId, smithy.machine)
      assert.deepEqual([bare?.newestAt, bare?.provenAt], [null, null])
    },
  )
}
