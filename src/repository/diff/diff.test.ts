import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TestRepository } from '../../../test/helpers/build-repository.ts'
import type { TestFiles } from '../../../test/helpers/build-repository.ts'
import { idOf, initInMemory, storeTrees } from '../../../test/helpers/memory-repository.ts'
import { encodeNode } from '../format/node.ts'
import type { Node } from '../format/node.ts'
import { encodeTree } from '../format/tree.ts'
import { diffTrees } from './diff.ts'
import type { TreeDiff } from './diff.ts'

const repository = await TestRepository.create()

interface Told extends TreeDiff {
  readonly changes: readonly string[]
  readonly problems: readonly string[]
}

async function diff(before: Buffer, after: Buffer): Promise<Told> {
  const [changes, problems]: [string[], string[]] = [[], []]
  const counted = await diffTrees(
    await repository.load(),
    { before, after },
    {
      onChange: (path, modifier) => changes.push(`${modifier} ${path.toString()}`),
      onProblem: ({ message }) => problems.push(message),
    },
  )
  return { ...counted, changes, problems }
}

async function diffFiles(before: TestFiles, after: TestFiles): Promise<Told> {
  return await diff(await repository.store(before), await repository.store(after))
}

const bytes = (text: string) => Buffer.from(text)

test('entries are told in order, folders with what they hold', async () => {
  const told = await diffFiles(
    { a: bytes('1'), 'gone/x/y': bytes('2'), same: bytes('3'), 'type/in': bytes('4') },
    { a: bytes('other'), 'fresh/z': bytes('5'), same: bytes('3'), type: bytes('6') },
  )
  assert.deepEqual(told.changes, [
    'M /a',
    '+ /fresh/',
    '+ /fresh/z',
    '- /gone/',
    '- /gone/x/',
    '- /gone/x/y',
    'T /type',
  ])
  assert.equal(told.changedFiles, 1)
  assert.deepEqual([told.added.files, told.added.dirs, told.removed.files, told.removed.dirs], [1, 1, 1, 2])
})

test('other content under the same metadata is told as a fault of the disk', async () => {
  assert.deepEqual((await diffFiles({ a: bytes('one') }, { a: bytes('two') })).changes, ['M? /a'])
})

test('a blob that a folder which stayed the same has too is neither new nor gone', async () => {
  const shared = bytes('shared between folders')
  const told = await diffFiles({ 'still/x': shared, b: bytes('1') }, { 'still/x': shared, b: bytes('1'), c: shared })
  assert.deepEqual(told.changes, ['+ /c'])
  assert.deepEqual([told.added.dataBlobs, told.added.treeBlobs], [0, 1])
})

test('a folder that cannot be read is told, and everything else is compared', async () => {
  const before = await repository.store({ 'bad/x': bytes('1'), z: bytes('2') })
  const damaged = await repository.store({ 'bad/x': bytes('3'), z: bytes('4, which is new') })
  const kept = repository.backend.keep()
  const { index } = await repository.load()
  const bad = [...Array(index.size).keys()].filter((entry) => index.typeOf(entry) === 'tree')
  // The folder's tree is the first that the last run stored.
  const { pack, offset } = index.placeOf(bad.at(-2))
  const stored = Buffer.from(repository.backend.files.get(`pack/${pack}`) as Buffer)
  stored[offset + 20] = (stored[offset + 20] as number) ^ 1
  repository.backend.files.set(`pack/${pack}`, stored)
  const told = await diff(before, damaged)
  assert.equal(told.problems.length, 1)
  assert.match(told.problems[0] ?? '', /tree blob [0-9a-f]+ in pack/)
  assert.deepEqual(told.changes, ['M /z'])
  repository.backend.bringBack(kept)
})

test('folders nested five thousand deep are compared', async () => {
  const { repository: inMemory } = await initInMemory()
  const chain = (content: string): Buffer[] => {
    const trees = [encodeTree([encodeNode(nodeOf('f', { content: idOf(bytes(content)) }))])]
    for (let depth = 0; depth < 5_000; depth++) {
      trees.push(encodeTree([encodeNode(nodeOf('d', { subtree: idOf(trees.at(-1)) }))]))
    }
    return trees
  }
  const [before, after] = [chain('1'), chain('2')]
  const indexed = await storeTrees(inMemory, [...before, ...after])
  const roots = { before: idOf(before.at(-1)), after: idOf(after.at(-1)) }
  const [changes, problems]: [string[], string[]] = [[], []]
  await diffTrees(indexed, roots, {
    onChange: (path, modifier) => changes.push(`${modifier} ${path.length}`),
    onProblem: ({ message }) => problems.push(message),
  })
  assert.deepEqual(changes, ['M? 10002'])
  assert.equal(problems.length, 2) // the contents, which are in no index
})

function nodeOf(name: string, about: { readonly content?: Buffer; readonly subtree?: Buffer }): Node {
  const time = '2026-01-02T03:04:05Z'
  return {
    name: Buffer.from(name),
    type: about.subtree ? 'dir' : 'file',
    mode: 0o644,
    mtime: time,
    atime: time,
    ctime: time,
    uid: 0,
    gid: 0,
    user: '',
    group: '',
    inode: 0n,
    deviceId: 0n,
    size: 1n,
    links: 1n,
    device: 0n,
    content: about.content ?? null,
    ...(about.subtree && { subtree: about.subtree }),
  }
}
