import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LockingBucket } from '../../../test/helpers/locking-bucket.ts'
import { ScriptedS3Server } from '../../../test/helpers/scripted-s3-server.ts'
import { serverRepository } from '../../../test/helpers/server-repository.ts'
import { TestServer } from '../../../test/helpers/test-server.ts'
import { workUntilIdle } from '../../../test/helpers/work-until-idle.ts'
import { orderCopyNow } from './copy-round.ts'
import { createDestination } from './destinations.ts'
import { orderRenewals } from './object-locks.ts'

const day = 86_400_000

async function openScene(location: string) {
  await using stack = new AsyncDisposableStack()
  const server = stack.use(await TestServer.open())
  const { services } = server
  const machine = await serverRepository(services)
  const { clientId, repositoryId } = machine
  const destination = await createDestination(services, clientId, {
    name: 'Bucket',
    kind: 's3',
    location,
    credentials: { accessKeyId: 'key', secretAccessKey: 'secret', region: 'us-east-1' },
    lockDays: 30,
    remindAfterDays: null,
    place: { account: 'provider' },
    deletableBy: { writer: false, machine: false, people: [] },
    isOfServer: true,
  })
  const owned = stack.move()
  return {
    server,
    async backUpAndCopy(text: string) {
      await machine.backUp(text)
      const about = { destinationId: destination.id, repositoryId, diskId: '', clientId, schedules: [], since: 0 }
      await orderCopyNow(services, about, 'server')
      await workUntilIdle(services)
    },
    async tamper() {
      const order = { destinationId: destination.id }
      const about = { clientId, machineId: null, kind: 'tamper-test', order, requestedBy: 'server' }
      await services.operations.create(about)
      await workUntilIdle(services)
    },
    copy: async () => await services.store.db.selectFrom('copies').selectAll().executeTakeFirstOrThrow(),
    operations: async (kind: string) =>
      await services.store.db
        .selectFrom('operations')
        .selectAll()
        .where('kind', '=', kind)
        .orderBy('createdAt')
        .execute(),
    destination: async () => await services.store.db.selectFrom('destinations').selectAll().executeTakeFirstOrThrow(),
    [Symbol.asyncDispose]: async () => await owned.disposeAsync(),
  }
}

test('in a bucket with object lock every file of a copy is locked, and locked anew when half of the time is over', async () => {
  await using bucket = await LockingBucket.start()
  await using scene = await openScene(bucket.server.location)
  const { server } = scene
  const began = server.clock.now()
  await scene.backUpAndCopy('monday')
  assert.equal((await scene.operations('copy'))[0]?.state, 'done', (await scene.operations('copy'))[0]?.reason ?? '')
  assert.ok((bucket.retainedUntil() ?? 0) >= began + 30 * day - 60_000)
  assert.deepEqual(bucket.unsound, [])
  const { lockedUntil } = await scene.copy()
  assert.equal(lockedUntil, began + 30 * day)

  server.clock.pass(14 * day)
  await scene.backUpAndCopy('tuesday')
  assert.equal((await scene.copy()).lockedUntil, lockedUntil, 'the first files are locked no longer than before')
  await orderRenewals(server.services)
  assert.equal((await scene.operations('renew-locks')).length, 0)
  server.clock.pass(2 * day)
  await orderRenewals(server.services)
  await orderRenewals(server.services)
  await workUntilIdle(server.services)
  const [renewal, ...more] = await scene.operations('renew-locks')
  assert.deepEqual([renewal?.state, more.length], ['done', 0], renewal?.reason ?? '')
  assert.equal((await scene.copy()).lockedUntil, began + 46 * day)
  assert.equal(bucket.retainedUntil(), began + 46 * day)
})

