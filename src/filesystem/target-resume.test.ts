import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'

import { compareTrees } from '../../test/helpers/compare-trees.ts'
import { aFile } from '../../test/helpers/fake-repository.ts'
import { makeTree } from '../../test/helpers/make-tree.ts'
import { randomFrom } from '../../test/helpers/seed.ts'
import { leftoversIn, messages, namesBelow, restore, setUp } from '../../test/helpers/restoring.ts'

const asRoot = process.geteuid?.() === 0 ? false : 'needs root'
const seed = Number(process.env['UNDERSTUDY_TEST_SEED'] ?? Date.now() % 1_000_000)
const blobBytes = 256 << 10

/** Restores a folder in a process of its own, which says each order that it starts. */
const child = `
  import { FakeRepository } from '${import.meta.resolve('../../test/helpers/fake-repository.ts')}'
  import { restore } from '${import.meta.resolve('../../test/helpers/restoring.ts')}'
  const [original, target] = process.argv.slice(1)
  const repository = new FakeRepository({ blobBytes: ${blobBytes}, blobsPerPack: 2 })
  const tree = repository.saveFolder(original)
  repository.onOrder = () => new Promise((resolve) => process.stdout.write('order\\n', () => setTimeout(resolve, 3)))
  await restore(repository, tree, target, { sparse: true })
  process.stdout.write('done\\n')
`

