import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { compareTrees } from '../../test/helpers/compare-trees.ts'
import type { FakeRepository } from '../../test/helpers/fake-repository.ts'
import { makeTree } from '../../test/helpers/make-tree.ts'
import { ctimes, messages, namesBelow, restore, setUp } from '../../test/helpers/restoring.ts'
import type { Cleaning } from '../../test/helpers/restoring.ts'
import { randomFrom, testSeed } from '../../test/helpers/seed.ts'
import type { Random } from '../../test/helpers/seed.ts'
import { cString } from './platform/libc.ts'
import { handleDoor } from './platform/metadata-door.ts'
import { scansTargets } from './target-disk.ts'
import { openFileTarget } from './target.ts'
import { planRestore } from '#restorer'
import type { PlanOptions, RestorePlan } from '#restorer'

const onLinux = scansTargets ? false : 'folders are scanned on Linux only'
const asRoot = process.geteuid?.() === 0 ? onLinux : 'needs root'

/** Three folders of files, the last in the second, restored once. */
async function restoredFolders(t: Cleaning) {
  const { repository, target, original } = setUp(t)
  for (const folder of ['one', 'two', 'two/three']) {
    fs.mkdirSync(join(original, folder), { recursive: true })
    for (let i = 0; i < 5; i++) fs.writeFileSync(join(original, folder, `file ${i}`), `content ${i} of ${folder}`)
  }
  fs.writeFileSync(join(original, 'one', 'of three blobs'), randomFrom(1).bytes(150_000))
  fs.mkdirSync(join(original, 'empty'))
  const tree = repository.saveFolder(original)
  await restore(repository, tree, target)
  repository.treesLoaded = 0
  return { repository, target, original, tree }
}

async function planOf(
  repository: FakeRepository,
  tree: Buffer,
  target: string,
  options: PlanOptions = {},
): Promise<RestorePlan> {
  await using disk = openFileTarget(target)
  return await planRestore(repository, { tree }, disk, { delete: true, ...options })
}

test(
  'of a tree that is there no folder is read in the main thread, and nothing is touched',
  { skip: onLinux },
  async (t) => {
    const { repository, target, tree } = await restoredFolders(t)
    const before = ctimes(target)
    const { plan, result } = await restore(repository, tree, target)
    assert.equal(repository.treesLoaded, 0)
    assert.deepEqual([plan.counts.same, plan.counts.folders, plan.counts.bytesToWrite], [16, 4, 0])
    assert.equal(result.entries, 20)
    assert.deepEqual(ctimes(target), before)
  },
)

test('only the folder that something differs in is read in the main thread', { skip: onLinux }, async (t) => {
  const { repository, target, original, tree } = await restoredFolders(t)
  fs.writeFileSync(join(target, 'two', 'file 3'), 'other content')
  const plan = await planOf(repository, tree, target)
  assert.equal(repository.treesLoaded, 1)
  assert.deepEqual([plan.counts.same, plan.counts.changed], [15, 1])
  const { result } = await restore(repository, tree, target)
  assert.deepEqual([messages(result.failed.listed), result.files], [[], 1])
  assert.deepEqual(compareTrees(original, target, { ignore: ['root'] }), [])
})

test('content that differs is found where length, times and all else are the same', { skip: onLinux }, async (t) => {
  const { repository, target, original, tree } = await restoredFolders(t)
  const path = join(target, 'one', 'of three blobs')
  const { mtimeNs } = fs.lstatSync(path, { bigint: true })
  const file = fs.openSync(path, 'r+')
  fs.writeSync(file, 'xyz', 149_990)
  handleDoor(file).setTimes(mtimeNs, mtimeNs)
  fs.closeSync(file)
  const { plan } = await restore(repository, tree, target)
  assert.deepEqual([plan.counts.same, plan.counts.changed], [15, 1])
  assert.deepEqual(compareTrees(original, target, { ignore: ['root'] }), [])
})

