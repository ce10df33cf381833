import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { compareTrees } from '../../test/helpers/compare-trees.ts'
import { aFile, aFolder, aNode, FakeRepository } from '../../test/helpers/fake-repository.ts'
import { makeTree } from '../../test/helpers/make-tree.ts'
import { randomFrom } from '../../test/helpers/seed.ts'
import { ctimes, leftoversIn, messages, namesBelow, restore, setUp } from '../../test/helpers/restoring.ts'
import { namedDoor } from './platform/metadata-door.ts'
import { openFileTarget } from './target.ts'
import { executeRestore, findSubtree, planRestore, verifyRestored } from '#restorer'
import type { Node, PlanOptions } from '#restorer'

const seed = Number(process.env['UNDERSTUDY_TEST_SEED'] ?? Date.now() % 1_000_000)
const onLinux = process.platform === 'linux' ? false : 'counts open files by /proc'
const asRoot = process.geteuid?.() === 0 ? false : 'needs root'

test('a nasty tree comes back with every byte and all metadata', { skip: asRoot }, async (t) => {
  t.diagnostic(`seed ${seed}`)
  const { repository, target, original } = setUp(t)
  makeTree(original, { seed })
  const tree = repository.saveFolder(original)
  const { plan, result } = await restore(repository, tree, target, { sparse: true })
  assert.deepEqual(messages(result.failed.listed), [])
  assert.deepEqual(result.warnings, [])
  assert.deepEqual(compareTrees(original, target, { ignore: ['root'] }), [])
  assert.equal(plan.counts.refused, 0)
  assert.deepEqual(leftoversIn(target), [])
})

test(
  'a second restore finds everything the same, writes nothing and leaves every ctime',
  { skip: asRoot },
  async (t) => {
    const { repository, target, original } = setUp(t)
    makeTree(original, { seed: 1, files: 10 })
    const tree = repository.saveFolder(original)
    await restore(repository, tree, target)
    const before = ctimes(target)
    repository.orders.length = 0
    const { plan, result } = await restore(repository, tree, target)
    const { new: created, changed, links, newFolders, bytesToWrite } = plan.counts
    assert.deepEqual(
      { created, changed, links, newFolders, bytesToWrite },
      { created: 0, changed: 0, links: 0, newFolders: 0, bytesToWrite: 0 },
    )
    assert.equal(repository.orders.length, 0)
    assert.equal(result.failed.count, 0)
    assert.deepEqual(ctimes(target), before)
  },
)

test('a second restore mends metadata of files whose content is right', { skip: asRoot }, async (t) => {
  const { repository, target, original } = setUp(t)
  fs.mkdirSync(join(original, 'folder'), { recursive: true })
  const names = ['mode', 'mtime', 'owner', 'attributes', 'nothing'].map((name) => join('folder', name))
  for (const name of names) fs.writeFileSync(join(original, name), `the content of ${name}`)
  const tree = repository.saveFolder(original)
  await restore(repository, tree, target)
  fs.chmodSync(join(target, 'folder/mode'), 0o4711)
  fs.utimesSync(join(target, 'folder/mtime'), 5, 5)
  fs.chownSync(join(target, 'folder/owner'), 5, 6)
  const folder = fs.openSync(join(target, 'folder'), 'r')
  namedDoor(folder, Buffer.from('attributes')).setAttribute('user.more', Buffer.from('1'))
  fs.closeSync(folder)
  const { plan } = await restore(repository, tree, target)
  assert.deepEqual(compareTrees(original, target, { ignore: ['root'] }), [])
  assert.equal(plan.counts.same, names.length)
})

test('two names of a file that have become two files are joined again', async (t) => {
  const { repository, target, original } = setUp(t)
  fs.mkdirSync(original)
  fs.writeFileSync(join(original, 'first'), 'the content')
  fs.linkSync(join(original, 'first'), join(original, 'second'))
  const tree = repository.saveFolder(original)
  await restore(repository, tree, target)
  fs.rmSync(join(target, 'second'))
  fs.writeFileSync(join(target, 'second'), 'another one')
  const { plan } = await restore(repository, tree, target)
  assert.deepEqual([plan.counts.same, plan.counts.links], [1, 1])
  assert.deepEqual(compareTrees(original, target, { ignore: ['root'] }), [])
})

