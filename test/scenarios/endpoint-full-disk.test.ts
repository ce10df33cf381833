import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { FolderStorage } from '../../src/server/endpoint/index.ts'
import { type RunningEndpoint, startEndpoint } from '../helpers/endpoint-server.ts'
import { missing } from '../helpers/peers.ts'
import { Scene } from '../helpers/scene.ts'
import { randomFrom, testSeed } from '../helpers/seed.ts'
import { noSmallDisk, smallDisk } from '../helpers/small-disk.ts'

/** The disk of the server's repositories is full, or takes nothing any more (A8 and A10 of the failure cases). */

const skip = missing('restic') || noSmallDisk
const random = randomFrom(testSeed())
const megabyte = 1 << 20

for (const [what, keepFree] of Object.entries({
  'is full to the last byte': 0,
  'has no more than what uploads must leave': 6 * megabyte,
})) {
  test(
    `a backup to a disk that ${what} fails at once and clearly; restoring goes on, and so does the next backup`,
    { skip },
    async () => {
      await using disk = await smallDisk(30 * megabyte)
      await using server = await startEndpoint({ openStorage: () => FolderStorage.open(disk.path, { keepFree }) })
      await using scene = await Scene.open({ repository: server.location() })
      writeFileSync(`${scene.source}/first`, random.bytes(megabyte))
      await scene.restic('init')
      await scene.resticBackUp('restic')
      const [first] = await scene.snapshots()
      await scene.assertRestores(first?.id ?? '')
      for (let i = 0; i < 8; i++) writeFileSync(`${scene.source}/large ${i}`, random.bytes(5 * megabyte))
      const refused = await scene.tryRestic('backup', scene.source)
      assert.notEqual(refused.code, 0)
      assert.match(refused.stderr, /507 The storage of the server is full/)
      assert.deepEqual(
        (await scene.snapshots()).map(({ id }) => id),
        [first?.id],
      )
      await assertNoRest(disk.path)
      if (keepFree > 0) await scene.restic('restore', 'latest', '--target', `${scene.folder}/lock is written`)
      disk.resize(120 * megabyte)
      await scene.resticBackUp('restic')
      await scene.assertSound()
      await scene.assertRestores((await scene.snapshots()).at(-1)?.id ?? '')
    },
  )
}

test(
  'a disk that has become read-only refuses uploads loudly and is still read; when it is mended, all goes on',
  { skip },
  async () => {
    await using disk = await smallDisk(30 * megabyte)
    await using server = await startEndpoint({ openStorage: () => FolderStorage.open(disk.path, { keepFree: 0 }) })
    await using scene = await Scene.open({ repository: server.location() })
    writeFileSync(`${scene.source}/first`, random.bytes(megabyte))
    await scene.restic('init')
    await scene.resticBackUp('restic')
    disk.remount('ro')
    assert.equal(await uploadStatus(server), 503)
    await scene.restic('check', '--read-data', '--no-lock')
    disk.remount('rw')
    assert.equal(await uploadStatus(server), 400, 'it is looked at again: this one has the wrong name')
    await scene.resticBackUp('restic')
    await scene.assertSound()
  },
)

async function uploadStatus(server: RunningEndpoint): Promise<number> {
  const path = `/repo/anna/data/${'a'.repeat(64)}`
  return (await server.send(path, { method: 'POST', body: random.bytes(3 * megabyte) })).status
}

async function assertNoRest(disk: string): Promise<void> {
  assert.equal(execFileSync('find', [`${disk}/.incoming`, '-type', 'f'], { encoding: 'utf8' }), '')
}
