import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Keep } from '#policy'
import { password } from '../../../test/helpers/build-repository.ts'
import { KeptRepository, policyWith } from '../../../test/helpers/kept-repository.ts'
import type { Backup } from '../../../test/helpers/kept-repository.ts'
import { LockingBucket } from '../../../test/helpers/locking-bucket.ts'
import { missing, peer } from '../../../test/helpers/peers.ts'
import { runOk } from '../../../test/helpers/run.ts'
import { storeKinds } from '../../../test/helpers/stores.ts'
import type { StoreKind } from '../../../test/helpers/stores.ts'
import { assignPolicies, createPolicy } from '../fleet/policies.ts'
import { createDestination } from './destinations.ts'
import { orderThinning } from './thin-round.ts'

const day = 86_400_000

/** A machine's repository, and its copy in a folder or a bucket. */
class Scene implements AsyncDisposable {
  readonly kept: KeptRepository
  readonly destination: string

  private constructor(kept: KeptRepository, destination: string) {
    this.kept = kept
    this.destination = destination
  }

  static async open({ kind, bucket }: { readonly kind?: StoreKind; readonly bucket?: string } = {}): Promise<Scene> {
    const kept = await KeptRepository.open(kind)
    const folder = join(kept.services.folder, 'second')
    mkdirSync(folder)
    const credentials = { accessKeyId: 'key', secretAccessKey: 'secret', region: 'us-east-1' }
    const place =
      bucket === undefined ? { kind: 'folder', location: folder } : { kind: 's3', location: bucket, credentials }
    const { id } = await createDestination(kept.services, kept.client, {
      ...(place as { readonly kind: 'folder'; readonly location: string }),
      name: 'Second',
      lockDays: bucket === undefined ? null : 30,
      remindAfterDays: null,
      place: {},
      deletableBy: { writer: true, machine: false, people: [] },
      isOfServer: true,
    })
    return new Scene(kept, id)
  }

  /** The machine follows one policy from now on. Without `copyKeep` the copy keeps what the repository does. */
  async follow(keep: Keep, copyKeep?: Keep): Promise<void> {
    const { services, client, machine } = this.kept
    const copy = { repository: this.destination, ...(copyKeep && { keep: copyKeep }) }
    const policy = { ...policyWith(keep), to: { repository: 'own', copies: [copy] } }
    const { id } = await createPolicy(services, client, policy)
    await assignPolicies(services, machine, [id])
  }

  /** A backup a day, each copied at once. */
  async days(count: number, backup: Backup = {}): Promise<string[]> {
    const ids: string[] = []
    for (let at = 0; at < count; at++) {
      ids.push(await this.kept.backup(backup))
      await this.copy()
      this.kept.server.clock.pass(day)
    }
    return ids
  }

