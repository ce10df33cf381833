import assert from 'node:assert/strict'
import { test } from 'node:test'
import { copyOf, initInMemory } from '../../test/helpers/memory-repository.ts'
import type { Snapshot } from './format/snapshot.ts'
import { deleteSnapshot, findSnapshot, loadSnapshot, loadSnapshots, saveSnapshot } from './snapshots.ts'
import type { SnapshotFilter } from './snapshots.ts'

const made = await initInMemory()

function snapshot(about: Partial<Snapshot> = {}): Snapshot {
  const who = { hostname: 'here', username: 'ann', uid: 1000, gid: 1000 }
  const what = { tree: Buffer.alloc(32, 1), paths: ['/data'], excludes: [], tags: [] }
  return { time: '2026-01-01T00:00:00Z', ...who, ...what, ...about }
}

/** One on each day of January, at midnight of other time zones: their order as text is not their order in time. */
async function withThree() {
  const one = await copyOf(made)
  const times = ['2026-01-02T00:30:00+02:00', '2026-01-01T23:00:00Z', '2026-01-01T18:30:00-05:00']
  const ids: string[] = []
  for (const time of times.toReversed()) ids.unshift(await saveSnapshot(one.repository, snapshot({ time })))
  return { ...one, ids }
}

test('snapshots come oldest first by the moment they name, whatever their time zones', async () => {
  const { repository, ids } = await withThree()
  assert.deepEqual(
    (await loadSnapshots(repository)).map(({ id }) => id),
    ids,
  )
})

test('a snapshot is found by the first digits of its id, as the latest, and as the one before', async () => {
  const { repository, ids } = await withThree()
  const find = async (name: string) => (await findSnapshot(repository, name)).id
  assert.equal(await find(ids[0]?.slice(0, 20) ?? ''), ids[0])
  assert.deepEqual([await find('latest'), await find('latest~1'), await find('latest~2')], ids.toReversed())
  for (const name of ['latest~3', 'ffff0000', '', 'latest~99999999999999999999', '../../etc/passwd', 'LATEST']) {
    await assert.rejects(findSnapshot(repository, name), { code: 'SNAPSHOT_NOT_FOUND' })
  }
})

test('too few digits are ambiguous', async () => {
  const { repository } = await copyOf(made)
  for (let i = 0; i < 17; i++) await saveSnapshot(repository, snapshot())
  const firsts = (await loadSnapshots(repository)).map(({ id }) => id[0] as string)
  const twice = firsts.find((digit, i) => firsts.indexOf(digit) !== i) as string
  await assert.rejects(findSnapshot(repository, twice), { code: 'SNAPSHOT_AMBIGUOUS' })
})

test('the latest is one that matches the filter', async () => {
  const { repository } = await copyOf(made)
  const first = await saveSnapshot(repository, snapshot({ hostname: 'a', tags: ['x', 'y'] }))
  await saveSnapshot(repository, snapshot({ hostname: 'b', time: '2026-02-01T00:00:00Z' }))
  const find = async (filter: SnapshotFilter) => (await findSnapshot(repository, 'latest', { filter })).id
  assert.equal(await find({ hosts: ['a'] }), first)
  assert.equal(await find({ tags: [['z'], ['x', 'y']] }), first)
  assert.notEqual(await find({ tags: [['']] }), first)
  await assert.rejects(find({ tags: [['x', 'z']] }), { code: 'SNAPSHOT_NOT_FOUND' })
  await assert.rejects(find({ paths: ['/data', '/other'] }), { code: 'SNAPSHOT_NOT_FOUND' })
})

test('a damaged snapshot fails the listing unless somebody takes note of it, and no older one passes for the latest', async () => {
  const { repository, files, ids } = await withThree()
  files.set(`snapshot/${ids[2]}`, Buffer.from('damaged'))
  await assert.rejects(loadSnapshots(repository), { code: 'FILE_DAMAGED' })
  const damaged: string[] = []
  const sound = await loadSnapshots(repository, { onDamaged: (id) => damaged.push(id) })
  assert.deepEqual([sound.map(({ id }) => id), damaged], [ids.slice(0, 2), [ids[2]]])
  await assert.rejects(findSnapshot(repository, 'latest'), { code: 'FILE_DAMAGED' })
  assert.equal((await findSnapshot(repository, ids[0] as string)).id, ids[0])
})

test('a snapshot that is sealed well and makes no sense is damaged', async () => {
  const { repository } = await copyOf(made)
  const id = await repository.saveFile('snapshot', Buffer.from('{"time":"yesterday"}'))
  await assert.rejects(loadSnapshot(repository, id), { code: 'FILE_DAMAGED', message: /yesterday/ })
})

test('a snapshot that is forgotten while they are listed is passed over', async () => {
  const { repository, backend, ids } = await withThree()
  const show = [{ name: '0'.repeat(64), size: 100 }]
  backend.add({ on: 'list', type: 'snapshot', fault: { kind: 'stale list', show } })
  assert.equal((await loadSnapshots(repository)).length, 3)
  await deleteSnapshot(repository, ids[1] as string)
  await deleteSnapshot(repository, ids[1] as string)
  assert.equal((await loadSnapshots(repository)).length, 2)
})
