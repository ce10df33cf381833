import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { mkdirSync, renameSync, rmSync, symlinkSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { everyClient } from '#protocol'
import type { FileType } from '#backend'
import { TestRepository, password } from '../../../test/helpers/build-repository.ts'
import type { RepositoryState } from '../../../test/helpers/build-repository.ts'
import { addMachine, workOff } from '../../../test/helpers/own-repository.ts'
import { tempFolder } from '../../../test/helpers/temp.ts'
import { TestMachine } from '../../../test/helpers/test-machine.ts'
import { TestServer } from '../../../test/helpers/test-server.ts'
import { TravelledDisk } from '../../../test/helpers/travelled-disk.ts'
import { grantRepository } from '../repositories/own-repositories.ts'
import type { Row } from '../store/tables.ts'
import { takeFirstCopyJob } from './take-first-copy-job.ts'

/** One server for all of them, and one repository that each machine has: to make them takes most of the time. */
let server: TestServer
let owner: Readonly<Record<string, string>>
let made: TestRepository
let empty: RepositoryState
let snapshotId: string

before(async () => {
  server = await TestServer.open()
  owner = await server.tokenOf(await server.person({ [everyClient]: 'owner' }))
  made = await TestRepository.create()
  empty = made.backend.keep()
  snapshotId = await made.snapshot({ 'a/one': randomBytes(70_000), 'b/two': randomBytes(50_000) })
})

after(async () => await server[Symbol.asyncDispose]())

/** A machine whose repository has no data yet, and a disk with its first copy. */
class Scene implements AsyncDisposable {
  readonly clientId: string
  readonly machine: TestMachine
  readonly disk: TravelledDisk
  readonly repositoryId: string
  readonly #folder: AsyncDisposable

  private constructor(folder: AsyncDisposable, about: Pick<Scene, 'clientId' | 'machine' | 'disk' | 'repositoryId'>) {
    this.#folder = folder
    this.clientId = about.clientId
    this.machine = about.machine
    this.disk = about.disk
    this.repositoryId = about.repositoryId
  }

  static async open({ isKept = false } = {}): Promise<Scene> {
    const folder = await tempFolder()
    const clientId = randomUUID()
    const machine = await addMachine(server, clientId)
    const about = { id: machine.id, clientId, name: 'till' }
    const { repositoryId } = await grantRepository(server.services, about, isKept ? undefined : password)
    await server.services.storage.create(repositoryId)
    const backend = await server.services.storage.backend(repositoryId)
    for (const [key, bytes] of empty) {
      const [type, name] = key.split('/') as [FileType, string]
      await backend.write({ type, name }, bytes)
    }
    mkdirSync(folder.join('disk'))
    const disk = new TravelledDisk(folder.join('disk'), machine, repositoryId)
    await disk.write(made, [snapshotId])
    return new Scene(folder, { clientId, machine, disk, repositoryId })
  }

  /** Has the server take it in; the operation as it has ended. */
  async take(folder = this.disk.folder): Promise<Row<'operations'>> {
    const path = `/api/machines/${this.machine.id}/take-first-copy`
    const { status, json, text } = await server.call('POST', path, { headers: owner, body: { folder } })
    assert.equal(status, 200, text)
    return await workOff(server, (json as { id: string }).id)
  }

  async stored(type: FileType): Promise<number> {
    return (await Array.fromAsync(server.services.storage.list(this.repositoryId, type))).length
  }

  async ledger() {
    return [...(await server.services.ledger.snapshots(this.repositoryId)).values()]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#folder[Symbol.asyncDispose]()
  }
}

test('what came by disk is received, by the server’s clock, with the machine’s signature, and stands in the audit log', async () => {
  await using scene = await Scene.open()
  const { state, result, clientId } = await scene.take()
  assert.equal(state, 'done')
  const { snapshots, files, filesThere } = JSON.parse(result ?? '{}') as Record<string, number>
  assert.deepEqual([snapshots, filesThere], [1, 0])
  assert.equal(files, (await scene.stored('pack')) + (await scene.stored('index')) + 1)
  const now = server.clock.now()
  assert.deepEqual(
    (await scene.ledger()).map(({ id, isSigned, receivedAt, state: is }) => [id, isSigned, receivedAt, is]),
    [[snapshotId, true, now, 'received']],
  )
  const entries = await Array.fromAsync(server.services.audit.entries({}))
  const entry = entries.find(({ what, clientId: of }) => what === 'machine.take-first-copy' && of === clientId)
  assert.equal((JSON.parse(entry?.details ?? '{}') as { folder: string }).folder, scene.disk.folder)
})

test('a password that the client keeps from the server keeps no disk from being taken in', async () => {
  await using scene = await Scene.open({ isKept: true })
  assert.equal((await scene.take()).state, 'done')
  assert.equal((await scene.ledger()).length, 1)
})

const refusals: readonly (readonly [what: string, code: string, spoil: (scene: Scene) => void | Promise<void>])[] = [
  ['a folder that is not there', 'FIRST_COPY_NOT_THERE', ({ disk }) => renameSync(disk.folder, `${disk.folder}-away`)],
  [
    'a folder without any first copy',
    'FIRST_COPY_NOT_THERE',
    ({ disk }) => {
      rmSync(disk.folder, { recursive: true })
      mkdirSync(disk.folder)
    },
  ],
  ['one that was not finished', 'FIRST_COPY_UNFINISHED', ({ disk }) => unlinkSync(disk.page)],
  ['a page that is none', 'FIRST_COPY_INCOMPLETE', ({ disk }) => writeFileSync(disk.page, '{"version": 1')],
  ['a page of any length', 'FIRST_COPY_INCOMPLETE', ({ disk }) => truncateSync(disk.page, 10 << 20)],
  [
    'the disk of another machine',
    'FIRST_COPY_FOREIGN',
    async ({ disk }) => await disk.sign([snapshotId], { machineId: randomUUID() }),
  ],
  [
    'one for another repository',
    'FIRST_COPY_FOREIGN',
    async ({ disk }) => await disk.sign([snapshotId], { configHash: '0'.repeat(64) }),
  ],
  [
    'one that somebody else has signed',
    'FIRST_COPY_FOREIGN',
    async ({ disk, machine, repositoryId }) => {
      const other = new TestMachine()
      other.id = machine.id
      await new TravelledDisk(disk.folder, other, repositoryId).sign([snapshotId])
    },
  ],
  [
    'a list that was changed',
    'FIRST_COPY_INCOMPLETE',
    ({ disk }) => writeFileSync(join(disk.folder, 'files.txt'), `index ${'a'.repeat(64)} 1\n`),
  ],
  [
    'a list that is none',
    'FIRST_COPY_INCOMPLETE',
    ({ disk }) => writeFileSync(join(disk.folder, 'files.txt'), Buffer.alloc(1 << 20, 'x')),
  ],
  ['a pack that is missing', 'FIRST_COPY_INCOMPLETE', async ({ disk }) => unlinkSync(await disk.pack())],
  ['a pack that was cut off', 'FIRST_COPY_INCOMPLETE', async ({ disk }) => truncateSync(await disk.pack(), 100)],
  [
    'a pipe in the place of a pack',
    'FIRST_COPY_INCOMPLETE',
    async ({ disk }) => {
      const path = await disk.pack()
      unlinkSync(path)
      execFileSync('mkfifo', [path])
    },
  ],
  [
    'a link in the place of a pack',
    'FIRST_COPY_DAMAGED',
    async ({ disk }) => {
      const path = await disk.pack()
      renameSync(path, `${disk.folder}/pack`)
      symlinkSync(`${disk.folder}/pack`, path)
    },
  ],
  ['a pack that is damaged', 'FIRST_COPY_DAMAGED', async ({ disk }) => void (await disk.spoilPack())],
  [
    'more than the quota allows',
    'ENDPOINT_QUOTA_REACHED',
    async ({ repositoryId }) => {
      const change = server.services.store.db.updateTable('repositories').set({ quotaBytes: 50_000 })
      await change.where('id', '=', repositoryId).execute()
    },
  ],
]

for (const [what, code, spoil] of refusals) {
  test(`${what} is refused with one sentence, and nothing of it counts as a backup`, async () => {
    await using scene = await Scene.open()
    await spoil(scene)
    const { state, code: refused, reason } = await scene.take()
    assert.deepEqual([state, refused], ['failed', code], reason ?? '')
    assert.deepEqual([await scene.stored('index'), await scene.stored('snapshot')], [0, 0])
    if (code !== 'FIRST_COPY_DAMAGED') assert.equal(await scene.stored('pack'), 0)
    assert.deepEqual(await scene.ledger(), [])
    assert.equal(await scene.stored('config'), 1, 'what was there stays')
  })
}

test('where a damaged disk stopped it, a sound one goes on', async () => {
  await using scene = await Scene.open()
  const mend = await scene.disk.spoilPack()
  assert.equal((await scene.take()).code, 'FIRST_COPY_DAMAGED')
  const packs = await scene.stored('pack')
  await mend()
  const { state, result } = await scene.take()
  assert.deepEqual([state, (JSON.parse(result ?? '{}') as { filesThere: number }).filesThere], ['done', packs])
  assert.equal((await scene.ledger()).length, 1)
})

test('interrupted at any file, it leaves no backup that is not whole, and the next try goes on', async () => {
  await using scene = await Scene.open()
  const { services } = server
  const operation = { id: randomUUID() } as Row<'operations'>
  const order = { machineId: scene.machine.id, folder: scene.disk.folder }
  for (let tries = 0; (await scene.stored('snapshot')) === 0; tries++) {
    assert.ok(tries < 20)
    const ending = new AbortController()
    const report = () => ending.abort(new Error('the server stops'))
    const work = { services, operation, signal: ending.signal, report }
    await takeFirstCopyJob.run(order, work).catch((thrown: unknown) => assert.equal(thrown, ending.signal.reason))
    if ((await scene.stored('snapshot')) === 0) assert.deepEqual(await scene.ledger(), [])
  }
  assert.equal((await scene.take()).state, 'done')
  assert.deepEqual(
    (await scene.ledger()).map(({ id, isSigned }) => [id, isSigned]),
    [[snapshotId, true]],
  )
})

test('a snapshot on the disk that the machine has not signed is not taken in', async () => {
  await using scene = await Scene.open()
  const stranger = await TestRepository.create()
  const other = await stranger.snapshot({ x: randomBytes(10) })
  const path = join(scene.disk.folder, 'repository', 'snapshots', other)
  writeFileSync(path, stranger.backend.files.get(`snapshot/${other}`) as Buffer)
  await scene.disk.sign([snapshotId])
  assert.equal((await scene.take()).state, 'done')
  assert.deepEqual(
    (await scene.ledger()).map(({ id }) => id),
    [snapshotId],
  )
})

test('a folder of the server is named only by who administers the server', async () => {
  await using scene = await Scene.open()
  const path = `/api/machines/${scene.machine.id}/take-first-copy`
  const headers = await server.tokenOf(await server.person({ [scene.clientId]: 'owner' }))
  assert.equal((await server.call('POST', path, { headers, body: { folder: scene.disk.folder } })).status, 403)
  assert.equal((await server.call('POST', path, { headers: owner, body: { folder: 'disk' } })).status, 400)
})
