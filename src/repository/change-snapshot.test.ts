import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TestRepository } from '../../test/helpers/build-repository.ts'
import { changeSnapshots } from './change-snapshot.ts'
import { lockRepository } from './lock.ts'
import { loadSnapshots } from './snapshots.ts'

const built = await TestRepository.create()
const { backend, repository } = built
const first = await built.snapshot({ a: Buffer.from('content') })
const start = backend.keep()

async function tagAll(tags: readonly string[]): Promise<void> {
  await using lock = await lockRepository(repository, { exclusive: true })
  const all = await loadSnapshots(repository)
  const changes = all
    .filter((snapshot) => snapshot.tags.join() !== tags.join())
    .map((snapshot) => ({ snapshot, change: { tags } }))
  await changeSnapshots(repository, changes, { lock, all, onChanged: () => undefined })
}

test('a changed snapshot takes the place of the old one and remembers which it was first', async () => {
  backend.bringBack(start)
  await tagAll(['one'])
  await tagAll(['two'])
  const [snapshot, ...others] = await loadSnapshots(repository)
  assert.deepEqual([snapshot?.tags, snapshot?.original, others], [['two'], first, []])
  assert.notEqual(snapshot?.id, first)
})

test('killed at any change, there is always a snapshot, and the next run leaves exactly the changed one', async () => {
  backend.bringBack(start)
  await tagAll(['kept'])
  const { changes } = backend
  for (let diesAt = 1; diesAt <= changes; diesAt++) {
    backend.bringBack(start)
    backend.diesAt = diesAt
    await tagAll(['kept']).catch(() => undefined)
    backend.bringBack(new Map([...backend.keep()].filter(([key]) => !key.startsWith('lock/'))))
    assert.ok(backend.names('snapshot').length > 0, `after dying at change ${diesAt}`)
    await tagAll(['kept'])
    const snapshots = await loadSnapshots(repository)
    assert.deepEqual(
      snapshots.map(({ tags, original }) => [tags, original]),
      [[['kept'], first]],
      `after the run that followed change ${diesAt}`,
    )
  }
})
