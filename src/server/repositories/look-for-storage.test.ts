import assert from 'node:assert/strict'
import { rename } from 'node:fs/promises'
import { test } from 'node:test'
import { serverRepository } from '../../../test/helpers/server-repository.ts'
import { TestServer } from '../../../test/helpers/test-server.ts'
import { storageTrouble } from './look-for-storage.ts'

test('a storage that has none of the repositories that it should have is said when the server starts', async () => {
  await using server = await TestServer.open()
  const { services } = server
  assert.equal(await storageTrouble(services), undefined, 'there should be none')
  const [till, oven] = [await serverRepository(services), await serverRepository(services, { name: 'oven' })]
  await till.backUp('accounts')
  await oven.backUp('bread')
  assert.equal(await storageTrouble(services), undefined)
  const away = async (id: string, from: string, to: string) => {
    const path = services.storage.locationOf(id)
    await rename(`${path}${from}`, `${path}${to}`)
  }
  await away(till.repositoryId, '', '.away')
  assert.equal(await storageTrouble(services), undefined, 'one that is missing is told by the look at the ledger')
  await away(oven.repositoryId, '', '.away')
  assert.match((await storageTrouble(services)) ?? '', /none of the repositories.*see that its disk is mounted/)
  await away(oven.repositoryId, '.away', '')
  assert.equal(await storageTrouble(services), undefined)
})