  get #order() {
    return { destinationId: this.destination, repositoryId: this.kept.id, diskId: '' }
  }

  async copy(): Promise<void> {
    const { state, reason } = await this.kept.run('copy', this.#order)
    assert.equal(state, 'done', reason)
  }

  async thin() {
    return await this.kept.run('thin-copy', this.#order)
  }

  get folder(): string {
    return join(this.kept.services.folder, 'second', this.kept.id)
  }

  count(): number {
    return readdirSync(join(this.folder, 'snapshots')).length
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kept[Symbol.asyncDispose]()
  }
}

for (const kind of storeKinds) {
  test(
    `${kind.name}: a copy keeps what its own keep says; what it no longer keeps goes when that was so for thirty days, and is not copied again`,
    { skip: kind.skip },
    async () => {
      await using scene = await Scene.open({ kind })
      const { clock } = scene.kept.server
      await scene.follow({ last: 100 }, { last: 3 })
      await scene.days(3)
      await scene.days(3, { bytes: 200_000 })
      const first = await scene.thin()
      assert.deepEqual(
        [first.state, first.result?.['removed'], first.result?.['leaving']],
        ['done', 0, 3],
        first.reason,
      )
      clock.pass(29 * day)
      assert.equal((await scene.thin()).result?.['removed'], 0)
      clock.pass(day)
      const second = await scene.thin()
      assert.deepEqual([second.result?.['removed'], scene.count()], [3, 3], second.reason)
      await scene.copy()
      assert.equal(scene.count(), 3, 'what it lost is not copied again')
      assert.equal((await scene.kept.listed()).length, 6, 'the repository keeps by its own')
      const { details } = await scene.kept.services.store.db
        .selectFrom('audit')
        .select('details')
        .where('what', '=', 'copy.thin')
        .executeTakeFirstOrThrow()
      assert.equal((JSON.parse(details) as { snapshots: unknown[] }).snapshots.length, 3)
    },
  )
}

test(
  'without a keep of its own a copy keeps as long as the repository, and what thinning leaves is whole for restic, with its room given free',
  { skip: missing('restic') },
  async () => {
    await using scene = await Scene.open()
    const { clock } = scene.kept.server
    await scene.follow({ last: 3 })
    await scene.days(3, { bytes: 300_000 })
    await scene.days(3, { bytes: 1_500_000 })
    await scene.thin()
    clock.pass(30 * day)
    assert.equal((await scene.thin()).result?.['removed'], 3)
    clock.pass(2 * day)
    assert.ok(Number((await scene.thin()).result?.['freed']) >= 900_000)
    const env = { RESTIC_REPOSITORY: scene.folder, RESTIC_PASSWORD: password }
    await runOk(peer('restic'), ['check', '--read-data', '--no-cache'], { env })
    assert.equal(
      (JSON.parse(await runOk(peer('restic'), ['snapshots', '--json', '--no-cache'], { env })) as []).length,
      3,
    )
  },
)

test('a snapshot that is kept again, by a keep made longer, begins its days anew', async () => {
  await using scene = await Scene.open()
  const { clock } = scene.kept.server
  await scene.follow({ last: 100 }, { last: 3 })
  await scene.days(3)
  await scene.days(3, { bytes: 200_000 })
  await scene.thin()
  clock.pass(20 * day)
  await scene.follow({ last: 100 }, { last: 6 })
  assert.equal((await scene.thin()).result?.['leaving'], 0)
  clock.pass(20 * day)
  assert.deepEqual([(await scene.thin()).result?.['removed'], scene.count()], [0, 6])
})

test('nothing is removed from a copy while the client may have been attacked or the repository is held, nor when no policy names it', async () => {
  await using scene = await Scene.open()
  const { server, services, machine } = scene.kept
  const { db } = services.store
  await scene.follow({ last: 1 })
  await scene.days(3)
  await scene.days(1, { bytes: 200_000 })
  await scene.thin()
  server.clock.pass(40 * day)
  await db.updateTable('clients').set({ state: 'attacked' }).execute()
  const attacked = await scene.thin()
  assert.deepEqual([attacked.state, attacked.code, scene.count()], ['cancelled', 'DELETION_STOPPED', 4])
  await db.updateTable('clients').set({ state: 'normal' }).execute()
  await db.updateTable('repositories').set({ held: 1, heldBecause: 'a look' }).execute()
  assert.deepEqual([(await scene.thin()).code, scene.count()], ['DELETION_STOPPED', 4])
  await db.updateTable('repositories').set({ held: 0 }).execute()
  await assignPolicies(services, machine, [])
  assert.match((await scene.thin()).reason ?? '', /keeps everything/)
  assert.equal(scene.count(), 4)
})

test('the newest snapshot that is good and not suspect stays in a copy, however old it is', async () => {
  await using scene = await Scene.open()
  const { kept } = scene
  await scene.follow({ last: 2 })
  const [good] = await scene.days(1, { bytes: 900_000 })
  const suspects = await scene.days(3, { state: 'warnings' })
  for (const snapshotId of suspects) {
    const about = { repositoryId: kept.id, snapshotId, machineId: kept.machine }
    await kept.services.ledger.write({ ...about, what: 'suspect' })
  }
  await scene.thin()
  kept.server.clock.pass(31 * day)
  const { result } = await scene.thin()
  assert.deepEqual([result?.['removed'], scene.count()], [1, 3], good)
})

test('what would take much from a copy at once waits for a person’s yes, is asked for once, and then goes', async () => {
  await using scene = await Scene.open()
  const { kept } = scene
  await scene.follow({ last: 2 })
  await scene.days(8)
  await scene.thin()
  kept.server.clock.pass(31 * day)
  for (let times = 0; times < 2; times++) {
    const stopped = await scene.thin()
    assert.deepEqual([stopped.state, stopped.code, scene.count()], ['warnings', 'RETENTION_STOPPED', 8])
  }
  const [approval, ...more] = await kept.services.store.db.selectFrom('approvals').selectAll().execute()
  assert.deepEqual([approval?.action, more.length], ['copy.thin', 0])
  const owner = await kept.owner({ knownFor: 0 })
  const path = `/api/approvals/${approval?.id}/allow`
  const { text } = await kept.server.call('POST', path, { headers: owner.session })
  const outcome = await kept.runWaiting('thin-copy')
  assert.deepEqual([outcome.state, scene.count()], ['done', 2], `${text} ${outcome.reason}`)
})

test('a shorter keep of a copy takes nothing from it before a person has said yes', async () => {
  await using scene = await Scene.open()
  const { kept } = scene
  await scene.follow({ last: 100 }, { last: 8 })
  await scene.days(4)
  assert.equal((await scene.thin()).state, 'done')
  await scene.follow({ last: 100 }, { last: 1 })
  const stopped = await scene.thin()
  assert.deepEqual([stopped.state, stopped.code], ['warnings', 'RETENTION_SHORTENED'])
  const approval = await kept.services.store.db.selectFrom('approvals').selectAll().executeTakeFirstOrThrow()
  const owner = await kept.owner({ knownFor: 0 })
  await kept.server.call('POST', `/api/approvals/${approval.id}/allow`, { headers: owner.session })
  assert.equal((await scene.thin()).result?.['leaving'], 3)
})

test('where a place hides snapshots, or is another repository now, nothing is thinned out', async () => {
  await using scene = await Scene.open()
  await scene.follow({ last: 1 })
  await scene.days(3)
  const snapshots = join(scene.folder, 'snapshots')
  const [one = ''] = readdirSync(snapshots)
  renameSync(join(snapshots, one), join(scene.folder, one))
  await assert.rejects(scene.thin(), { code: 'COPY_SHRUNK' })
  rmSync(scene.folder, { recursive: true })
  await assert.rejects(scene.thin(), { code: 'REPOSITORY_NOT_FOUND' })
})

test('in a bucket with object lock thinning hides what it removes, and every version stays as long as it is locked', async () => {
  await using bucket = await LockingBucket.start()
  await using scene = await Scene.open({ bucket: bucket.server.location })
  const { kept } = scene
  await scene.follow({ last: 1 })
  await scene.days(2)
  await scene.days(1, { bytes: 200_000 })
  const versions = () =>
    [...bucket.versions].flatMap(([key, all]) => (key.includes('/locks/') ? [] : all.map(({ id }) => id)))
  const before = versions()
  await scene.thin()
  kept.server.clock.pass(31 * day)
  const { state, result, reason } = await scene.thin()
  assert.deepEqual([state, result?.['removed']], ['done', 2], reason)
  kept.server.clock.pass(3 * day)
  await scene.thin()
  const after = new Set(versions())
  assert.deepEqual(
    before.filter((id) => !after.has(id)),
    [],
  )
})

test('thinning is planned once a day, for copies that were complete once', async () => {
  await using scene = await Scene.open()
  const { server, services } = scene.kept
  await scene.follow({ last: 1 })
  const planned = async () => {
    await orderThinning(services)
    return (await services.store.db.selectFrom('operations').select('id').where('kind', '=', 'thin-copy').execute())
      .length
  }
  assert.equal(await planned(), 0)
  await scene.days(1)
  assert.deepEqual([await planned(), await planned()], [1, 1])
  server.clock.pass(day)
  assert.equal(await planned(), 2)
  server.clock.pass(day)
  await services.store.db.updateTable('repositories').set({ held: 1 }).execute()
  assert.equal(await planned(), 2)
})
