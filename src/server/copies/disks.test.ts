import assert from 'node:assert/strict'
import { existsSync, readdirSync, renameSync as renameNow } from 'node:fs'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { everyClient } from '#protocol'
import { serverRepository } from '../../../test/helpers/server-repository.ts'
import { tempFolder } from '../../../test/helpers/temp.ts'
import { TestServer } from '../../../test/helpers/test-server.ts'
import { workUntilIdle } from '../../../test/helpers/work-until-idle.ts'
import { copyRepository } from './copy-repository.ts'
import { orderDueCopies } from './copy-round.ts'
import { markFile } from './disk-mark.ts'
import { lookForDisks } from './disks.ts'

interface Shown {
  readonly disks: readonly { readonly label: string; readonly state: string; readonly completeAt: string | null }[]
  readonly disksOverdue: boolean
}

// A server whose machine is copied to disks that are mounted side by side, on another file system than the server's own.
async function openScene() {
  await using stack = new AsyncDisposableStack()
  const server = stack.use(await TestServer.open())
  const media = stack.use(await tempFolder('/dev/shm'))
  const headers = await server.tokenOf(await server.person({ [everyClient]: 'owner' }))
  const ask = async (method: string, path: string, body?: object) =>
    await server.call(method, path, { headers, ...(body && { body }) })
  const machine = await serverRepository(server.services)
  const about = { name: 'Disks', kind: 'disks', location: media.join('*', 'understudy'), remindAfterDays: 7 }
  const made = await ask('POST', `/api/clients/${machine.clientId}/destinations`, about)
  const { id } = made.json as { id: string }
  const policy = {
    name: 'Files',
    what: { include: ['/srv'] },
    when: { kind: 'daily', at: ['03:00'], timeZone: 'UTC' },
    keep: { daily: 7 },
    to: { repository: 'own', copies: [{ repository: 'Disks' }] },
  }
  const { json } = await ask('POST', `/api/clients/${machine.clientId}/policies`, policy)
  await ask('PUT', `/api/machines/${machine.machineId}/policies`, { policies: [(json as { id: string }).id] })
  const owned = stack.move()
  return {
    server,
    media,
    machine,
    id,
    plugIn: async (name: string) => void (await mkdir(media.join(name, 'understudy'), { recursive: true })),
    adopt: async (name: string) =>
      (await ask('POST', `/api/destinations/${id}/disks`, { folder: media.join(name, 'understudy'), label: name }))
        .json,
    strange: async () => (await ask('GET', `/api/destinations/${id}/strange-disks`)).json,
    shown: async () => (await ask('GET', `/api/destinations/${id}`)).json as Shown,
    /** What the rounds and jobs do; returns the state of each disk. */
    async work(): Promise<string[]> {
      await lookForDisks(server.services)
      await orderDueCopies(server.services)
      await workUntilIdle(server.services)
      await lookForDisks(server.services)
      return ((await ask('GET', `/api/destinations/${id}`)).json as Shown).disks.map(
        ({ label, state }) => `${label} ${state}`,
      )
    },
    [Symbol.asyncDispose]: async () => await owned.disposeAsync(),
  }
}

test('a disk is adopted by a person, brought up to date when it is plugged in, and then free to be taken away', async () => {
  await using scene = await openScene()
  const { media, machine, server } = scene
  await machine.backUp('monday')
  await scene.plugIn('blue')
  assert.deepEqual(await scene.work(), [])
  assert.deepEqual(
    readdirSync(media.join('blue', 'understudy')),
    [],
    'nothing is written to a disk that nobody has adopted',
  )
  assert.deepEqual(await scene.strange(), [{ folder: media.join('blue', 'understudy'), what: 'unmarked' }])
  await scene.adopt('blue')
  assert.deepEqual(await scene.work(), ['blue may be taken away'])
  assert.ok(existsSync(media.join('blue', 'understudy', machine.repositoryId, 'config')))
  const events = await server.services.store.db.selectFrom('events').select('kind').where('kind', '=', 'disk').execute()
  assert.equal(events.length, 1)

  await rename(media.join('blue'), media.join('.blue'))
  await scene.plugIn('red')
  await scene.adopt('red')
  await machine.backUp('tuesday')
  assert.deepEqual(await scene.work(), ['blue away', 'red may be taken away'])
  await rename(media.join('.blue'), media.join('sdc1'))
  assert.deepEqual(
    await scene.work(),
    ['blue may be taken away', 'red may be taken away'],
    'known by its mark, wherever it is mounted',
  )
  const copies = await server.services.store.db.selectFrom('copies').select('snapshots').execute()
  assert.deepEqual(
    copies.map(({ snapshots }) => snapshots),
    [2, 2],
  )
})