test('a plan changes nothing, not even makes the target', async (t) => {
  const { repository, target } = setUp(t)
  const tree = repository.saveTree([aFile(repository, 'a', 'text')])
  await using disk = openFileTarget(target)
  const plan = await planRestore(repository, { tree }, disk)
  assert.equal(plan.counts.new, 1)
  assert.equal(plan.counts.newBytes, 4)
  assert.deepEqual(
    [...plan.items()].map(({ path, action }) => `${action} ${path.toString()}`),
    ['new a'],
  )
  assert.equal(fs.existsSync(target), false)
})

test('verify reads what was written and names the file that differs', async (t) => {
  const { repository, target } = setUp(t)
  const tree = repository.saveTree([aFile(repository, 'a', Buffer.alloc(200_000, 'a')), aFile(repository, 'b', 'fine')])
  await using disk = openFileTarget(target)
  const plan = await planRestore(repository, { tree }, disk)
  const result = await executeRestore(repository, plan, disk)
  const good = await verifyRestored(repository, plan, result, disk)
  assert.deepEqual([good.files, good.bytes, good.problems.count], [2, 200_004, 0])
  const file = fs.openSync(join(target, 'a'), 'r+')
  fs.writeSync(file, 'X', 150_000)
  fs.closeSync(file)
  const bad = await verifyRestored(repository, plan, result, disk)
  assert.deepEqual(messages(bad.problems.listed), [
    '"a" does not hold what the snapshot says: its content is wrong from byte 131072 on.',
  ])
})

test('nothing of a target stays open, whatever threads have read of it', { skip: onLinux }, async (t) => {
  const { repository, target, original } = setUp(t)
  fs.mkdirSync(join(original, 'folder'), { recursive: true })
  for (let i = 0; i < 12; i++) fs.writeFileSync(join(original, 'folder', `${i}`), randomFrom(i).bytes(500_000))
  const tree = repository.saveFolder(original)
  await restore(repository, tree, target)
  const open = () => fs.readdirSync('/proc/self/fd').length
  const before = open()
  repository.scans = false
  {
    await using disk = openFileTarget(target)
    const plan = await planRestore(repository, { tree }, disk)
    assert.equal(plan.counts.same, 12)
  }
  assert.equal(open(), before)
})

test('overwrite decides what gives way: always, if-changed, if-newer, never', async (t) => {
  const { repository, target } = setUp(t)
  // Whole seconds: `utimes` of Node is not exact to the nanosecond.
  const time = '2020-01-02T03:04:05Z'
  const tree = repository.saveTree([
    aFile(repository, 'new', 'new'),
    aFile(repository, 'newer here', 'snap'),
    aFile(repository, 'older here', 'snap'),
    aFile(repository, 'touched', 'snap', { mtime: time }),
  ])
  const prepare = () => {
    fs.rmSync(target, { recursive: true, force: true })
    fs.mkdirSync(target)
    for (const name of ['newer here', 'older here', 'touched']) fs.writeFileSync(join(target, name), 'disk')
    fs.utimesSync(join(target, 'older here'), 1, 1)
    // The same size and time, other content.
    fs.utimesSync(join(target, 'touched'), new Date(time), new Date(time))
  }
  const outcome = async (overwrite: NonNullable<PlanOptions['overwrite']>) => {
    prepare()
    const { result } = await restore(repository, tree, target, {}, { overwrite })
    assert.equal(result.failed.count, 0)
    return ['new', 'newer here', 'older here', 'touched'].map((name) => fs.readFileSync(join(target, name), 'utf8'))
  }
  assert.deepEqual(await outcome('always'), ['new', 'snap', 'snap', 'snap'])
  assert.deepEqual(await outcome('if-changed'), ['new', 'snap', 'snap', 'disk'])
  assert.deepEqual(await outcome('if-newer'), ['new', 'disk', 'snap', 'disk'])
  assert.deepEqual(await outcome('never'), ['new', 'disk', 'disk', 'disk'])
})

test('delete takes away what the snapshot has not, in restored folders, as far as the selection goes', async (t) => {
  const { repository, target } = setUp(t)
  const tree = repository.saveTree([
    aFolder(repository, 'in', [aFile(repository, 'keep', 'k')]),
    aFile(repository, 'top', 't'),
  ])
  const prepare = () => {
    fs.rmSync(target, { recursive: true, force: true })
    fs.mkdirSync(join(target, 'in', 'gone', 'deep'), { recursive: true })
    for (const name of ['in/gone/deep/x', 'in/extra', 'spare']) fs.writeFileSync(join(target, name), 'x')
  }
  prepare()
  const all = await restore(repository, tree, target, {}, { delete: true })
  assert.equal(all.plan.counts.deleted, 3)
  assert.equal(all.result.deleted, 3)
  assert.deepEqual(namesBelow(target), ['in', 'in/keep', 'top'])

  prepare()
  const select: NonNullable<PlanOptions['select']> = (path) => {
    const selected = path.toString() === '/in' || path.toString().startsWith('/in/')
    return { selected, childrenMayBe: selected }
  }
  await restore(repository, tree, target, {}, { delete: true, select })
  assert.deepEqual(namesBelow(target), ['in', 'in/keep', 'spare'])
})

