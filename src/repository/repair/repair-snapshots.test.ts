import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FaultyBackend } from '#backend'
import type { Fault } from '#backend'
import { TestRepository, password } from '../../../test/helpers/build-repository.ts'
import { JumpingClock } from '../../../test/helpers/jumping-clock.ts'
import { randomFrom } from '../../../test/helpers/seed.ts'
import { checkRepository } from '../check/check.ts'
import { encodeNode } from '../format/node.ts'
import { encodeTree } from '../format/tree.ts'
import { loadIndex } from '../load-index.ts'
import { loadTree } from '../load-blob.ts'
import { lockRepository } from '../lock.ts'
import { PackTable } from '../pack-table.ts'
import { prune } from '../prune/prune.ts'
import { openRepository } from '../repository.ts'
import type { Repository } from '../repository.ts'
import { executeRewrite } from '../rewrite/execute-rewrite.ts'
import type { RewritePlan } from '../rewrite/plan-rewrite.ts'
import { deleteSnapshot, loadSnapshot, loadSnapshots } from '../snapshots.ts'
import { executeIndexRepair, planIndexRepair } from './repair-index.ts'
import { planSnapshotRepair } from './repair-snapshots.ts'
import type { Loss } from './repair-snapshots.ts'
import { removeUnreadableSnapshot } from './unreadable-snapshot.ts'

const built = await TestRepository.create()
const { backend, repository } = built
const empty = backend.keep()
const random = randomFrom(51)
const [one, two, three] = [random.bytes(3_000), random.bytes(4_000), random.bytes(5_000)]
const losses: Loss[] = []

async function repair(on: Repository = repository, forget = false): Promise<RewritePlan> {
  const clock = new JumpingClock()
  losses.length = 0
  await using lock = await lockRepository(on, { exclusive: true, clock })
  const snapshots = await loadSnapshots(on)
  const plan = await planSnapshotRepair(on, snapshots, { forget, clock, onLoss: (loss) => losses.push(loss) })
  if (!plan.isEmpty) await executeRewrite(plan, { lock })
  return plan
}

async function repairIndex(): Promise<void> {
  const clock = new JumpingClock()
  await using lock = await lockRepository(repository, { exclusive: true, clock })
  await executeIndexRepair(await planIndexRepair(repository, { clock }), { lock })
}

async function kinds(): Promise<string[]> {
  const { problems } = await checkRepository(repository, { threads: 1, readData: true, clock: new JumpingClock() })
  return problems.map(({ kind }) => kind)
}

function told(): string[] {
  return losses.map(({ kind, path }) => `${kind} ${path.toString()}`)
}

/** Sizes of the files of a tree. */
async function sizes(tree: Buffer, path = ''): Promise<Record<string, number>> {
  const found: Record<string, number> = {}
  for (const node of await loadTree(await loadIndex(repository), tree)) {
    const inner = `${path}/${String(node.name)}`
    if (node.subtree) Object.assign(found, { [inner]: -1 }, await sizes(node.subtree, inner))
    else found[inner] = Number(node.size)
  }
  return found
}

/** Removes the pack that a blob lies in. */
async function losePackOf(type: 'data' | 'tree', blob: Buffer): Promise<void> {
  const { index } = await loadIndex(repository)
  backend.files.delete(`pack/${index.placeOf(index.find(type, idOf(blob))).pack}`)
}

async function through(faults: readonly Fault[]): Promise<Repository> {
  const faulty = new FaultyBackend(backend)
  const opened = await openRepository(faulty, { password })
  for (const fault of faults) faulty.add(fault)
  return opened
}

/** Three packs of data, and two files that need the second. */
async function buildWithLoss(): Promise<string> {
  backend.bringBack(empty)
  const id = await built.snapshot({ 'a/1': [one, two, three], 'a/2': two, 'b/3': one, c: three }, { packSize: 1_000 })
  await losePackOf('data', two)
  return id
}

test('files are cut to what is there of them, and told; the original stays, or goes when the new one is stored', async () => {
  for (const forget of [false, true]) {
    const original = await buildWithLoss()
    await repairIndex()
    await repair(repository, forget)
    assert.deepEqual(told(), ['content /a/1', 'content /a/2'])
    const [cut] = losses
    assert.ok(cut?.kind === 'content')
    assert.deepEqual([cut.before, cut.bytes, cut.blobs], [12_000n, 8_000n, 1])
    const all = await loadSnapshots(repository)
    const made = all.find((snapshot) => snapshot.original === original)
    assert.deepEqual([all.length, made?.tags], forget ? [1, []] : [2, ['repaired']])
    const whole = { '/a': -1, '/b': -1 }
    assert.deepEqual(await sizes(made?.tree as Buffer), {
      ...whole,
      '/a/1': 8_000,
      '/a/2': 0,
      '/b/3': 3_000,
      '/c': 5_000,
    })
    if (forget) assert.deepEqual(await kinds(), [])
    if (forget) assert.ok((await repair()).isEmpty)
  }
})

