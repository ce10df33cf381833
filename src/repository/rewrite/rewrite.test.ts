import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TestRepository } from '../../../test/helpers/build-repository.ts'
import { JumpingClock } from '../../../test/helpers/jumping-clock.ts'
import { randomFrom } from '../../../test/helpers/seed.ts'
import { encodeNode } from '../format/node.ts'
import { encodeTree } from '../format/tree.ts'
import { loadIndex } from '../load-index.ts'
import { lockRepository } from '../lock.ts'
import { loadTree } from '../load-blob.ts'
import { loadSnapshots } from '../snapshots.ts'
import { executeRewrite } from './execute-rewrite.ts'
import { planRewrite } from './plan-rewrite.ts'
import type { RewritePlan, RewriteRequest } from './plan-rewrite.ts'
import { TreeRewriter } from './rewrite-trees.ts'
import type { RewriteRules } from './rewrite-trees.ts'

const built = await TestRepository.create()
const { backend, repository } = built
const empty = backend.keep()
const random = randomFrom(41)
const files = {
  'a/keep': random.bytes(5_000),
  'a/secret': random.bytes(6_000),
  'b/keep': random.bytes(7_000),
  c: random.bytes(100),
}
const first = await built.snapshot(files)
const second = await built.snapshot({ ...files, d: random.bytes(50) }, { time: '2026-02-02T03:04:05Z' })
const whole = backend.keep()

/** Leaves out what has one of these names. */
function without(...names: readonly string[]): () => RewriteRules<null> {
  return () => ({
    root: null,
    keyOf: () => '',
    entry: (node) => (names.includes(String(node.name)) ? 'drop' : node.type === 'dir' ? { enter: null } : 'keep'),
  })
}

async function rewrite<State>(request: Partial<RewriteRequest<State>>): Promise<RewritePlan<State>> {
  const clock = new JumpingClock()
  await using lock = await lockRepository(repository, { exclusive: true, clock })
  const indexed = await loadIndex(repository)
  const plan = await planRewrite(indexed, await loadSnapshots(repository), {
    tag: 'rewrite',
    forget: false,
    ...request,
  })
  if (!plan.isEmpty) await executeRewrite(plan, { lock })
  return plan
}

async function paths(tree: Buffer): Promise<string[]> {
  const indexed = await loadIndex(repository)
  const found: string[] = []
  for (const node of await loadTree(indexed, tree)) {
    if (node.subtree) found.push(...(await paths(node.subtree)).map((path) => `${node.name.toString()}/${path}`))
    else found.push(String(node.name))
  }
  return found
}

test('what the rules leave out is gone from the new snapshots; the originals stay, and the new ones say where they are from', async () => {
  backend.bringBack(whole)
  const plan = await rewrite({ createRules: without('secret') })
  assert.deepEqual(
    plan.snapshots.map(({ fate }) => fate),
    ['replace', 'replace'],
  )
  const all = await loadSnapshots(repository)
  const made = all.filter(({ tags }) => tags.includes('rewrite'))
  assert.deepEqual([all.length, made.map(({ original }) => original)], [4, [first, second]])
  assert.deepEqual(await paths(made[0]?.tree as Buffer), ['a/keep', 'b/keep', 'c'])
  const total = { totalFilesProcessed: 3, totalBytesProcessed: 12_100n }
  assert.deepEqual({ ...made[0]?.summary, ...total }, made[0]?.summary)
  // The same tree as if it had been stored so in the first place.
  const { 'a/secret': _, ...rest } = files
  assert.deepEqual(made[0]?.tree, await built.store(rest))
})

test('with forget the originals go, and nothing else is marked', async () => {
  backend.bringBack(whole)
  await rewrite({ createRules: without('secret'), forget: true, hostname: 'new', time: '2020-01-01T00:00:00+01:00' })
  const all = await loadSnapshots(repository)
  assert.deepEqual(
    new Set(all.map(({ original, tags, hostname, time }) => [original, tags, hostname, time])),
    new Set([first, second].map((original) => [original, [], 'new', '2020-01-01T00:00:00+01:00'])),
  )
})

test('what is not changed is not written: no snapshot, no tree', async () => {
  backend.bringBack(whole)
  const plan = await rewrite({ createRules: without('nowhere') })
  assert.ok(plan.isEmpty)
  assert.deepEqual(backend.changes, 2, 'the lock, and its end')
  await rewrite({ hostname: 'host' })
  assert.equal(backend.names('snapshot').length, 2)
  const packs = backend.names('pack').length
  await rewrite({ hostname: 'elsewhere' })
  assert.deepEqual([backend.names('snapshot').length, backend.names('pack').length], [4, packs])
})

test('a snapshot that has a summary of its files and bytes gets none anew, and one that has none gets one on demand', async () => {
  backend.bringBack(whole)
  await rewrite({ createRules: without(), summary: 'always', forget: true })
  const [one] = await loadSnapshots(repository)
  assert.deepEqual([one?.summary?.totalFilesProcessed, one?.summary?.totalBytesProcessed], [4, 18_100n])
  assert.ok((await rewrite({ createRules: without(), summary: 'always' })).isEmpty)
})