test('a selection restores the folders on the way with their metadata, and no others', async (t) => {
  const { repository, target } = setUp(t)
  const inner = aFolder(repository, 'inner', [aFile(repository, 'wanted', 'w'), aFile(repository, 'other', 'o')])
  const tree = repository.saveTree([
    aFolder(repository, 'outer', [inner], { mode: 2 ** 31 + 0o750 }),
    aFolder(repository, 'unrelated', [aFile(repository, 'x', 'x')]),
  ])
  const select: NonNullable<PlanOptions['select']> = (path, isFolder) => ({
    selected: path.toString() === '/outer/inner/wanted',
    childrenMayBe: isFolder,
  })
  await restore(repository, tree, target, {}, { select })
  assert.deepEqual(namesBelow(target), ['outer', 'outer/inner', 'outer/inner/wanted'])
  assert.equal(fs.statSync(join(target, 'outer')).mode & 0o777, 0o750)
  assert.equal(fs.statSync(join(target, 'outer')).mtime.toISOString(), '2020-01-02T03:04:05.678Z')
})

test('a folder of a snapshot is found by its path, and a wrong path is said', async () => {
  using repository = new FakeRepository()
  const inner = aFolder(repository, 'inner', [aFile(repository, 'f', 'f')])
  const tree = repository.saveTree([aFolder(repository, 'outer', [inner]), aFile(repository, 'file', 'x')])
  assert.deepEqual(await findSubtree(repository, { tree, path: Buffer.from('/outer//./inner/') }), inner.subtree)
  assert.deepEqual(await findSubtree(repository, { tree, path: Buffer.from('') }), tree)
  for (const path of ['outer/none', 'file', 'outer/../outer']) {
    await assert.rejects(findSubtree(repository, { tree, path: Buffer.from(path) }), { code: 'SUBFOLDER_NOT_FOUND' })
  }
})

test('a lost pack costs only the files that need it (F8)', async (t) => {
  const { repository, target } = setUp(t)
  const random = randomFrom(8)
  const files = Array.from({ length: 200 }, (_, i) =>
    aFile(repository, `f${String(i).padStart(3, '0')}`, random.bytes(i === 100 ? 300_000 : 500)),
  )
  const packOf = ({ content }: Node) => repository.places((content as Buffer).subarray(0, 32))[0]?.pack as string
  const lost = packOf(files[50] as Node)
  const needing = files.filter((file) => packOf(file) === lost)
  repository.lostPacks.add(lost)
  const { result } = await restore(repository, repository.saveTree(files), target)
  assert.equal(result.failed.count, needing.length)
  assert.equal(result.files, 200 - needing.length)
  assert.ok(needing.length > 0 && needing.length < 10)
  assert.deepEqual(leftoversIn(target), [])
  assert.match(messages(result.failed.listed)[0] as string, /could not be restored: the pack .* is not there/)
})

test('a blob that no index names fails its file and leaves what was there', async (t) => {
  const { repository, target } = setUp(t)
  fs.mkdirSync(target)
  fs.writeFileSync(join(target, 'a'), 'before')
  const tree = repository.saveTree([
    aNode('a', { content: Buffer.alloc(64, 7), size: 9n }),
    aFile(repository, 'b', 'fine'),
  ])
  const { result } = await restore(repository, tree, target)
  assert.deepEqual(
    result.failed.listed.map(({ error }) => (error as { code?: string }).code),
    ['CONTENT_MISSING'],
  )
  assert.equal(fs.readFileSync(join(target, 'a'), 'utf8'), 'before')
  assert.equal(fs.readFileSync(join(target, 'b'), 'utf8'), 'fine')
})

