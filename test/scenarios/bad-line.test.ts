import assert from 'node:assert/strict'
import { watch, writeFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { type BadLine, type LineFaults, openBadLine } from '../helpers/bad-line.ts'
import { missing } from '../helpers/peers.ts'
import { startRestServer } from '../helpers/rest-server.ts'
import { Scene } from '../helpers/scene.ts'
import { randomFrom, testSeed } from '../helpers/seed.ts'
import { missingSshd, startSshd } from '../helpers/sshd.ts'
import type { DriverOrder } from '../helpers/backup-driver.ts'

/** Lines that are slow, lossy and cut (B12 of the failure cases), to a REST server and to an SFTP server. */

const seed = testSeed()

interface Place extends AsyncDisposable {
  readonly scene: Scene
  readonly line: BadLine
  /** What the driver is told to get there over the bad line. */
  readonly order: Partial<DriverOrder>
}

async function restPlace(faults: LineFaults, bytes: number): Promise<Place> {
  const server = await startRestServer()
  const line = await openBadLine(server.port, faults)
  return place(`${server.folder}/store`, line, bytes, { location: `rest:http://127.0.0.1:${line.port}/store/` }, server)
}

async function sftpPlace(faults: LineFaults, bytes: number): Promise<Place> {
  const server = await startSshd()
  const line = await openBadLine(server.port, faults)
  const location = server.location('store').replace(`:${server.port}/`, `:${line.port}/`)
  const sshArgs = [...server.args, '-o', `HostKeyAlias=[127.0.0.1]:${server.port}`]
  return place(`${server.folder}/store`, line, bytes, { location, sshArgs }, server)
}

async function place(
  repository: string,
  line: BadLine,
  bytes: number,
  order: Partial<DriverOrder>,
  server: AsyncDisposable,
): Promise<Place> {
  const scene = await Scene.open({ repository })
  writeFileSync(`${scene.source}/file`, randomFrom(seed).bytes(bytes))
  await scene.init()
  return {
    scene,
    line,
    order: { ...order, packSize: 4 << 20 },
    async [Symbol.asyncDispose]() {
      await line[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
      await scene[Symbol.asyncDispose]()
    },
  }
}

const kinds = [
  { kind: 'a REST server', open: restPlace, skip: missing('rest-server', 'restic') },
  { kind: 'an SFTP server', open: sftpPlace, skip: missingSshd() || missing('restic') },
]

describe('a backup over a bad line', { concurrency: true }, () => {
  for (const { kind, open, skip } of kinds) {
    test(`to ${kind} that is cut again and again comes to its end`, { skip }, async () => {
      const resets = [200_000, 500_000, 20_000]
      await using there = await open({ delay: 5, resets }, 2_000_000)
      const { scene, line, order } = there
      const { error, stderr, snapshot = '' } = await scene.backUp({ ...order, retryLimit: 60_000 })
      assert.equal(error, undefined, stderr)
      assert.ok(line.broken >= 2, `${line.broken} connections were cut`)
      assert.deepEqual(scene.files('locks'), [])
      await scene.assertSound()
      await scene.assertRestores(snapshot)
    })

    test(`to ${kind} of 1 Mbit/s, 300 ms and 5 % loss keeps its lock fresh all the time`, { skip }, async () => {
      const faults = { bytesPerSecond: 125_000, delay: 150, lossOneIn: 20, random: randomFrom(seed) }
      await using there = await open(faults, 300_000)
      const { scene, order } = there
      const locks = new Set<string>()
      using _watcher = watchLocks(scene, locks)
      // The lock's clock goes sixty times as fast: it is written anew every five seconds, and lost after twenty-two.
      const { error, stderr, snapshot = '' } = await scene.backUp({ ...order, speed: 60, retryLimit: 60_000 })
      assert.equal(error, undefined, stderr)
      assert.ok(locks.size >= 2, `${locks.size} locks`)
      assert.deepEqual(scene.files('locks'), [])
      assert.deepEqual(scene.files('snapshots'), [snapshot])
      await scene.assertSound()
    })
  }
})

/** Notes every lock that appears. */
function watchLocks(scene: Scene, seen: Set<string>): Disposable {
  const watcher = watch(`${scene.repository}/locks`, (_, name) => {
    if (name !== null && /^[0-9a-f]{64}$/.test(name)) seen.add(name)
  })
  return { [Symbol.dispose]: () => watcher.close() }
}