test(
  'what counts as unchanged by size and time is not read, and its metadata is right all the same',
  { skip: onLinux },
  async (t) => {
    const { repository, target, original, tree } = await restoredFolders(t)
    const path = join(target, 'one', 'file 1')
    const { mtimeNs } = fs.lstatSync(path, { bigint: true })
    fs.writeFileSync(path, 'CONTENT 1 of one')
    const file = fs.openSync(path, 'r')
    handleDoor(file).setTimes(mtimeNs, mtimeNs)
    fs.closeSync(file)
    fs.chmodSync(join(target, 'two', 'file 2'), 0o600)
    const { plan } = await restore(repository, tree, target, {}, { overwrite: 'if-changed' })
    assert.deepEqual([plan.counts.same, plan.counts.changed], [16, 0])
    assert.equal(fs.readFileSync(path, 'utf8'), 'CONTENT 1 of one')
    await restore(repository, tree, target)
    assert.deepEqual(compareTrees(original, target, { ignore: ['root'] }), [])
  },
)

test('an attribute that does not belong to a folder or a file is taken off', { skip: asRoot }, async (t) => {
  const { repository, target, original, tree } = await restoredFolders(t)
  for (const path of ['two', 'two/three/file 1', 'empty']) {
    const file = fs.openSync(join(target, path), 'r')
    handleDoor(file).setAttribute('user.stray', cString('x'))
    fs.closeSync(file)
  }
  await restore(repository, tree, target)
  assert.deepEqual(compareTrees(original, target, { ignore: ['root'] }), [])
})

test(
  'whatever happened to a target, a plan that threads have prepared is the plan made without them',
  { skip: asRoot },
  async (t) => {
    const seed = testSeed()
    for (let round = 0; round < 3; round++) {
      const { repository, target, original } = setUp(t)
      makeTree(original, { seed: seed + round, files: 25, biggest: 100_000, depth: 5 })
      const tree = repository.saveFolder(original)
      await restore(repository, tree, target, { sparse: true })
      disturb(target, randomFrom(seed + round))
      for (const overwrite of ['always', 'if-changed', 'if-newer'] as const) {
        repository.scans = true
        const scanned = await planOf(repository, tree, target, { overwrite })
        repository.scans = false
        const looked = await planOf(repository, tree, target, { overwrite })
        assert.deepEqual({ ...scanned.counts }, { ...looked.counts }, `round ${round}, ${overwrite}`)
        assert.deepEqual(itemsOf(scanned), itemsOf(looked), `round ${round}, ${overwrite}`)
      }
      repository.scans = true
      const { result } = await restore(repository, tree, target, { sparse: true }, { delete: true })
      assert.deepEqual(messages(result.failed.listed), [])
      assert.deepEqual(compareTrees(original, target, { ignore: ['root'] }), [], `round ${round}`)
    }
  },
)

const itemsOf = (plan: RestorePlan) =>
  [...plan.items()].map(({ path, action, size }) => `${action} ${size} ${path.toString('latin1')}`)

/** Does to some entries what people and programs do. */
function disturb(target: string, random: Random): void {
  const below = Buffer.from(target)
  const pathOf = (name: string) => Buffer.concat([below, Buffer.from('/'), Buffer.from(name, 'latin1')])
  for (const name of namesBelow(target)) {
    const path = pathOf(name)
    const stat = fs.lstatSync(path, { throwIfNoEntry: false })
    if (!stat || random.below(5) > 0) continue
    const works = stat.isFile() ? fileWorks : stat.isDirectory() ? folderWorks : otherWorks
    random.pick(works)(path)
  }
}

type Disturbance = (path: Buffer) => void
const suffixed = (path: Buffer, suffix: string) => Buffer.concat([path, Buffer.from(suffix)])
const otherWorks: readonly Disturbance[] = [
  (path) => fs.rmSync(path),
  (path) => fs.renameSync(path, suffixed(path, '-moved')),
]
const folderWorks: readonly Disturbance[] = [
  (path) => fs.chmodSync(path, 0o711),
  (path) => fs.writeFileSync(suffixed(path, '/extra'), 'extra'),
  (path) => fs.writeFileSync(suffixed(path, '/.understudy-part-0123456789abcdef-01234567'), 'left', { mode: 0o600 }),
  (path) => fs.rmSync(path, { recursive: true }),
]
const fileWorks: readonly Disturbance[] = [
  ...otherWorks,
  (path) => fs.chmodSync(path, 0o604),
  (path) => fs.chownSync(path, 7, 7),
  (path) => fs.utimesSync(path, 1, 1),
  (path) => fs.appendFileSync(path, 'more'),
  (path) => fs.linkSync(path, suffixed(path, '-link')),
  (path) => {
    fs.rmSync(path)
    fs.mkdirSync(path)
  },
  (path) => {
    fs.rmSync(path)
    fs.symlinkSync('anywhere', path)
  },
]