test('a big file is patched where it lies: only blobs that differ are brought', async (t) => {
  const { repository, target } = setUp(t, { blobBytes: 1 << 20 })
  const content = randomFrom(3).bytes(9 << 20)
  const tree = repository.saveTree([aFile(repository, 'big', content)])
  fs.mkdirSync(target)
  const damaged = Buffer.concat([content, Buffer.from('and too long')])
  damaged[5_000_000] = ~(damaged[5_000_000] as number)
  fs.writeFileSync(join(target, 'big'), damaged)
  const { ino } = fs.statSync(join(target, 'big'))
  const { plan, result } = await restore(repository, tree, target)
  assert.equal(plan.counts.changed, 1)
  assert.equal(plan.counts.bytesToWrite, 1 << 20)
  assert.equal(result.bytes, 1 << 20)
  assert.equal(fs.statSync(join(target, 'big')).ino, ino)
  assert.ok(fs.readFileSync(join(target, 'big')).equals(content))
})

test('a file that is longer than it should be, and right otherwise, is cut', async (t) => {
  const { repository, target } = setUp(t)
  const content = randomFrom(4).bytes(200_000)
  fs.mkdirSync(target)
  fs.writeFileSync(join(target, 'f'), Buffer.concat([content, content]))
  const { result } = await restore(repository, repository.saveTree([aFile(repository, 'f', content)]), target)
  assert.equal(result.failed.count, 0)
  assert.ok(fs.readFileSync(join(target, 'f')).equals(content))
})

test('blobs of zeros become holes and are not even brought, alone or among others', { skip: asRoot }, async (t) => {
  const { repository, target, original } = setUp(t, { blobBytes: 512 << 10 })
  fs.mkdirSync(original)
  const size = 512 << 10
  fs.writeFileSync(join(original, 'only zeros'), '')
  fs.truncateSync(join(original, 'only zeros'), 20 * size)
  fs.writeFileSync(join(original, 'data at the end'), '')
  fs.truncateSync(join(original, 'data at the end'), 20 * size)
  fs.appendFileSync(join(original, 'data at the end'), 'data')
  const { result } = await restore(repository, repository.saveFolder(original), target, { sparse: true })
  assert.equal(result.bytes, 4)
  assert.deepEqual(compareTrees(original, target, { ignore: ['root'] }), [])
})

test('many files of many packs come in few orders, each pack read in long ranges', async (t) => {
  const { repository, target } = setUp(t, { blobsPerPack: 50 })
  const random = randomFrom(5)
  const files = Array.from({ length: 500 }, (_, i) => aFile(repository, `f${i}`, random.bytes(300)))
  const { result } = await restore(repository, repository.saveTree(files), target)
  assert.equal(result.files, 500)
  assert.equal(repository.orders.length, 10)
})

test('a size that the blobs do not add up to is said', async (t) => {
  const { repository, target } = setUp(t)
  const { result } = await restore(
    repository,
    repository.saveTree([aFile(repository, 'a', 'text', { size: 5n })]),
    target,
  )
  assert.deepEqual(messages(result.failed.listed), ['"a" was restored with 4 bytes, but the snapshot says 5.'])
})

test('a damaged folder costs what is in it, and nothing is deleted on its word', async (t) => {
  const { repository, target } = setUp(t)
  fs.mkdirSync(target)
  fs.writeFileSync(join(target, 'extra'), 'x')
  const broken = aFolder(repository, 'broken', [])
  const tree = repository.saveTree([{ ...broken, subtree: Buffer.alloc(32, 1) }, aFile(repository, 'fine', 'f')])
  const { plan, result } = await restore(repository, tree, target, {}, { delete: true })
  assert.equal(plan.problems.count, 1)
  assert.equal(result.failed.count, 0)
  assert.deepEqual(namesBelow(target), ['broken', 'extra', 'fine'])
})

test('a cancelled restore throws the reason and leaves nothing running', async (t) => {
  const { repository, target } = setUp(t)
  const random = randomFrom(6)
  const files = Array.from({ length: 50 }, (_, i) => aFile(repository, `f${i}`, random.bytes(70_000)))
  const tree = repository.saveTree(files)
  await using disk = openFileTarget(target)
  const plan = await planRestore(repository, { tree }, disk)
  const controller = new AbortController()
  repository.onOrder = () => controller.abort(new Error('enough'))
  await assert.rejects(executeRestore(repository, plan, disk, { signal: controller.signal }), { message: 'enough' })
  repository.onOrder = () => {}
  const { result } = await restore(repository, tree, target)
  assert.equal(result.failed.count, 0)
  assert.deepEqual(leftoversIn(target), [])
})