test('a disk of somebody else is not written to, nor adopted over its mark; nor is a folder on the server’s own disk', async () => {
  await using scene = await openScene()
  const { media, server } = scene
  await scene.plugIn('foreign')
  await writeFile(media.join('foreign', 'understudy', markFile), '{"disk":"x"}')
  assert.equal(((await scene.adopt('foreign')) as { code: string }).code, 'DISK_MARKED')
  assert.deepEqual(await scene.work(), [])
  assert.deepEqual(readdirSync(media.join('foreign', 'understudy')), [markFile])
  assert.equal(((await scene.adopt('nowhere')) as { code: string }).code, 'DISK_NOT_FOUND')
  await using own = await tempFolder(server.services.folder)
  const headers = await server.tokenOf(await server.person({ [everyClient]: 'owner' }))
  const about = { name: 'Own', kind: 'disks', location: own.path }
  const made = await server.call('POST', `/api/clients/${scene.machine.clientId}/destinations`, {
    headers,
    body: about,
  })
  const path = `/api/destinations/${(made.json as { id: string }).id}/disks`
  const { json } = await server.call('POST', path, { headers, body: { folder: own.path, label: 'own' } })
  assert.equal((json as { code: string }).code, 'DISK_IS_SERVERS')
})

test('a disk that is pulled out in the middle is said to be, breaks nothing, and is finished when it is back', async () => {
  await using scene = await openScene()
  const { media, machine, server } = scene
  const { services } = server
  await scene.plugIn('blue')
  await scene.adopt('blue')
  await machine.backUp('x'.repeat(10_000))
  const [destination, repository, disk] = await Promise.all([
    services.store.db.selectFrom('destinations').selectAll().executeTakeFirstOrThrow(),
    services.store.db.selectFrom('repositories').selectAll().executeTakeFirstOrThrow(),
    services.store.db.selectFrom('destinationDisks').selectAll().executeTakeFirstOrThrow(),
  ])
  const pulledOut = copyRepository(
    services,
    { destination, repository, disk },
    {
      // In its place stays the empty folder that it was mounted on.
      report: () => {
        if (existsSync(media.join('.pulled'))) return
        renameNow(media.join('blue'), media.join('.pulled'))
      },
    },
  )
  await assert.rejects(pulledOut)
  await scene.plugIn('blue')
  assert.deepEqual(await scene.work(), ['blue pulled out'])
  assert.deepEqual(readdirSync(media.join('blue', 'understudy')), [], 'nothing is written where no disk is')
  await rename(media.join('blue'), media.join('.empty'))
  await rename(media.join('.pulled'), media.join('blue'))
  assert.deepEqual(await scene.work(), ['blue may be taken away'])
})

test('where no disk was there for longer than is wished, somebody is reminded', async () => {
  await using scene = await openScene()
  const { media, server } = scene
  await scene.plugIn('blue')
  await scene.adopt('blue')
  await scene.work()
  await rename(media.join('blue'), media.join('.away'))
  await scene.work()
  const reminders = async () =>
    (await server.services.store.db.selectFrom('events').select('seq').where('kind', '=', 'disk-reminder').execute())
      .length
  server.clock.pass(6 * 86_400_000)
  await scene.work()
  assert.deepEqual([await reminders(), (await scene.shown()).disksOverdue], [0, false])
  server.clock.pass(2 * 86_400_000)
  await scene.work()
  await scene.work()
  assert.deepEqual([await reminders(), (await scene.shown()).disksOverdue], [1, true], 'once')
  await server.services.alerting.cycle(server.services)
  const { state } = await server.services.alerting.store.load()
  const told = Object.values(state.open).map(({ condition: { kind, subject } }) => `${kind}: ${subject.name}`)
  assert.ok(told.includes('disks_overdue: Disks'), told.join(', '))
  assert.ok(existsSync(join(media.join('.away'), 'understudy', markFile)))
})
