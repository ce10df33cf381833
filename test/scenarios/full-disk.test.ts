import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { missing } from '../helpers/peers.ts'
import { run } from '../helpers/run.ts'
import { Scene } from '../helpers/scene.ts'
import { randomFrom, testSeed } from '../helpers/seed.ts'
import { tempFolder } from '../helpers/temp.ts'

/** The repository's disk is full (A8 of the failure cases): one clear error, nothing wrong, and it goes on when there is room. */

const skip = missing('restic') || (process.geteuid?.() === 0 ? false : 'needs root, to mount a small file system')
const random = randomFrom(testSeed())

/** A file system of its own with so many bytes, for the repository. */
async function smallDisk(bytes: number) {
  const folder = await tempFolder()
  const disk = folder.join('disk')
  mkdirSync(disk)
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', disk])
  return {
    path: disk,
    fill: (left: number) => fill(disk, left),
    resize: (to: number) => execFileSync('mount', ['-o', `remount,size=${to}`, disk]),
    [Symbol.asyncDispose]: async () => {
      execFileSync('umount', ['-l', disk])
      await folder[Symbol.asyncDispose]()
    },
  }
}

/** Takes all the space but `left` bytes. */
function fill(disk: string, left: number): void {
  const free = Number(execFileSync('df', ['--output=avail', '-B1', disk], { encoding: 'utf8' }).split('\n')[1])
  writeFileSync(`${disk}/filling`, Buffer.alloc(Math.max(0, free - left)))
}

const megabyte = 1 << 20

/** Room that is left when the backup begins, and what does not fit any more. */
const fillings = { lock: 0, pack: 3 * megabyte } as const

for (const [what, left] of Object.entries(fillings)) {
  test(`a disk that is full when a ${what} is to be written`, { skip }, async () => {
    await using disk = await smallDisk(40 * megabyte)
    await using scene = await Scene.open({ repository: `${disk.path}/repository` })
    for (let i = 0; i < 4; i++) writeFileSync(`${scene.source}/file ${i}`, random.bytes(2 * megabyte))
    await scene.init()
    disk.fill(left)
    const { error } = await scene.backUp()
    assert.equal(error, 'STORAGE_FULL')
    assert.deepEqual(scene.files('snapshots'), [])
    rmSync(`${disk.path}/filling`)
    await assertGoesOn(scene)
  })
}

test('a disk that becomes full in the middle of a backup with many packs', { skip }, async () => {
  await using disk = await smallDisk(14 * megabyte)
  await using scene = await Scene.open({ repository: `${disk.path}/repository` })
  for (let i = 0; i < 12; i++) writeFileSync(`${scene.source}/file ${i}`, random.bytes(2 * megabyte))
  await scene.init()
  const { error } = await scene.backUp()
  assert.equal(error, 'STORAGE_FULL')
  assert.deepEqual(scene.files('snapshots'), [])
  disk.resize(80 * megabyte)
  await assertGoesOn(scene)
})

test('a disk that is full in init leaves no repository, and init works when there is room', { skip }, async () => {
  await using disk = await smallDisk(4 * megabyte)
  await using scene = await Scene.open({ repository: `${disk.path}/repository` })
  disk.fill(0)
  const { code, stderr } = await scene.tryUnderstudy('init')
  assert.equal(code, 1)
  assert.match(stderr, /STORAGE_FULL/)
  rmSync(`${disk.path}/filling`)
  await scene.init()
  await scene.assertSound()
})

async function assertGoesOn(scene: Scene): Promise<void> {
  await scene.assertSound()
  const { error, snapshot = '' } = await scene.backUp()
  assert.equal(error, undefined)
  await scene.assertSound()
  await scene.assertRestores(snapshot)
  assert.deepEqual(scene.files('locks'), [])
  assert.equal((await run('find', [scene.repository, '-size', '0', '-type', 'f'])).stdout, '')
}