test('a first copy that took several tries is said to be locked no longer than its first files are', async () => {
  await using bucket = await LockingBucket.start()
  await using scene = await openScene(bucket.server.location)
  const { server } = scene
  const [began, behave] = [server.clock.now(), bucket.server.misbehave]
  bucket.server.misbehave = (request, response) =>
    request.method === 'PUT' && request.key.includes('/snapshots/')
      ? bucket.server.refuse(response, 403, 'AccessDenied')
      : behave(request, response)
  await scene.backUpAndCopy('monday')
  assert.deepEqual(
    (await scene.operations('copy')).map(({ state }) => state),
    ['failed'],
  )
  bucket.server.misbehave = behave
  server.clock.pass(3 * day)
  await scene.backUpAndCopy('thursday')
  assert.equal((await scene.operations('copy')).at(-1)?.state, 'done')
  assert.ok((bucket.retainedUntil() ?? 0) <= began + 31 * day, 'the files of the first try')
  assert.equal((await scene.copy()).lockedUntil, began + 30 * day)
})

test('what was begun without locks counts as locked when everything was locked, and not before', async () => {
  await using bucket = await LockingBucket.start()
  await using scene = await openScene(bucket.server.location)
  const { server } = scene
  const behave = bucket.server.misbehave
  bucket.server.misbehave = (request, response) => {
    if (request.query.has('object-lock'))
      return bucket.server.refuse(response, 404, 'ObjectLockConfigurationNotFoundError')
    if (request.method === 'PUT' && request.key.includes('/snapshots/'))
      return bucket.server.refuse(response, 403, 'AccessDenied')
    return behave(request, response)
  }
  await scene.backUpAndCopy('monday')
  bucket.server.misbehave = behave
  server.clock.pass(day)
  await scene.backUpAndCopy('tuesday')
  const last = (await scene.operations('copy')).at(-1)
  assert.equal(last?.state, 'done', last?.reason ?? '')
  assert.equal((await scene.copy()).lockedUntil, null)
  await orderRenewals(server.services)
  await workUntilIdle(server.services)
  assert.equal((await scene.copy()).lockedUntil, server.clock.now() + 30 * day)
  assert.equal(bucket.retainedUntil(), server.clock.now() + 30 * day)
})

test('a bucket that had object lock, and does not say so just now, is written to with locks all the same', async () => {
  await using bucket = await LockingBucket.start()
  await using scene = await openScene(bucket.server.location)
  await scene.backUpAndCopy('monday')
  const behave = bucket.server.misbehave
  bucket.server.misbehave = (request, response) =>
    request.query.has('object-lock') ? bucket.server.refuse(response, 403, 'AccessDenied') : behave(request, response)
  await scene.backUpAndCopy('tuesday')
  assert.equal((await scene.operations('copy')).at(-1)?.state, 'done')
  assert.ok((bucket.retainedUntil() ?? 0) > scene.server.clock.now())
})

test('who has the keys destroys nothing that is locked: the tamper test records that it was refused', async () => {
  await using bucket = await LockingBucket.start()
  await using scene = await openScene(bucket.server.location)
  await scene.tamper()
  const [operation] = await scene.operations('tamper-test')
  const { attempts } = JSON.parse(operation?.result ?? '{}') as { attempts: { what: string; refused: boolean }[] }
  const seen = attempts.map(({ what, refused }) => `${what} ${refused ? 'refused' : 'done'}`)
  assert.deepEqual(seen, ['overwrite refused', 'delete refused', 'delete all versions refused'])
  assert.equal(operation?.state, 'done')
})

test('a bucket without object lock says so, takes the copy all the same, and the tamper test shows it', async () => {
  await using plain = await ScriptedS3Server.start()
  plain.misbehave = ({ query }, response) =>
    query.has('object-lock')
      ? plain.refuse(response, 404, 'ObjectLockConfigurationNotFoundError')
      : query.has('versions') && plain.refuse(response, 501, 'NotImplemented')
  await using scene = await openScene(plain.location)
  await scene.backUpAndCopy('monday')
  assert.equal((await scene.operations('copy'))[0]?.state, 'done')
  assert.match((await scene.destination()).objectLock ?? '', /no object lock/)
  assert.equal((await scene.copy()).lockedUntil, null)
  assert.ok(!plain.requests.some(({ headers }) => 'x-amz-object-lock-mode' in headers))
  await scene.tamper()
  const [operation] = await scene.operations('tamper-test')
  assert.deepEqual([operation?.state, operation?.code], ['warnings', 'TAMPERING_NOT_REFUSED'])
})