/** True when the child was killed before it was done. */
async function restoreAndKill(original: string, target: string, afterOrders: number): Promise<boolean> {
  const running = spawn(process.execPath, ['--input-type=module', '-e', child, original, target], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(running, 'exit')
  let orders = 0
  let done = false
  for await (const line of createInterface({ input: running.stdout })) {
    if (line === 'done') done = true
    if (++orders === afterOrders) running.kill('SIGKILL')
  }
  await ended
  return !done
}

test(
  'a restore that is killed leaves no file that looks whole and is not, and can be done again (F7)',
  { skip: asRoot },
  async (t) => {
    t.diagnostic(`seed ${seed}`)
    const { repository, target, original } = setUp(t, { blobBytes })
    makeTree(original, { seed, files: 30, biggest: 3_000_000 })
    const big = randomFrom(seed).bytes(12 << 20)
    fs.writeFileSync(join(original, 'patched'), big)
    fs.utimesSync(join(original, 'patched'), 1000, 1000)
    fs.mkdirSync(target)
    // A file that is there already, of the right size, with some of its blobs wrong.
    const old = Buffer.from(big)
    for (let at = 0; at < old.length; at += 2 << 20) old[at] = ~(old[at] as number)
    fs.writeFileSync(join(target, 'patched'), old)
    fs.utimesSync(join(target, 'patched'), 2000, 2000)

    const random = randomFrom(seed + 1)
    let killed = 0
    for (let round = 0; round < 3; round++) {
      if (await restoreAndKill(original, target, 2 + Math.floor(random.next() * 8))) killed++
      assert.deepEqual(looksWholeButIsNot(original, target), [])
    }
    assert.ok(killed > 0)
    const tree = repository.saveFolder(original)
    const { result } = await restore(repository, tree, target, { sparse: true }, { overwrite: 'if-changed' })
    assert.deepEqual(messages(result.failed.listed), [])
    assert.deepEqual(compareTrees(original, target, { ignore: ['root'] }), [])
    assert.deepEqual(leftoversIn(target), [])
  },
)

/** Files with the size and time of their originals and other content. */
function looksWholeButIsNot(original: string, target: string): string[] {
  return namesBelow(target).filter((name) => {
    const [wanted, found] = [original, target].map((root) =>
      fs.lstatSync(join(root, name), { bigint: true, throwIfNoEntry: false }),
    )
    if (!wanted?.isFile() || !found?.isFile()) return false
    if (wanted.size !== found.size || wanted.mtimeNs !== found.mtimeNs)
      return name !== 'patched' && wanted.size !== found.size
    return !fs.readFileSync(join(original, name)).equals(fs.readFileSync(join(target, name)))
  })
}

test('what an interrupted restore has written of a big file is not brought again', async (t) => {
  const { repository, target } = setUp(t, { blobBytes: 64 << 10, blobsPerPack: 1 })
  const content = randomFrom(9).bytes(20 * (64 << 10))
  const tree = repository.saveTree([aFile(repository, 'big', content)])
  const controller = new AbortController()
  let orders = 0
  repository.onOrder = () => {
    if (++orders === 12) controller.abort(new Error('enough'))
  }
  await assert.rejects(restore(repository, tree, target, {}, {}, { signal: controller.signal }), { message: 'enough' })
  assert.equal(fs.existsSync(join(target, 'big')), false)
  assert.equal(leftoversIn(target).length, 1)
  const { plan, result } = await restore(repository, tree, target)
  assert.ok(plan.counts.bytesToWrite <= 9 * (64 << 10), String(plan.counts.bytesToWrite))
  assert.equal(result.bytes, plan.counts.bytesToWrite)
  assert.ok(fs.readFileSync(join(target, 'big')).equals(content))
  assert.deepEqual(leftoversIn(target), [])
})

test('a temporary file that somebody else has laid there is not gone on with', async (t) => {
  const { repository, target } = setUp(t)
  const content = randomFrom(10).bytes(200_000)
  const tree = repository.saveTree([aFile(repository, 'big', content)])
  fs.mkdirSync(target)
  const planted = join(target, `.understudy-part-${await keyOf('big')}-00000000`)
  fs.writeFileSync(planted, content, { mode: 0o666 })
  fs.chmodSync(planted, 0o666)
  const open = fs.openSync(planted, 'r+')
  await restore(repository, tree, target)
  fs.writeSync(open, 'changed through the open file', 0)
  fs.closeSync(open)
  assert.ok(fs.readFileSync(join(target, 'big')).equals(content))
  assert.deepEqual(namesBelow(target), ['big'])
})

async function keyOf(name: string): Promise<string> {
  const { hash } = await import('node:crypto')
  return hash('sha256', name, 'hex').slice(0, 16)
}

test(
  'a full disk ends the restore with one clear error, and it goes on when there is room (F7)',
  { skip: asRoot },
  async (t) => {
    const { repository, folder, cleanUp } = setUp(t, { blobsPerPack: 1 })
    const mount = join(folder, 'small')
    fs.mkdirSync(mount)
    const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'none', mount])
    if (status !== 0) return t.skip(`tmpfs cannot be mounted: ${String(stderr).trim()}`)
    cleanUp(() => spawnSync('umount', ['-l', mount]))
    const random = randomFrom(11)
    const files = Array.from({ length: 12 }, (_, i) =>
      aFile(repository, `f${String(i).padStart(2, '0')}`, random.bytes(i % 4 ? 50_000 : 900_000)),
    )
    const tree = repository.saveTree(files)
    const target = join(mount, 'target')
    const first = await restore(repository, tree, target)
    assert.equal((first.result.stopped as { code?: string } | undefined)?.code, 'TARGET_FULL')
    assert.match(
      first.result.stopped?.message ?? '',
      /There is no space left at .*target; \d+ files were restored before that/,
    )
    assert.deepEqual(messages(first.result.failed.listed), [])
    assert.ok(first.plan.counts.spaceNeeded > (first.plan.freeSpace ?? 2 << 20) || first.plan.freeSpace === undefined)
    for (const name of namesBelow(target)) {
      if (name.startsWith('.')) continue
      assert.equal(fs.statSync(join(target, name)).size, Number(files[Number(name.slice(1))]?.size))
    }
    assert.equal(spawnSync('mount', ['-o', 'remount,size=20m', mount]).status, 0)
    const second = await restore(repository, tree, target)
    assert.equal(second.result.stopped, undefined)
    assert.equal(second.result.failed.count, 0)
    assert.ok(second.plan.counts.same + second.plan.entries.leftovers.size > 0)
    assert.deepEqual(leftoversIn(target), [])
  },
)
