import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RepositoryWriter, loadIndex, loadTree } from '#repository'
import type { IndexedRepository, TreeNode } from '#repository'
import { initInMemory } from '../../test/helpers/memory-repository.ts'
import { closed, file, link, memorySource } from '../../test/helpers/memory-source.ts'
import type { MemoryFolder } from '../../test/helpers/memory-source.ts'
import { archive } from './archive.ts'
import type { ArchiveOptions, ArchiveResult } from './archive.ts'

const made = await initInMemory()

interface Archived extends ArchiveResult {
  readonly repository: IndexedRepository
}

/** Archives a tree into the shared repository; what is stored there by other tests does no harm. */
async function archiveTree(tree: MemoryFolder, options: ArchiveOptions = {}): Promise<Archived> {
  const repository = await loadIndex(made.repository)
  const source = memorySource(tree)
  await using writer = new RepositoryWriter(repository, { threads: 1, reader: source.reader })
  const result = await archive(writer, source, options)
  await writer.flush()
  return { ...result, repository }
}

async function nodesOf({ repository }: Archived, tree: Buffer): Promise<Map<string, TreeNode>> {
  return new Map([...(await loadTree(repository, tree))].map((node) => [node.name.toString(), node]))
}

async function nodeAt(archived: Archived, ...path: string[]): Promise<TreeNode | undefined> {
  let tree: Buffer | undefined = archived.tree
  let node: TreeNode | undefined
  for (const name of path) {
    node = tree && (await nodesOf(archived, tree)).get(name)
    tree = node?.subtree
  }
  return node
}

function problemsOf({ problems }: ArchiveResult): string[] {
  return problems.map(({ path, error }) => `${path.toString()}: ${error.message}`)
}

test('files, folders and links come to lie in trees sorted by the bytes of their names', async () => {
  const archived = await archiveTree({
    data: { é: file('1'), z: file('2'), '\u{1f600}': file('3'), Z: link('z'), a: {} },
  })
  const data = await nodeAt(archived, 'data')
  const names = [...(await nodesOf(archived, data?.subtree as Buffer)).keys()]
  assert.deepEqual(names, ['Z', 'a', 'z', 'é', '\u{1f600}'])
  assert.equal((await nodeAt(archived, 'data', 'Z'))?.linkTarget?.toString(), 'z')
  assert.deepEqual([archived.counts.filesNew, archived.counts.dirsNew], [3, 2])
})

test('what cannot be read is left out and reported, and the rest is stored', async () => {
  const archived = await archiveTree({ data: { bad: file('x', { unreadable: true }), good: file('y'), shut: closed } })
  assert.deepEqual(problemsOf(archived).toSorted(), ['/data/bad: permission denied', '/data/shut: permission denied'])
  const data = await nodeAt(archived, 'data')
  assert.deepEqual([...(await nodesOf(archived, data?.subtree as Buffer)).keys()], ['good'])
})

test('a source of which nothing can be read makes no snapshot', async () => {
  const trees: MemoryFolder[] = [{}, { only: file('x', { unreadable: true }) }, { shut: closed }]
  for (const tree of trees) {
    await assert.rejects(archiveTree(tree), { code: 'SNAPSHOT_EMPTY' })
  }
})

test('nothing is read again when nothing has changed, and the tree is the same', async () => {
  const tree = { data: { a: file('unchanged a'), b: { c: file('unchanged c') }, d: link('a') } }
  const first = await archiveTree(tree)
  const second = await archiveTree(tree, { parent: first.tree })
  assert.deepEqual(second.tree, first.tree)
  const { filesUnmodified, dirsUnmodified, dataBlobs, treeBlobs } = second.counts
  assert.deepEqual([filesUnmodified, dirsUnmodified, dataBlobs, treeBlobs], [2, 2, 0, 0])
})

test('a change of size, mtime, ctime or inode has a file read again; rules can leave out ctime and inode', async () => {
  const first = await archiveTree({ f: file('aaaa') })
  const reads = async (about: object, options: ArchiveOptions = {}) => {
    // The content changed with the mark: whether it was read shows in what is stored.
    const archived = await archiveTree({ f: file('bbbb', about) }, { parent: first.tree, ...options })
    return !(await nodeAt(archived, 'f'))?.content?.equals((await nodeAt(first, 'f'))?.content as Buffer)
  }
  assert.equal(await reads({}), false)
  for (const about of [{ mtime: 5n }, { ctime: 5n }, { inode: 9n }]) assert.equal(await reads(about), true)
  assert.equal(await reads({ ctime: 5n }, { unchanged: { ignoreCtime: true } }), false)
  assert.equal(await reads({ inode: 9n }, { unchanged: { ignoreInode: true } }), false)
  assert.equal(await reads({ mtime: 5n }, { unchanged: { ignoreCtime: true, ignoreInode: true } }), true)
})

