import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TestRepository } from '../../../test/helpers/build-repository.ts'
import { randomFrom } from '../../../test/helpers/seed.ts'
import { lockRepository } from '../lock.ts'
import { loadSnapshots } from '../snapshots.ts'
import type { NamedSnapshot } from '../snapshots.ts'
import { chooseForCopy } from './choose.ts'
import { copySnapshots } from './copy.ts'

const random = randomFrom(11)
const text = (words: string) => Buffer.alloc(40_000, words)
const source = await TestRepository.create()
const shared = { 'shared/a': random.bytes(60_000), 'shared/b': text('some words ') }
const oldFiles = { ...shared, 'old/c': random.bytes(90_000) }
const newFiles = { ...shared, 'new/d': text('other words '), 'new/e': Buffer.alloc(0) }
await source.snapshot(oldFiles, { time: '2026-01-01T00:00:00Z' })
await source.snapshot(newFiles)
const whole = source.backend.keep()
const needed = await source.provenBlobs()

const target = await TestRepository.create()
const empty = target.backend.keep()

async function copy(from: TestRepository = source): Promise<readonly string[]> {
  const copied: string[] = []
  await using lock = await lockRepository(target.repository)
  const { toCopy } = chooseForCopy(await loadSnapshots(from.repository), await loadSnapshots(target.repository))
  const onCopied = (...[, id]: readonly [NamedSnapshot, string]) => void copied.push(id)
  const options = { threads: 1, packSize: 64 << 10, lock, onCopied }
  await copySnapshots(await from.load(), await target.load(), { snapshots: toCopy, ...options })
  return copied
}

test('a copy has the same trees and blobs, remembers its original, and is not made twice', async () => {
  target.backend.bringBack(empty)
  assert.equal((await copy()).length, 2)
  assert.deepEqual(await target.provenBlobs(), needed)
  const [originals, copies] = [await loadSnapshots(source.repository), await loadSnapshots(target.repository)]
  assert.deepEqual(
    copies.map((copied) => ({ ...copied, id: '' })),
    originals.map((snapshot) => ({ ...snapshot, id: '', original: snapshot.id })),
  )
  assert.deepEqual(await copy(), [])
})

test('killed at any change, a copy loses nothing, says nothing false, and the next one completes it', async () => {
  target.backend.bringBack(empty)
  await copy()
  const { changes } = target.backend
  assert.ok(changes > 6)
  for (let diesAt = 1; diesAt <= changes; diesAt++) {
    target.backend.bringBack(empty)
    target.backend.diesAt = diesAt
    await copy().catch(() => undefined)
    target.backend.bringBack(new Map([...target.backend.keep()].filter(([key]) => !key.startsWith('lock/'))))
    await target.provenBlobs() // every snapshot that is there is whole
    await copy()
    assert.deepEqual(await target.provenBlobs(), needed, `after dying at change ${diesAt}`)
    assert.equal((await loadSnapshots(target.repository)).length, 2)
  }
})

test('what is damaged in the source is never copied: another copy of it is, or the snapshot is not saved', async () => {
  target.backend.bringBack(empty)
  const packs = source.backend.names('pack')
  const damage = (name: string) => {
    const bytes = Buffer.from(source.backend.files.get(`pack/${name}`) as Buffer)
    bytes[100] = (bytes[100] as number) ^ 1
    source.backend.files.set(`pack/${name}`, bytes)
  }
  for (const name of packs) damage(name)
  try {
    await assert.rejects(copy(), { code: 'BLOB_DAMAGED' })
    assert.deepEqual(target.backend.names('snapshot'), [])
    // The same blobs once more, in packs that are sound.
    source.backend.bringBack(whole)
    for (const files of [oldFiles, newFiles]) await source.store(files, { again: true })
    for (const name of packs) damage(name)
    assert.equal((await copy()).length, 2)
    assert.deepEqual(await target.provenBlobs(), needed)
  } finally {
    source.backend.bringBack(whole)
  }
})

test('a repository of version 1 can be copied from, and to', async () => {
  const old = await TestRepository.create({ version: 1 })
  await old.snapshot({ 'v1/text': text('uncompressed '), 'v1/random': random.bytes(70_000) })
  target.backend.bringBack(empty)
  await copy(old)
  assert.deepEqual(await target.provenBlobs(), await old.provenBlobs())
  const { index } = await target.load()
  for (let entry = 0; entry < index.size; entry++) assert.ok(index.uncompressedLengthOf(entry) > 0)
})

test('a blob that is longer than any chunk is copied too', async () => {
  const large = await TestRepository.create()
  await large.snapshot(
    { 'large/file': Buffer.alloc(9 << 20, 'long '), 'large/random': random.bytes(9_000_000) },
    { packSize: 16 << 20 },
  )
  target.backend.bringBack(empty)
  await copy(large)
  assert.deepEqual(await target.provenBlobs(), await large.provenBlobs())
})

test('snapshots that differ in more than parent and original are other snapshots', () => {
  const tree = Buffer.alloc(32, 1)
  const base = { id: 'a'.repeat(64), time: '2026-01-01T00:00:00Z', tree, hostname: 'h', username: 'u', uid: 1, gid: 1 }
  const snapshot: NamedSnapshot = { ...base, paths: ['/b', '/a'], tags: ['x'], excludes: [] }
  const isCopied = (change: Partial<NamedSnapshot>) =>
    chooseForCopy([snapshot], [{ ...snapshot, id: 'c'.repeat(64), original: snapshot.id, ...change }]).copied.length ===
    1
  assert.ok(isCopied({ parent: 'd'.repeat(64), paths: ['/a', '/b'], time: '2026-01-01T01:00:00+01:00' }))
  assert.ok(!isCopied({ original: 'd'.repeat(64) }))
  for (const change of [
    { tags: ['x', 'y'] },
    { tags: ['y'] },
    { hostname: 'i' },
    { paths: ['/a'] },
    { excludes: ['*'] },
  ]) {
    assert.ok(!isCopied(change), JSON.stringify(change))
  }
  assert.equal(chooseForCopy([snapshot], [snapshot]).copied.length, 1)
})
