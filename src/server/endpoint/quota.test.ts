import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { SettableClock } from '../../../test/helpers/settable-clock.ts'
import {
  type Answered,
  fileNamed,
  pathOf,
  type RunningEndpoint,
  startEndpoint,
  type StartOptions,
} from '../../../test/helpers/endpoint-server.ts'
import { Usage } from './usage.ts'

const size = 100_000

test('uploads side by side do not exceed the quota together', async () => {
  await using server = await withQuota(10 * size + 5)
  const uploads = Array.from({ length: 40 }, () => randomBytes(size))
  const answers = await Promise.all(uploads.map((body, i) => post(server, body, i % 2 === 0)))
  const counts = Map.groupBy(answers, ({ status, code }) => `${status} ${code ?? ''}`)
  assert.deepEqual([counts.get('200 ')?.length, counts.get('507 ENDPOINT_QUOTA_REACHED')?.length], [10, 30])
  assert.equal((await Array.fromAsync(server.storage.list('anna', 'pack'))).length, 10)
})

test('a reached quota says what is used and what is allowed, in the line that restic shows, too', async () => {
  await using server = await withQuota(150_000)
  assert.equal((await post(server, randomBytes(size))).status, 200)
  const refused = await post(server, randomBytes(size))
  assert.match(refused.phrase, /97\.656 KiB of 146\.484 KiB are used, and 97\.656 KiB more do not fit/)
  const { message, hint } = JSON.parse(refused.body.toString()) as { readonly message: string; readonly hint: string }
  assert.match(message, /The quota is reached/)
  assert.match(hint, /quota of the machine/)
})

test('the upload that took the last of the room may be sent again', async () => {
  await using server = await withQuota(size)
  const body = randomBytes(size)
  assert.equal((await post(server, body)).status, 200)
  assert.equal((await post(server, body)).status, 200)
  assert.equal((await post(server, randomBytes(1))).status, 507)
})

test('with a reached quota locks are still written, so that restoring goes on, but not without end', async () => {
  await using server = await withQuota(size)
  assert.equal((await post(server, randomBytes(size))).status, 200)
  const statuses: number[] = []
  for (let i = 0; i < 18; i++) {
    const lock = randomBytes(64 << 10)
    statuses.push((await server.send(pathOf(fileNamed('lock', lock)), { method: 'POST', body: lock })).status)
  }
  assert.deepEqual(statuses, [...Array.from({ length: 16 }, () => 200), 507, 507])
})

test('what is stored when the server starts counts, and what was removed counts no more', async () => {
  await using server = await withQuota(undefined)
  const [first, second] = [randomBytes(size), randomBytes(size)]
  await post(server, first)
  setQuota(server, size + 10)
  assert.equal((await post(server, second)).status, 507)
  const { name } = fileNamed('pack', first)
  await rm(join(server.folder, 'repositories', 'anna', 'data', name.slice(0, 2), name))
  assert.equal((await post(server, second)).status, 507, 'nobody has said so')
  server.endpoint.recount('anna')
  assert.equal((await post(server, second)).status, 200)
})

test('the storage is counted anew after a while, and once for all who ask', async () => {
  const clock = new SettableClock()
  let counts = 0
  const count = async () => ++counts * 100
  const usage = new Usage({ count, clock, recountAfter: 1000 })
  const room = async (bytes: number) => {
    using reservation = await usage.reserve('a', 250)
    reservation.grow(bytes)
    return counts
  }
  assert.deepEqual(await Promise.all([room(50), room(50), room(50)]), [1, 1, 1])
  clock.pass(999)
  assert.equal(await room(150), 1)
  clock.pass(1)
  assert.equal(await room(50), 2)
  await assert.rejects(room(51), { code: 'ENDPOINT_QUOTA_REACHED' })
})

test('a storage that cannot be counted lets nothing in, and is asked again', async () => {
  let fails = true
  const count = async () => {
    if (fails) throw new Error('away')
    return 0
  }
  const usage = new Usage({ count, clock: new SettableClock(), recountAfter: 1000 })
  await assert.rejects(usage.reserve('a', 10), /away/)
  fails = false
  using reservation = await usage.reserve('a', 10)
  reservation.grow(10)
})

test('what is stored while the storage is counted is not forgotten', async () => {
  const counted = Promise.withResolvers<number>()
  const usage = new Usage({ count: () => counted.promise, clock: new SettableClock(), recountAfter: 1000 })
  const second = usage.reserve('a', 100)
  {
    using first = await usage.reserve('a', undefined)
    first.grow(60)
    first.commit()
  }
  counted.resolve(0) // the count had passed that place already
  using reservation = await second
  assert.throws(() => reservation.grow(41), { code: 'ENDPOINT_QUOTA_REACHED' })
  reservation.grow(40)
})

async function withQuota(allowedBytes: number | undefined, options: StartOptions = {}): Promise<RunningEndpoint> {
  const server = await startEndpoint(options)
  await server.send('/repo/anna/?create=true', { method: 'POST' })
  setQuota(server, allowedBytes)
  return server
}

function setQuota({ credentials }: RunningEndpoint, allowedBytes: number | undefined): void {
  const anna = credentials.get('anna')
  assert.ok(anna)
  credentials.set('anna', { ...anna, allowedBytes })
}

function post(server: RunningEndpoint, body: Uint8Array, announced = true): Promise<Answered> {
  const headers: Record<string, string> = announced ? {} : { 'transfer-encoding': 'chunked' }
  return server.send(pathOf(fileNamed('pack', body)), { method: 'POST', body, headers })
}
