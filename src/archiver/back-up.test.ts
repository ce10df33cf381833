import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BackendError } from '#backend'
import { deleteSnapshot, loadIndex, loadSnapshots, lockRepository } from '#repository'
import { formatTime } from '#repository'
import { copyOf, initInMemory, namesOf, openFiles } from '../../test/helpers/memory-repository.ts'
import type { InMemory } from '../../test/helpers/memory-repository.ts'
import { closed, file, memorySource } from '../../test/helpers/memory-source.ts'
import type { MemoryFolder } from '../../test/helpers/memory-source.ts'
import { SettableClock } from '../../test/helpers/settable-clock.ts'
import { backUp } from './back-up.ts'
import type { BackUpOptions } from './back-up.ts'

const made = await initInMemory()
const identity = {
  hostname: 'here',
  username: 'ann',
  uid: 1000,
  gid: 1000,
  tags: [],
  excludes: [],
  programVersion: 'understudy test',
}
const tree = { data: { a: file('first content'), b: file('second content') } }

async function run({ repository }: InMemory, what: MemoryFolder = tree, options: Partial<BackUpOptions> = {}) {
  return await backUp(repository, memorySource(what), { identity, threads: 1, ...options })
}

test('a backup makes one snapshot of what was read, and gives its lock back', async () => {
  const one = await copyOf(made)
  const { snapshot, counts, problems } = await run(one)
  const [found, ...others] = await loadSnapshots(one.repository)
  assert.deepEqual([found?.id, others.length, found?.hostname, found?.paths], [snapshot, 0, 'here', ['/data']])
  assert.deepEqual([counts.filesNew, counts.dataBlobs, counts.treeBlobs, problems.length], [2, 2, 2, 0])
  assert.equal(found?.summary?.totalFilesProcessed, 2)
  assert.deepEqual(await namesOf(one.backend, 'lock'), [])
})

test('the snapshot is written last: packs, then the index, then it', async () => {
  const one = await copyOf(made)
  await run(one)
  const written = one.backend.calls.filter(({ method }) => method === 'write').map(({ type }) => type)
  const kinds = written.filter((type, i) => type !== written[i - 1])
  assert.deepEqual(kinds, ['lock', 'pack', 'index', 'snapshot'])
})

test('a dry run counts the same and stores nothing, not even a lock', async () => {
  const one = await copyOf(made)
  const { snapshot, counts } = await run(one, tree, { dryRun: true })
  assert.deepEqual([snapshot, counts.filesNew, counts.dataBlobs], [undefined, 2, 2])
  assert.deepEqual(one.files, made.files)
  assert.ok(one.backend.calls.every(({ method }) => method !== 'write'))
})

test('when nothing changed, a snapshot is made unless it is not wanted', async () => {
  const one = await copyOf(made)
  const first = await run(one)
  const skipped = await run(one, tree, { skipIfUnchanged: true })
  assert.deepEqual([skipped.snapshot, skipped.parent?.id], [undefined, first.snapshot])
  assert.equal((await loadSnapshots(one.repository)).length, 1)
  const changed = await run(one, { data: { a: file('other') } }, { skipIfUnchanged: true })
  assert.notEqual(changed.snapshot, undefined)
  await run(one)
  assert.equal((await loadSnapshots(one.repository)).length, 3)
})

test('the parent is the newest snapshot of the same host and paths that is not of the future', async () => {
  const one = await copyOf(made)
  const clock = new SettableClock()
  const first = await run(one, tree, { clock })
  await run(one, tree, { clock, identity: { ...identity, hostname: 'other' } })
  await run(one, tree, { clock, time: clock.now() + 86_400_000 })
  clock.pass(1000)
  const next = await run(one, tree, { clock })
  assert.equal(next.parent?.id, first.snapshot)
  assert.equal((await run(one, tree, { clock, force: true })).parent, undefined)
  const named = await run(one, tree, { clock, parent: first.snapshot?.slice(0, 12) })
  assert.equal(named.parent?.id, first.snapshot)
  await assert.rejects(run(one, tree, { parent: 'ffffffffffff' }), { code: 'SNAPSHOT_NOT_FOUND' })
})

test('a damaged snapshot is no reason not to back up', async () => {
  const one = await copyOf(made)
  const { snapshot } = await run(one)
  one.files.set(`snapshot/${snapshot}`, Buffer.from('gone bad'))
  const { parent } = await run(one)
  assert.equal(parent, undefined)
})

test('a source that takes back what it gave makes no snapshot', async () => {
  const one = await copyOf(made)
  const finish = () => Promise.reject(new Error('the command failed'))
  const source = memorySource(tree, { finish })
  await assert.rejects(backUp(one.repository, source, { identity, threads: 1 }), /the command failed/)
  assert.deepEqual(await namesOf(one.backend, 'snapshot'), [])
  assert.deepEqual(await namesOf(one.backend, 'lock'), [])
})

test('a backup that is interrupted names in an index what it has stored, and the next one uses it', async () => {
  const one = await copyOf(made)
  const abort = new AbortController()
  const finish = async () => abort.abort(new Error('Ctrl-C'))
  const source = memorySource(tree, { finish })
  await assert.rejects(backUp(one.repository, source, { identity, threads: 1, signal: abort.signal }), /Ctrl-C/)
  assert.deepEqual(await namesOf(one.backend, 'lock'), [])
  assert.deepEqual(await namesOf(one.backend, 'snapshot'), [])
  const { counts } = await run(one)
  assert.deepEqual([counts.dataBlobs, counts.treeBlobs], [0, 0])
})

