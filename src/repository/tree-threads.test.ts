import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TestRepository } from '../../test/helpers/build-repository.ts'
import type { TestFiles } from '../../test/helpers/build-repository.ts'
import { randomFrom } from '../../test/helpers/seed.ts'
import { Findings } from './check/findings.ts'
import { checkTrees } from './check/trees.ts'
import { encodeTree } from './format/tree.ts'
import { loadIndex } from './load-index.ts'
import { PackTable } from './pack-table.ts'
import type { IndexedRepository } from './repository.ts'
import { loadSnapshots } from './snapshots.ts'
import { TreeLoader } from './tree-loader.ts'
import { TreeThreads } from './tree-threads.ts'
import { findUsed } from './used.ts'

const built = await TestRepository.create()
const { backend, repository } = built
const random = randomFrom(23)
const files: Record<string, TestFiles[string]> = {}
for (let i = 0; i < 300; i++) files[`${i % 7}/${i % 61}/${i}`] = random.bytes(20 + (i % 50))
await built.snapshot(files)
const sound = backend.keep()

test('sound trees are opened in threads, and need what the main thread finds that they need', async ({ mock }) => {
  backend.bringBack(sound)
  const indexed = await loadIndex(repository)
  const roots = await rootsOf()
  const { mock: opened } = mock.method(repository.codec, 'open')
  const helped = await findUsed(indexed, roots, { threads: 2 })
  assert.equal(opened.callCount(), 0)
  const alone = await findUsed(indexed, roots, { threads: 0 })
  assert.ok(opened.callCount() > 300)
  assert.deepEqual([...helped], [...alone])
  assert.equal(helped.count, indexed.index.size)
})

test('what is wrong is reported in the same words and the same order as without threads', async () => {
  for (const [what, damage] of Object.entries(damages)) {
    backend.bringBack(sound)
    await damage()
    const indexed = await loadIndex(repository)
    const alone = await findings(indexed, 0)
    assert.ok(alone.findings.length > 0, what)
    assert.deepEqual(await findings(indexed, 1), alone, what)
    assert.deepEqual(await usedAndProblems(indexed, 1), await usedAndProblems(indexed, 0), what)
  }
})

test('a search that is called off ends with the reason, and nothing of it runs on', async () => {
  backend.bringBack(sound)
  const stop = new AbortController()
  const onProgress = (trees: number) => trees === 20 && stop.abort(new Error('enough'))
  const search = findUsed(await loadIndex(repository), await rootsOf(), { threads: 2, onProgress, signal: stop.signal })
  await assert.rejects(search, /^Error: enough$/)
})

test('a few trees are not worth threads', async () => {
  backend.bringBack(sound)
  const indexed = await loadIndex(repository)
  assert.equal(TreeThreads.start(indexed, new TreeLoader(indexed), { purpose: 'use' }), undefined)
})

const time = '2026-01-01T00:00:00Z'
const times = `"mtime":"${time}","atime":"${time}","ctime":"${time}"`
const unknownId = 'ab'.repeat(32)

/** Ways in which a second snapshot, or what lies in the storage, may be wrong. */
const damages: Readonly<Record<string, () => Promise<void>>> = {
  'entries that are malformed': async () =>
    await saveRoot(
      `{"name":"a","type":"file","mode":420,"mtime":"today","uid":0,"gid":0,"content":[]}`,
      `{"name":"b","type":"nothing",${times},"uid":0,"gid":0,"content":null}`,
      `{"name":"c","type":"file",${times},"uid":4294967296,"gid":0,"content":[]}`,
      `{"name":"d","type":"file",${times},"uid":0,"gid":0,"inode":18446744073709551616,"content":[]}`,
      `{"name":"e","type":"dir",${times},"uid":0,"gid":0,"content":null,"subtree":"${'x'.repeat(64)}"}`,
      `{"name":"f/g","type":"file",${times},"uid":0,"gid":0,"content":[]}`,
      `{"name":"h","type":"file",${times},"uid":0,"gid":0,"content":["${unknownId.toUpperCase()}"]}`,
      `{"name":"i","type":"file",${times},"uid":0,"gid":0,"extended_attributes":[{"name":"a","value":"%"}],"content":[]}`,
    ),
  'blobs that are in no index': async () =>
    await saveRoot(
      `{"name":"a","type":"file",${times},"uid":0,"gid":0,"size":7,"content":["${unknownId}"]}`,
      `{"name":"b","type":"dir",${times},"uid":0,"gid":0,"content":null,"subtree":"${unknownId}"}`,
    ),
  'a file whose blobs have another length': async () =>
    await saveRoot(`{"name":"a","type":"file",${times},"uid":0,"gid":0,"size":7,"content":[]}`),
  'a folder without order': async () =>
    await saveRoot(
      `{"name":"b","type":"file",${times},"uid":0,"gid":0,"content":[]}`,
      `{"name":"a","type":"file",${times},"uid":0,"gid":0,"content":[]}`,
    ),
  'a tree that is none': async () => await saveTreeAsRoot(Buffer.from('[]\n')),
  'trees that are damaged where they lie': async () => {
    const { packs } = new PackTable((await loadIndex(repository)).index)
    for (const { name, type } of packs) {
      if (type !== 'tree') continue
      const bytes = Buffer.from(backend.files.get(`pack/${name}`) as Buffer)
      for (let at = 100; at < bytes.length; at += 5000) bytes[at] = (bytes[at] as number) ^ 1
      backend.files.set(`pack/${name}`, bytes)
    }
  },
}

async function saveRoot(...nodes: readonly string[]): Promise<void> {
  await saveTreeAsRoot(encodeTree(nodes.map((node) => Buffer.from(node))))
}

async function saveTreeAsRoot(bytes: Buffer): Promise<void> {
  await built.saveBlobs('tree', [bytes])
  const id = Buffer.alloc(32)
  repository.codec.primitives.hasher.sha256(bytes, id)
  await built.saveSnapshotOf(id)
}

async function rootsOf(): Promise<Buffer[]> {
  return (await loadSnapshots(repository)).map(({ tree }) => tree)
}

async function findings(indexed: IndexedRepository, threads: number) {
  const found = new Findings()
  const isLost = () => false
  const trees = await checkTrees(indexed, await loadSnapshots(repository), { findings: found, isLost, threads })
  return { trees, findings: found.findings }
}

async function usedAndProblems(indexed: IndexedRepository, threads: number) {
  const problems: string[] = []
  const onProblem = ({ message }: Error) => void problems.push(message)
  const used = await findUsed(indexed, await rootsOf(), { threads, onProblem })
  return { used: [...used], problems }
}