test('a change that a rule had overlooked is seen by the next backup without the rule', async () => {
  const first = await archiveTree({ f: file('before') })
  const contentOf = async (archived: Archived) => (await nodeAt(archived, 'f'))?.content
  const changes: { ctime?: bigint; inode?: bigint; links?: bigint }[] = [
    { ctime: 5n },
    { inode: 9n },
    { ctime: 5n, inode: 9n },
    { inode: 9n, links: 2n },
  ]
  for (const about of changes) {
    const changed = { f: file('behind', about) }
    const unchanged = { ignoreCtime: true, ignoreInode: true }
    const overlooked = await archiveTree(changed, { parent: first.tree, unchanged })
    // Of a hard link the inode is needed as it is, so that the content had to be read.
    if (!about.links) assert.deepEqual(await contentOf(overlooked), await contentOf(first))
    const again = await archiveTree(changed, { parent: overlooked.tree, unchanged })
    assert.deepEqual(again.tree, overlooked.tree)
    const plain = await archiveTree(changed, { parent: again.tree })
    assert.notDeepEqual(await contentOf(plain), await contentOf(first))
    assert.deepEqual(
      [(await nodeAt(plain, 'f'))?.ctimeNs, (await nodeAt(plain, 'f'))?.inode],
      [changed.f.ctime, changed.f.inode],
    )
  }
})

test('metadata that changed is stored although the content is not read again', async () => {
  const first = await archiveTree({ f: file('same content') })
  const second = await archiveTree({ f: file('same content', { mode: 0o100600 }) }, { parent: first.tree })
  assert.equal(second.counts.filesUnmodified, 1)
  assert.equal((await nodeAt(second, 'f'))?.mode, 0o600)
})

test('a file that changes between the look and the reading of its metadata is read after all', async () => {
  const first = await archiveTree({ f: file('old content') })
  const later = { content: Buffer.from('new content'), mtime: 1_800_000_000_000_000_000n }
  const changing = { f: file('old content', { mode: 0o100600, later }) }
  const second = await archiveTree(changing, { parent: first.tree })
  const node = await nodeAt(second, 'f')
  assert.equal(node?.mtimeNs, later.mtime)
  assert.notDeepEqual(node?.content, (await nodeAt(first, 'f'))?.content)
})

test('a file that changes while it is read is read once more; when it still changes, it is marked, and read the next time', async () => {
  const once = await archiveTree({ f: file('restless once', { changes: 1 }) })
  assert.deepEqual([once.changed.length, (await nodeAt(once, 'f'))?.error], [0, undefined])
  const twice = await archiveTree({ f: file('restless twice', { changes: 2 }) })
  assert.deepEqual(
    twice.changed.map(({ error }) => (error as { code?: string }).code),
    ['CHANGED_WHILE_READ'],
  )
  assert.match((await nodeAt(twice, 'f'))?.error ?? '', /changed/)
  const next = await archiveTree({ f: file('restless twice') }, { parent: twice.tree })
  assert.deepEqual([next.counts.filesChanged, (await nodeAt(next, 'f'))?.error], [1, undefined])
})

test('a parent whose blobs are gone, or whose tree is malformed or missing, only costs time', async () => {
  const tree = { data: { f: file('parent trouble') } }
  const sound = await archiveTree(tree)
  const repository = await loadIndex(made.repository)
  await using writer = new RepositoryWriter(repository, { threads: 1 })
  const broken = [
    '{"nodes":[{"name":"data","type":"dir","subtree":7}]}\n',
    '{"nodes":[{"name":"data"',
    'no JSON at all',
  ]
  const parents: Buffer[] = [Buffer.alloc(32, 9)]
  for (const text of broken) parents.push(await writer.saveTree(Buffer.from(text)))
  const gone = ((await nodeAt(sound, 'data', 'f'))?.raw.toString() ?? '').replace(
    /"content":\["[0-9a-f]{64}"\]/,
    `"content":["${'0'.repeat(64)}"]`,
  )
  parents.push(await writer.saveTree(Buffer.from(`{"nodes":[${gone}]}\n`)))
  await writer.flush()
  for (const parent of parents) {
    const again = await archiveTree(tree, { parent })
    assert.deepEqual(again.tree, sound.tree)
  }
})

test('folders 5,000 deep and thousands of empty folders are stored without growing the stack', async () => {
  let deep: MemoryFolder = { end: file('down here') }
  for (let i = 0; i < 5_000; i++) deep = { d: deep }
  const empty = Object.fromEntries(Array.from({ length: 3_000 }, (_, i) => [`e${i}`, {}]))
  const archived = await archiveTree({ deep, empty })
  assert.equal(archived.counts.dirsNew, 8_002)
  let tree = (await nodeAt(archived, 'deep'))?.subtree as Buffer
  for (let i = 0; i < 5_000; i++) tree = (await nodesOf(archived, tree)).get('d')?.subtree as Buffer
  assert.deepEqual([...(await nodesOf(archived, tree)).keys()], ['end'])
  const again = await archiveTree({ deep, empty }, { parent: archived.tree })
  assert.deepEqual([again.tree, again.counts.treeBlobs], [archived.tree, 0])
})

test('an abort ends the walk with its reason', async () => {
  const abort = new AbortController()
  const onEntry = () => abort.abort(new Error('enough'))
  const tree = { a: link('x'), b: { c: link('y') } }
  await assert.rejects(archiveTree(tree, { signal: abort.signal, onEntry }), /enough/)
})