test('a sound snapshot is left as it is', async () => {
  backend.bringBack(empty)
  await built.snapshot({ 'a/1': one, b: two })
  assert.ok((await repair()).isEmpty)
  assert.deepEqual([losses.length, backend.names('snapshot').length], [0, 1])
})

test('as long as the index is wrong, nothing is called lost', async () => {
  await buildWithLoss()
  await assert.rejects(repair(), { code: 'INDEX_INCOMPLETE', message: /wrong about packs \(1\)/ })
  backend.bringBack(empty)
  await built.snapshot({ 'a/1': one, b: two })
  const [name = ''] = backend.names('index')
  const bytes = backend.files.get(`index/${name}`) as Buffer
  backend.files.delete(`index/${name}`)
  await assert.rejects(repair(), { code: 'INDEX_INCOMPLETE', message: /which is in no index, has some of it/ })
  const bad = Buffer.from(bytes)
  bad[50] = (bad[50] as number) ^ 1
  backend.files.set(`index/${name}`, bad)
  await assert.rejects(repair(), { code: 'INDEX_INCOMPLETE', message: /damaged/ })
  assert.equal(backend.names('snapshot').length, 1)
})

test('what waits to be deleted is not called lost', async () => {
  backend.bringBack(empty)
  const id = await built.snapshot({ 'a/1': one, b: two })
  await built.snapshot({ c: three })
  const file = backend.files.get(`snapshot/${id}`) as Buffer
  await deleteSnapshot(repository, id)
  await prune(repository, { threads: 1, maxUnused: { bytes: 0 }, clock: new JumpingClock() })
  backend.files.set(`snapshot/${id}`, file)
  await assert.rejects(repair(), { code: 'INDEX_INCOMPLETE', message: /waits to be deleted/ })
  await repairIndex()
  assert.ok((await repair()).isEmpty)
})

test('an index that one listing hides costs no file anything', async () => {
  backend.bringBack(empty)
  await built.snapshot({ 'a/1': one })
  const [name = ''] = backend.names('index')
  const on = await through([{ on: 'list', type: 'index', fault: { kind: 'stale list', hide: [name] } }])
  await assert.rejects(repair(on), { code: 'REPAIR_OUTDATED' })
})

test('a folder whose tree is missing becomes empty; a snapshot whose root is missing stays unless it is to be forgotten', async () => {
  backend.bringBack(empty)
  const inner = await built.store({ x: one })
  const root = encodeTree([folder('gone', Buffer.alloc(32, 7)), folder('in', inner)])
  await built.saveBlobs('tree', [root])
  await built.saveSnapshotOf(idOf(root))
  await built.saveSnapshotOf(Buffer.alloc(32, 9), '2026-05-05T00:00:00Z')
  const plan = await repair()
  assert.deepEqual(
    plan.snapshots.map(({ fate }) => fate),
    ['replace', 'lost'],
  )
  assert.deepEqual(told(), ['folder /gone', 'folder /'])
  const made = (await loadSnapshots(repository)).find(({ tags }) => tags.includes('repaired'))
  assert.deepEqual(await sizes(made?.tree as Buffer), { '/gone': -1, '/in': -1, '/in/x': 3_000 })
  assert.equal(backend.names('snapshot').length, 3)
  await repair(repository, true)
  assert.deepEqual(await kinds(), [])
})

test('a tree that is damaged at two looks becomes an empty folder; at one look only, nothing is done', async () => {
  backend.bringBack(empty)
  const inner = await built.store({ x: one })
  const root = encodeTree([folder('in', inner)])
  await built.saveBlobs('tree', [root])
  await built.saveSnapshotOf(idOf(root))
  const { index } = await loadIndex(repository)
  const { pack } = index.placeOf(index.find('tree', inner))
  // The window, and two reads of the blob itself.
  const on = await through([{ on: 'read', type: 'pack', name: pack, times: 3, fault: { kind: 'flip', bit: 300 } }])
  await assert.rejects(repair(on), { code: 'STORAGE_UNSTEADY' })
  assert.equal(backend.names('snapshot').length, 1)
  const bytes = Buffer.from(backend.files.get(`pack/${pack}`) as Buffer)
  bytes[40] = (bytes[40] as number) ^ 1
  backend.files.set(`pack/${pack}`, bytes)
  await repair()
  assert.deepEqual(told(), ['folder /in'])
})

