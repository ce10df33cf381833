import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { loadBlob, loadIndex, loadTree } from '#repository'
import type { Repository } from '#repository'
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

/** The bytes of the first file in the tree, from its blobs. */
async function contentOf(repository: Repository, tree: Buffer): Promise<Buffer> {
  const indexed = await loadIndex(repository)
  for (let at = tree; ;) {
    const [node] = [...(await loadTree(indexed, at))]
    if (node?.subtree) at = node.subtree
    else {
      const pieces: Buffer[] = []
      const ids = node?.content as Buffer
      for (let i = 0; i < ids.length; i += 32) pieces.push(await loadBlob(indexed, 'data', ids.subarray(i, i + 32)))
      return Buffer.concat(pieces)
    }
  }
}

test('a large file that several threads store is the same file, cut in the same places', async () => {
  await using folder = await tempFolder()
  writeFileSync(join(folder.path, 'image'), content)
  const one = await copyOf(made)
  const several = await copyOf(made)
  const alone = await run(one, folder.path, 1)
  const together = await run(several, folder.path, 4)
  assert.ok(together.tree.equals(alone.tree), 'the same tree, so the same blobs in the same order')
  assert.equal(together.counts.dataBlobs, alone.counts.dataBlobs)
  assert.equal(together.counts.dataAdded, alone.counts.dataAdded)
  assert.ok((await contentOf(several.repository, together.tree)).equals(content))
})

test('several large files at once, on more threads than files and on fewer', async () => {
  await using folder = await tempFolder()
  const files = [content.subarray(0, 20 << 20), content.subarray(1000, (21 << 20) + 5), content.subarray(77)]
  files.forEach((bytes, i) => writeFileSync(join(folder.path, `image-${i}`), bytes))
  const trees: string[] = []
  for (const threads of [1, 2, 5]) {
    const one = await copyOf(made)
    trees.push((await run(one, folder.path, threads)).tree.toString('hex'))
  }
  assert.deepEqual(new Set(trees).size, 1)
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
  assert.ok((await contentOf(one.repository, result.tree)).equals(content))
})