test('a backup that is interrupted before its index is written still names its durable packs', async () => {
  const one = await copyOf(made)
  const abort = new AbortController()
  // The first write of an index is the moment of Ctrl-C.
  const { write } = one.backend
  one.backend.write = async (ref, bytes, options) => {
    if (ref.type === 'index' && !abort.signal.aborted) abort.abort(new Error('Ctrl-C'))
    options?.signal?.throwIfAborted()
    await write.call(one.backend, ref, bytes, options)
  }
  await assert.rejects(run(one, tree, { signal: abort.signal }), /Ctrl-C/)
  assert.equal((await namesOf(one.backend, 'index')).length, 1)
  assert.equal((await run(one)).counts.dataBlobs, 0)
})

test('a full storage fails the backup in its own words, whatever was just being written', async () => {
  for (const type of ['pack', 'index', 'snapshot', 'lock'] as const) {
    const full = new BackendError('STORAGE_FULL', { location: 'x' })
    const one = await copyOf(made, [{ on: 'write', type, times: Infinity, fault: { kind: 'fail', error: full } }])
    await assert.rejects(run(one), { code: 'STORAGE_FULL' })
    assert.deepEqual(await namesOf(one.backend, 'snapshot'), [])
    assert.deepEqual(await namesOf(one.backend, 'lock'), [])
    const healthy = await openFiles(one.files)
    const { counts } = await run(healthy)
    assert.equal(counts.dataBlobs, type === 'snapshot' ? 0 : 2)
  }
})

test('blobs that another program removed meanwhile are missed before the snapshot is made', async () => {
  const one = await copyOf(made)
  await run(one)
  const pruned = await copyOf(one)
  const prune = async () => {
    for (const name of await namesOf(pruned.backend, 'index')) pruned.files.delete(`index/${name}`)
  }
  await assert.rejects(backUp(pruned.repository, memorySource(tree, { finish: prune }), { identity, threads: 1 }), {
    code: 'BLOBS_REMOVED',
  })
  assert.equal((await loadSnapshots(pruned.repository)).length, 1)
  // The next one stores them again.
  assert.equal((await run(pruned)).counts.dataBlobs, 2)
})

test('an index that was only replaced by another with the same blobs is no reason to fail', async () => {
  const one = await copyOf(made)
  const first = await run(one)
  const rewrite = async () => {
    const [name] = await namesOf(one.backend, 'index')
    const json = await one.repository.loadFile('index', name as string)
    await one.repository.saveFile('index', json)
    one.files.delete(`index/${name}`)
  }
  const source = memorySource(tree, { finish: rewrite })
  const { snapshot } = await backUp(one.repository, source, { identity, threads: 1 })
  assert.notEqual(snapshot, undefined)
  assert.notEqual(snapshot, first.snapshot)
})

test('a lock that is broken while the backup runs leaves no snapshot', async () => {
  const one = await copyOf(made)
  const breakLocks = async () => {
    for (const name of await namesOf(one.backend, 'lock')) one.files.delete(`lock/${name}`)
  }
  const source = memorySource(tree, { finish: breakLocks })
  await assert.rejects(backUp(one.repository, source, { identity, threads: 1 }), { code: 'LOCK_LOST' })
  assert.deepEqual(await namesOf(one.backend, 'snapshot'), [])
})

test('an exclusive lock of somebody else stops a backup, but not a dry run', async () => {
  const one = await copyOf(made)
  await using _ = await lockRepository(one.repository, { exclusive: true })
  await assert.rejects(run(one), { code: 'REPOSITORY_LOCKED' })
  await run(one, tree, { dryRun: true })
})

test('a clock that is set back during the backup gives no negative duration', async () => {
  const one = await copyOf(made)
  const clock = new SettableClock()
  const finish = async () => {
    clock.pass(5_000)
    clock.wall -= 3_600_000
  }
  const source = memorySource(tree, { finish })
  const { start, end } = await backUp(one.repository, source, { identity, threads: 1, clock })
  assert.ok(end - start >= 5_000 && end - start < 10_000)
})

test('a snapshot says the time that was asked for', async () => {
  const one = await copyOf(made)
  await run(one, tree, { time: Date.UTC(2020, 1, 29, 12) })
  const [found] = await loadSnapshots(one.repository)
  assert.equal(new Date(found?.time ?? '').getTime(), Date.UTC(2020, 1, 29, 12))
  assert.equal(formatTime(BigInt(Date.UTC(2020, 1, 29, 12)) * 1_000_000n), '2020-02-29T12:00:00Z')
})

test('many files over several threads, cut into small packs, are all in the index afterwards', async () => {
  const one = await copyOf(made)
  const many = Object.fromEntries(Array.from({ length: 600 }, (_, i) => [`f${i}`, file(Buffer.alloc(20_000, `${i} `))]))
  const result = await run(one, { ...many, shut: closed }, { threads: 3, packSize: 200_000 })
  assert.equal(result.problems.length, 1)
  const { index } = await loadIndex(one.repository)
  assert.equal(index.size, result.counts.dataBlobs + result.counts.treeBlobs)
  assert.equal((await run(one, { ...many, shut: closed }, { threads: 3 })).counts.dataBlobs, 0)
  await deleteSnapshot(one.repository, result.snapshot as string)
})