test('a snapshot is not emptied by a mistake', async () => {
  backend.bringBack(whole)
  await assert.rejects(rewrite({ createRules: without('keep', 'secret', 'c', 'd') }), { code: 'REWRITE_EMPTY' })
  await assert.rejects(rewrite({ createRules: without('a', 'b', 'c', 'd'), forget: true }), { code: 'REWRITE_EMPTY' })
  assert.deepEqual(backend.names('snapshot').toSorted(), [first, second].toSorted())
  await rewrite({ createRules: without('a', 'b', 'c', 'd'), allowEmpty: true })
  assert.equal(backend.names('snapshot').length, 4)
})

test('made again, it makes no second copy', async () => {
  backend.bringBack(whole)
  const { isEmpty } = await rewrite({ createRules: without('d') })
  assert.ok(!isEmpty)
  const before = backend.names('snapshot').toSorted()
  // The new one has nothing to leave out; the original leads to what is there already.
  await rewrite({ createRules: without('d') })
  assert.deepEqual(backend.names('snapshot').toSorted(), before)
})

test('killed at any change, every original or what takes its place is there and whole', async () => {
  backend.bringBack(whole)
  await rewrite({ createRules: without('secret'), forget: true })
  const { changes } = backend
  const wanted = (await loadSnapshots(repository)).map(({ tree, original }) => `${original} ${tree.toString('hex')}`)
  for (let diesAt = 1; diesAt <= changes; diesAt++) {
    backend.bringBack(whole)
    backend.diesAt = diesAt
    await rewrite({ createRules: without('secret'), forget: true }).catch(() => undefined)
    backend.bringBack(new Map([...backend.keep()].filter(([key]) => !key.startsWith('lock/'))))
    await built.provenBlobs()
    const there = (await loadSnapshots(repository)).flatMap(({ id, original }) => [id, original])
    assert.ok(there.includes(first) && there.includes(second), `killed at change ${diesAt}`)
    await rewrite({ createRules: without('secret'), forget: true })
    const made = (await loadSnapshots(repository)).map(({ tree, original }) => `${original} ${tree.toString('hex')}`)
    assert.deepEqual(made, wanted)
  }
})

test('a tree that is shared a billion times is rewritten once, and its files are counted each time', async () => {
  backend.bringBack(empty)
  let tree = await built.store({ file: random.bytes(10), other: random.bytes(5) })
  const file = { ...plainFolder(), links: 0n }
  const trees: Buffer[] = []
  for (let level = 0; level < 30; level++) {
    const bytes = encodeTree(['a', 'b'].map((name) => encodeNode({ ...file, name: Buffer.from(name), subtree: tree })))
    trees.push(bytes)
    tree = idOf(bytes)
  }
  await built.saveBlobs('tree', trees)
  const saved: Buffer[] = []
  const save = async (bytes: Buffer) => {
    saved.push(bytes)
    return idOf(bytes)
  }
  const result = await new TreeRewriter(await loadIndex(repository), without('other')(), { save }).rewrite(tree)
  assert.deepEqual([saved.length, result.files, result.bytes], [31, 2 ** 30, 10 * 2 ** 30])
})

test('folders nested six thousand deep are rewritten; nested without end they are refused', async () => {
  backend.bringBack(empty)
  let tree = await built.store({ file: random.bytes(10), other: random.bytes(5) })
  const trees: Buffer[] = []
  for (let level = 0; level < 6_001; level++) {
    const bytes = encodeTree([encodeNode({ ...plainFolder(), subtree: tree })])
    trees.push(bytes)
    tree = idOf(bytes)
  }
  await built.saveBlobs('tree', trees)
  const indexed = await loadIndex(repository)
  const save = async (bytes: Buffer) => idOf(bytes)
  const rewriter = (deepest?: number) => new TreeRewriter(indexed, without('other')(), { save, deepest })
  const result = await rewriter().rewrite(tree)
  assert.deepEqual([result.isChanged, result.files], [true, 1])
  await assert.rejects(rewriter(6_000).rewrite(tree), { code: 'TREE_TOO_DEEP' })
})

test('an entry that is malformed ends the rewriting with a clear sentence', async () => {
  backend.bringBack(empty)
  const bytes = Buffer.from('{"nodes":[{"name":"x","type":"dir","subtree":"zz"}]}\n')
  await built.saveBlobs('tree', [bytes])
  await built.saveSnapshotOf(idOf(bytes))
  await assert.rejects(rewrite({ createRules: without('y') }), { code: 'FIELD_INVALID' })
})

function plainFolder() {
  const time = '2026-01-02T03:04:05Z'
  const numbers = { mode: 0x8000_01ed, uid: 0, gid: 0, inode: 0n, deviceId: 0n, size: 0n, links: 0n, device: 0n }
  const texts = { mtime: time, atime: time, ctime: time, user: '', group: '' }
  return { name: Buffer.from('in'), type: 'dir' as const, content: null, ...numbers, ...texts }
}

function idOf(bytes: Buffer): Buffer {
  const id = Buffer.alloc(32)
  repository.codec.primitives.hasher.sha256(bytes, id)
  return id
}
