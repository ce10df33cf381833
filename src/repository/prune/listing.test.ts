import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { FileType, ListedFile } from '#backend'
import { JumpingClock } from '../../../test/helpers/jumping-clock.ts'
import { TestRepository } from '../../../test/helpers/build-repository.ts'
import { randomFrom } from '../../../test/helpers/seed.ts'
import { deleteSnapshot } from '../snapshots.ts'
import { prune } from './prune.ts'

/** Storage whose listings are behind: what is new is not shown, what was deleted is, and pages come twice. */

const built = await TestRepository.create()
const { backend, repository } = built
const random = randomFrom(11)
const files = (name: string) =>
  Object.fromEntries([1, 2, 3, 4, 5, 6].map((i) => [`${name}/${i}`, random.bytes(30_000)]))
const shared = files('shared')
const old = await built.snapshot({ ...files('old'), ...shared })
await built.snapshot({ ...shared, ...files('new') })
const start = backend.keep()

/** Changes what listings of a type show: `change` gets the true one, and how often it was asked before. */
function mistell(t: TestContext, type: FileType, change: (files: ListedFile[], before: number) => ListedFile[]): void {
  const list = backend.list.bind(backend)
  let asked = 0
  t.mock.method(backend, 'list', async function* (of: FileType, options?: object) {
    const listed = await Array.fromAsync(list(of, options))
    yield* of === type ? change(listed, asked++) : listed
  })
}

const pruneNow = (clock = new JumpingClock()) =>
  prune(repository, { threads: 1, packSize: 64 << 10, maxUnused: { bytes: 0 }, clock })

test('packs that a listing hides, shows twice, or shows although they are gone cost nothing that is needed', async (t) => {
  backend.bringBack(start)
  await deleteSnapshot(repository, old)
  const needed = await built.provenBlobs()
  const gone = { name: 'ab'.repeat(32), size: 5000 }
  mistell(t, 'pack', (listed, asked) => [...listed.slice(asked % 3), ...listed.slice(2), gone])
  const clock = new JumpingClock()
  for (let day = 0; day < 3; day++) {
    await pruneNow(clock)
    assert.deepEqual(await built.provenBlobs(), needed, `day ${day}`)
    await clock.sleep(25 * 3_600_000)
  }
})

test('an index that only the second listing shows ends the prune before anything is deleted', async (t) => {
  backend.bringBack(start)
  const before = [...start.keys()].filter((key) => !key.startsWith('lock/'))
  const indexes = backend.names('index').length
  assert.ok(indexes > 1)
  for (let hidden = 0; hidden < indexes; hidden++) {
    backend.bringBack(start)
    mistell(t, 'index', (listed, asked) => (asked === 0 ? listed.toSpliced(hidden, 1) : listed))
    await assert.rejects(pruneNow(), (thrown: { readonly code?: string }) =>
      ['PLAN_OUTDATED', 'BLOBS_MISSING', 'PACKS_MISSING'].includes(thrown.code ?? ''),
    )
    t.mock.restoreAll()
    assert.ok(before.every((key) => backend.files.has(key)))
  }
})

test('a snapshot that only the second listing shows ends the prune before anything is deleted', async (t) => {
  backend.bringBack(start)
  mistell(t, 'snapshot', (listed, asked) => (asked === 0 ? listed.filter(({ name }) => name !== old) : listed))
  await assert.rejects(pruneNow(), { code: 'PLAN_OUTDATED' })
  assert.ok([...start.keys()].filter((key) => !key.startsWith('lock/')).every((key) => backend.files.has(key)))
})
