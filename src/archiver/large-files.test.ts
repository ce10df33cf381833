import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { loadBlob, loadIndex, loadTree } from '#repository'
import type { TreeNode } from '#repository'
import { copyOf, initInMemory } from '../../test/helpers/memory-repository.ts'
import type { InMemory } from '../../test/helpers/memory-repository.ts'
import { file, memorySource } from '../../test/helpers/memory-source.ts'
import { randomFrom, testSeed } from '../../test/helpers/seed.ts'
import { tempFolder } from '../../test/helpers/temp.ts'
import { createFileSource } from '#filesystem'
import { backUp } from './back-up.ts'

const made = await initInMemory()
const identity = {
  hostname: 'here',
  username: 'ann',
  uid: 0,
  gid: 0,
  tags: [],
  excludes: [],
  programVersion: 'understudy test',
}
// Large enough that other threads are called for help; the middle repeats, and is known to all threads at once.
const random = randomFrom(testSeed())
const [head, repeated, tail] = [random.bytes(24 << 20), random.bytes(6 << 20), random.bytes(9 << 20)]
const content = Buffer.concat([head, repeated, repeated, repeated, tail])

async function run({ repository }: InMemory, folder: string, threads: number) {
  const source = await createFileSource([folder])
  return await backUp(repository, source, { identity, threads })
}

/** The files of the innermost folder, each as the ids of its blobs. */
async function filesOf({ repository }: InMemory, tree: Buffer): Promise<Buffer[]> {
  const indexed = await loadIndex(repository)
  for (let at = tree; ;) {
    const nodes: TreeNode[] = [...(await loadTree(indexed, at))]
    const subtree = nodes[0]?.subtree
    if (!subtree) return nodes.flatMap(({ content: ids }) => ids ?? [])
    at = subtree
  }
}

async function contentOf({ repository }: InMemory, ids: Buffer): Promise<Buffer> {
  const indexed = await loadIndex(repository)
  const pieces: Buffer[] = []
  for (let at = 0; at < ids.length; at += 32) pieces.push(await loadBlob(indexed, 'data', ids.subarray(at, at + 32)))
  return Buffer.concat(pieces)
}

test('a large file that several threads store is the same file, cut in the same places', async () => {
  await using folder = await tempFolder()
  writeFileSync(join(folder.path, 'image'), content)
  const one = await copyOf(made)
  const several = await copyOf(made)
  const alone = await run(one, folder.path, 1)
  const together = await run(several, folder.path, 4)
  const files = await filesOf(several, together.tree)
  assert.deepEqual(files, await filesOf(one, alone.tree))
  assert.equal(together.counts.dataBlobs, alone.counts.dataBlobs)
  assert.ok((await contentOf(several, files[0] as Buffer)).equals(content))
})

test('several large files at once, on more threads than files and on fewer', async () => {
  await using folder = await tempFolder()
  const files = [content.subarray(0, 20 << 20), content.subarray(1000, (21 << 20) + 5), content.subarray(77)]
  files.forEach((bytes, i) => writeFileSync(join(folder.path, `image-${i}`), bytes))
  const stored: Buffer[][] = []
  for (const threads of [1, 2, 5]) {
    const one = await copyOf(made)
    stored.push(await filesOf(one, (await run(one, folder.path, threads)).tree))
  }
  assert.equal(stored[0]?.length, 3)
  assert.deepEqual(stored[1], stored[0])
  assert.deepEqual(stored[2], stored[0])
})

test('a large file that breaks off is left out, and everything else is stored', async () => {
  const one = await copyOf(made)
  const small = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`z${i}`, file(`small ${i}`)]))
  const what = { broken: file(content, { breaksAt: 40 << 20 }), whole: file(content), ...small }
  const result = await backUp(one.repository, memorySource(what), { identity, threads: 3 })
  assert.deepEqual(
    result.problems.map(({ path, error }) => [path.toString(), error.message]),
    [['/broken', 'input/output error']],
  )
  assert.equal(result.counts.totalFilesProcessed, 201)
  const [whole] = await filesOf(one, result.tree)
  assert.ok((await contentOf(one, whole as Buffer)).equals(content))
})
