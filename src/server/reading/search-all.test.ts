import assert from 'node:assert/strict'
import { cpSync, existsSync, globSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import type { SearchAnswer } from '#protocol'
import { StoredMachine } from '../../../test/helpers/stored-machine.ts'
import { storeKinds } from '../../../test/helpers/stores.ts'
import { TestServer } from '../../../test/helpers/test-server.ts'
import { updateIndexes } from './keep-indexed.ts'

async function search(server: TestServer, clients: readonly string[], query: object = {}): Promise<SearchAnswer> {
  const roles = Object.fromEntries(clients.map((client) => [client, 'restore-only' as const]))
  const headers = await server.tokenOf(await server.person(roles))
  const { status, json } = await server.call('POST', '/api/search', { headers, body: query })
  assert.equal(status, 200, JSON.stringify(json))
  return json as SearchAnswer
}

const names = ({ files }: SearchAnswer) => files.map(({ path }) => path).toSorted()
const indexFolder = (server: TestServer) => `${server.services.folder}/search`

for (const kind of storeKinds) {
  test(
    `${kind.name}: files of all machines that somebody may see are found, and of no others; what came since is told`,
    { skip: kind.skip },
    async () => {
      await using server = await TestServer.open(kind)
      const [office, shop] = [await StoredMachine.create(server), await StoredMachine.create(server, { name: 'shop' })]
      await office.backUp({ 'bill.txt': Buffer.from('1') })
      await shop.backUp({ 'secret bill.txt': Buffer.from('2') })
      await updateIndexes(server.services)
      assert.deepEqual(names(await search(server, [office.client], { text: 'bill' })), ['/bill.txt'])
      const both = await search(server, [office.client, shop.client], { text: 'bill' })
      assert.deepEqual([both.total, both.behind, both.notSearched], [2, [], []])
      const one = await search(server, [office.client, shop.client], { text: 'bill', machines: [shop.machine] })
      assert.deepEqual([names(one), one.files[0]?.machine], [['/secret bill.txt'], shop.machine])
      assert.deepEqual((await search(server, [office.client], { machines: [shop.machine] })).searched, [])

      await office.backUp({ 'new.txt': Buffer.from('3') }, { time: '2026-02-01T00:00:00Z' })
      const before = await search(server, [office.client], { text: 'new' })
      assert.deepEqual([before.total, before.behind], [0, [{ repository: office.repositoryId, reason: null }]])
      await updateIndexes(server.services)
      const after = await search(server, [office.client], { deletedSince: '2026-01-15T00:00:00Z', folder: '/' })
      assert.deepEqual([names(after), after.behind], [['/bill.txt'], []])
    },
  )
}

test('a repository whose password is kept is named; one that has no index yet, too', async () => {
  await using server = await TestServer.open()
  const kept = await StoredMachine.create(server, { keepsPassword: true })
  const office = await StoredMachine.create(server)
  await kept.backUp({ 'a.txt': Buffer.from('1') })
  await updateIndexes(server.services)
  const { notSearched } = await search(server, [kept.client, office.client])
  assert.deepEqual(
    notSearched.map(({ repository, code }) => [repository, code]),
    [
      [office.repositoryId, 'SEARCH_INDEX_MISSING'],
      [kept.repositoryId, 'REPOSITORY_PASSWORD_KEPT'],
    ],
  )
})

test('names lie sealed on the disk, and an index that is damaged is told of and made anew', async () => {
  await using server = await TestServer.open()
  const office = await StoredMachine.create(server)
  await office.backUp({ 'canary-name.txt': Buffer.from('1') })
  await updateIndexes(server.services)
  const files = globSync('**/*', { cwd: indexFolder(server), withFileTypes: true }).filter((entry) => entry.isFile())
  const paths = files.map(({ parentPath, name }) => `${parentPath}/${name}`)
  assert.ok(paths.length >= 2)
  for (const path of paths) {
    assert.ok(!readFileSync(path).includes('canary'))
    writeFileSync(path, 'spoiled')
  }
  assert.equal((await search(server, [office.client])).notSearched[0]?.code, 'SEARCH_INDEX_DAMAGED')
  await updateIndexes(server.services)
  assert.equal((await search(server, [office.client], { text: 'canary' })).total, 1)
})

test('an older copy of the index in its place is noticed, and made anew', async () => {
  await using server = await TestServer.open()
  const office = await StoredMachine.create(server)
  await office.backUp({ 'a.txt': Buffer.from('1') })
  await updateIndexes(server.services)
  cpSync(indexFolder(server), `${indexFolder(server)}.old`, { recursive: true })
  await office.backUp({ 'b.txt': Buffer.from('1') }, { time: '2026-02-01T00:00:00Z' })
  await updateIndexes(server.services)
  rmSync(indexFolder(server), { recursive: true })
  renameSync(`${indexFolder(server)}.old`, indexFolder(server))
  assert.equal((await search(server, [office.client])).notSearched[0]?.code, 'SEARCH_INDEX_ROLLED_BACK')
  await updateIndexes(server.services)
  assert.equal((await search(server, [office.client], { text: 'b.txt' })).total, 1)
})

test('an update that fails is told with its reason, does not stop the others, and is not tried at every look', async () => {
  await using server = await TestServer.open()
  const [office, shop] = [await StoredMachine.create(server), await StoredMachine.create(server, { name: 'shop' })]
  await office.backUp({ 'a.txt': Buffer.from('1') })
  await updateIndexes(server.services)
  await office.backUp({ 'b.txt': Buffer.from('1') }, { time: '2026-02-01T00:00:00Z' })
  await shop.backUp({ 'c.txt': Buffer.from('1') })
  renameSync(`${office.folder}/keys`, `${office.folder}/lost`)
  const told: string[] = []
  const look = async () => await updateIndexes(server.services, { onProblem: (sentence) => void told.push(sentence) })
  await look()
  await look()
  assert.equal(told.length, 1)
  const answer = await search(server, [office.client, shop.client], { text: 'txt' })
  assert.deepEqual(names(answer), ['/a.txt', '/c.txt'])
  assert.equal(answer.behind?.length, 1)
  assert.ok(told[0]?.endsWith(answer.behind?.[0]?.reason ?? 'none'))
  renameSync(`${office.folder}/lost`, `${office.folder}/keys`)
  server.clock.pass(600_000)
  await look()
  assert.deepEqual((await search(server, [office.client])).behind, [])
})

test('with a repository its index goes, and what the server removed is found no more although it lies there still', async () => {
  await using server = await TestServer.open()
  const office = await StoredMachine.create(server)
  const removed = await office.backUp({ 'a.txt': Buffer.from('1') })
  await office.backUp({ 'b.txt': Buffer.from('1') }, { time: '2026-02-01T00:00:00Z' })
  await office.note('removed', removed)
  await updateIndexes(server.services)
  assert.ok(existsSync(`${office.folder}/snapshots/${removed}`))
  assert.deepEqual(names(await search(server, [office.client])), ['/b.txt'])
  await server.services.store.db.deleteFrom('repositories').execute()
  await updateIndexes(server.services)
  assert.deepEqual(readdirSync(indexFolder(server)), [])
})