test('a storage that does not answer is no damage', async () => {
  backend.bringBack(empty)
  await built.snapshot({ 'a/1': one })
  const error = new Error('no route to host')
  const on = await through([{ on: 'read', type: 'pack', times: Infinity, fault: { kind: 'fail', error } }])
  await assert.rejects(repair(on), error)
})

test('entries that no program could bring back go, those of a type that is not known yet stay', async () => {
  backend.bringBack(empty)
  const time = '"mtime":"2026-01-01T00:00:00Z","atime":"2026-01-01T00:00:00Z","ctime":"2026-01-01T00:00:00Z"'
  const entry = (name: string, type: string, rest = time) =>
    `{"name":"${name}",${type}${rest},"uid":0,"gid":0,"content":null}`
  const nodes = [
    entry('a time', '"type":"fifo",', '"mtime":"yesterday","atime":"x","ctime":"x"'),
    entry('b irregular', '"type":"irregular",'),
    entry('c none', ''),
    entry('d later', '"type":"of 2031",'),
    entry('e file', '"type":"file",'),
    entry('f folder', '"type":"dir",'),
    entry('g/h', '"type":"fifo",'),
  ]
  const root = Buffer.from(`{"nodes":[${nodes.join(',')}]}\n`)
  await built.saveBlobs('tree', [root])
  await built.saveSnapshotOf(idOf(root))
  await repair()
  assert.deepEqual(told(), [
    'entry /a time',
    'entry /b irregular',
    'entry /c none',
    'size /e file',
    'folder /f folder',
    'entry /g/h',
  ])
  const made = (await loadSnapshots(repository)).find(({ tags }) => tags.includes('repaired'))
  assert.deepEqual(await sizes(made?.tree as Buffer), { '/d later': 0, '/e file': 0, '/f folder': -1 })
})

test('killed at any change, the original or the repaired snapshot is there, and the next repair ends the work', async () => {
  await buildWithLoss()
  await repairIndex()
  const start = backend.keep()
  await repair(repository, true)
  const { changes } = backend
  for (let diesAt = 1; diesAt <= changes; diesAt++) {
    backend.bringBack(start)
    backend.diesAt = diesAt
    await repair(repository, true).catch(() => undefined)
    backend.bringBack(new Map([...backend.keep()].filter(([key]) => !key.startsWith('lock/'))))
    assert.ok(backend.names('snapshot').length >= 1, `killed at change ${diesAt}`)
    await repair(repository, true)
    assert.deepEqual([backend.names('snapshot').length, await kinds()], [1, []])
  }
})

test('a snapshot that cannot be read is removed only when two looks see the same', async () => {
  backend.bringBack(empty)
  const id = await built.snapshot({ a: one })
  const clock = new JumpingClock()
  const bytes = Buffer.from(backend.files.get(`snapshot/${id}`) as Buffer)
  const damaged = Buffer.from(bytes)
  damaged[40] = (damaged[40] as number) ^ 1
  backend.files.set(`snapshot/${id}`, damaged)
  const first = await loadSnapshot(repository, id).catch((thrown: Error) => thrown)
  assert.ok(first instanceof Error)
  await using lock = await lockRepository(repository, { exclusive: true, clock })
  const remove = async () => await removeUnreadableSnapshot(repository, id, { first, lock, clock })
  backend.files.set(`snapshot/${id}`, bytes)
  await assert.rejects(remove(), { code: 'STORAGE_UNSTEADY' })
  assert.ok(backend.files.has(`snapshot/${id}`))
  backend.files.set(`snapshot/${id}`, damaged)
  await remove()
  assert.ok(!backend.files.has(`snapshot/${id}`))
})

test('the packs that stay are those that were there', async () => {
  await buildWithLoss()
  const before = new PackTable((await loadIndex(repository)).index).packs.map(({ name }) => name)
  await repairIndex()
  await repair()
  const after = backend.names('pack')
  assert.ok(before.filter((name) => !after.includes(name)).length === 1)
})

function folder(name: string, subtree: Buffer): Buffer {
  const time = '2026-01-02T03:04:05Z'
  const numbers = { mode: 0x8000_01ed, uid: 0, gid: 0, inode: 0n, deviceId: 0n, size: 0n, links: 0n, device: 0n }
  const texts = { mtime: time, atime: time, ctime: time, user: '', group: '' }
  return encodeNode({ name: Buffer.from(name), type: 'dir', content: null, ...numbers, ...texts, subtree })
}

function idOf(bytes: Buffer): Buffer {
  const id = Buffer.alloc(32)
  repository.codec.primitives.hasher.sha256(bytes, id)
  return id
}
