import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TestRepository } from '../../test/helpers/build-repository.ts'
import type { TreeNode } from './format/tree-node.ts'
import { TreeSearch } from './search.ts'

const repository = await TestRepository.create()

const bytes = (text: string) => Buffer.from(text)
const isWanted = ({ name }: TreeNode) => name.toString().startsWith('wanted')

/** Searches each root for names that begin with `wanted`; returns the paths, and how many entries were looked at. */
async function search(...roots: readonly Buffer[]) {
  const paths: string[][] = []
  const problems: string[] = []
  let looks = 0
  const found = new TreeSearch<null>(await repository.load(), {
    look: (node) => {
      looks++
      return { found: isWanted(node), inside: null }
    },
    keyOf: () => '',
  })
  const looksOf: number[] = []
  for (const root of roots) {
    const inRoot: string[] = []
    const onFound = (path: Buffer) => inRoot.push(path.toString())
    await found.run(root, null, { onFound, onProblem: ({ message }) => problems.push(message) })
    paths.push(inRoot)
    looksOf.push(looks)
    looks = 0
  }
  return { paths, problems, looks: looksOf }
}

test('every path of every snapshot is found, though each tree is gone through once', async () => {
  const shared = { 'a/wanted': bytes('1'), 'a/other': bytes('2'), 'b/c/nothing': bytes('3') }
  const first = await repository.store(shared)
  const second = await repository.store({ ...shared, 'wanted too': bytes('4') })
  const { paths, looks } = await search(first, second, first)
  assert.deepEqual(paths, [['/a/wanted'], ['/a/wanted', '/wanted too'], ['/a/wanted']])
  // a, a/other, a/wanted, b, b/c, b/c/nothing; then the new root and of `a` only what matters; then that of the first root.
  assert.deepEqual(looks, [6, 4, 2])
})

test('a folder that is there twice is found at both paths', async () => {
  const root = await repository.store({ 'x/in/wanted': bytes('1'), 'y/in/wanted': bytes('1') })
  assert.deepEqual((await search(root)).paths, [['/x/in/wanted', '/y/in/wanted']])
})

test('a folder that was found is told before what it holds', async () => {
  const root = await repository.store({ 'wanted/wanted too': bytes('1'), 'wanted/z': bytes('2') })
  assert.deepEqual((await search(root, root)).paths, [
    ['/wanted', '/wanted/wanted too'],
    ['/wanted', '/wanted/wanted too'],
  ])
})

test('what cannot be read is told for each snapshot, and the rest is searched', async () => {
  const root = await repository.store({ 'bad/wanted': bytes('not to be had'), wanted: bytes('5') })
  const kept = repository.backend.keep()
  const { index } = await repository.load()
  const trees = [...Array(index.size).keys()].filter((entry) => index.typeOf(entry) === 'tree')
  const { pack, offset } = index.placeOf(trees.at(-2))
  const stored = Buffer.from(repository.backend.files.get(`pack/${pack}`) as Buffer)
  stored[offset + 20] = (stored[offset + 20] as number) ^ 1
  repository.backend.files.set(`pack/${pack}`, stored)
  const { paths, problems } = await search(root, root)
  assert.deepEqual(paths, [['/wanted'], ['/wanted']])
  assert.equal(problems.length, 2)
  repository.backend.bringBack(kept)
})
