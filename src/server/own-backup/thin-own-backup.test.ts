import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadSnapshots } from '#repository'
import { TestServer } from '../../../test/helpers/test-server.ts'
import { serverRepository } from '../../../test/helpers/server-repository.ts'
import type { Services } from '../app/services.ts'
import { ownTag } from './own-backup-job.ts'
import { openOwnBackup, ownRepositoryName } from './own-repository.ts'
import { saveFiles } from './snapshot-files.ts'
import { thinOwnBackup } from './thin-own-backup.ts'

const hour = 3_600_000
const day = 24 * hour

async function save(services: Services, tags: readonly string[]): Promise<void> {
  await using opened = await openOwnBackup(services)
  const files = [{ name: 'now', pieces: [Buffer.from(String(services.clock.now()))] }]
  await saveFiles(opened.repository, files, { clock: services.clock, folder: 'x', tags })
}

async function thin(services: Services): Promise<number> {
  await using opened = await openOwnBackup(services)
  return await thinOwnBackup(services, opened.repository, { ownTag })
}

/** How old each snapshot is, in days, newest first. */
async function ages(services: Services): Promise<number[]> {
  await using opened = await openOwnBackup(services)
  const times = (await loadSnapshots(opened.repository)).map(({ time }) => Date.parse(time))
  return times.map((time) => Math.round((services.clock.now() - time) / day)).toSorted((a, b) => a - b)
}

test('of the server’s own backup a day, a week of days, a month of weeks and a year of months stay; and nothing goes while a client may have been attacked', async () => {
  await using server = await TestServer.open()
  const { services, clock } = server
  await save(services, ['somebody’s'])
  clock.pass(6 * hour)
  for (let week = 0; week < 10; week++) {
    await save(services, [ownTag])
    clock.pass(7 * day)
  }
  for (let days = 0; days < 10; days++) {
    await save(services, [ownTag])
    clock.pass(day)
  }
  for (let times = 0; times < 9; times++) {
    await save(services, [ownTag])
    clock.pass(3 * hour)
  }
  await serverRepository(services)
  await services.store.db.updateTable('clients').set({ state: 'attacked' }).execute()
  assert.equal(await thin(services), 0)
  await services.store.db.updateTable('clients').set({ state: 'normal' }).execute()
  const before = await ages(services)
  const removed = await thin(services)
  const after = await ages(services)
  assert.equal(after.length, before.length - removed)
  assert.ok(removed >= 10, `${removed} of ${before.length}`)
  assert.deepEqual(after.slice(0, 8), before.slice(0, 8), 'the newest eight')
  for (const age of [3, 5]) assert.ok(after.includes(age), `of day ${age}: ${after.join(' ')}`)
  assert.ok(after.filter((age) => age > 30).length >= 2, after.join(' '))
  assert.equal(after.at(-1), before.at(-1), 'what the server did not make stays')
  await save(services, [ownTag])
  assert.equal(await thin(services), 0, 'once a day')
})

test('what went from the server’s own backup can be put back for thirty days, and then its room is free', async () => {
  await using server = await TestServer.open()
  const { services, clock } = server
  for (let times = 0; times < 10; times++) {
    await save(services, [ownTag])
    clock.pass(hour / 60)
  }
  const removed = await thin(services)
  assert.ok(removed >= 1)
  const aside = async () =>
    (await Array.fromAsync((await services.storage.quarantine(ownRepositoryName)).list())).filter(
      ({ file }) => file.type === 'snapshot',
    ).length
  assert.equal(await aside(), removed)
  clock.pass(32 * day)
  await thin(services)
  assert.equal(await aside(), 0)
})
