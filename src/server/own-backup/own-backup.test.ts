import assert from 'node:assert/strict'
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { hasCode } from '#base'
import { everyClient } from '#protocol'
import { sql } from 'kysely'
import { serverRepository } from '../../../test/helpers/server-repository.ts'
import { storeKinds } from '../../../test/helpers/stores.ts'
import { tempFolder } from '../../../test/helpers/temp.ts'
import { TestServer } from '../../../test/helpers/test-server.ts'
import { workUntilIdle } from '../../../test/helpers/work-until-idle.ts'
import type { Services } from '../app/services.ts'
import { bringBack, requireEmptyStore } from '../rebuild/bring-back.ts'
import { settle } from '../rebuild/rebuild.ts'
import { migrate } from '../store/migrate.ts'
import { orderOwnBackup } from './own-backup-job.ts'
import { moveOwnBackup, ownBackupState, renewOwnPassword } from './own-repository.ts'

const sqlite = storeKinds[0] as (typeof storeKinds)[number]

async function backUpNow(services: Services): Promise<void> {
  const { id } = await orderOwnBackup(services)
  await workUntilIdle(services)
  const done = await services.store.db
    .selectFrom('operations')
    .selectAll()
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
  assert.equal(done.state, 'done', done.reason ?? '')
}

async function rowsOf({ store }: Services, table: string): Promise<Record<string, unknown>[]> {
  const { rows } = await sql<Record<string, unknown>>`select * from ${sql.table(table)}`.execute(store.db)
  // Times and flags of better-auth are written as each engine likes it.
  const plain = (value: unknown) =>
    value instanceof Date ? value.toISOString() : value === true ? 1 : value === false ? 0 : value
  const known = rows.map((row) => Object.fromEntries(Object.entries(row).map(([key, value]) => [key, plain(value)])))
  return known.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
}

for (const from of storeKinds) {
  for (const to of storeKinds.filter((kind) => kind !== from)) {
    test(
      `a server backed up from ${from.name} is brought back into ${to.name}: control data, key and secrets`,
      { skip: from.skip || to.skip },
      async () => {
        await using place = await tempFolder()
        await using folder = await tempFolder()
        await using server = await TestServer.open(from)
        const { services } = server
        const machine = await serverRepository(services)
        const owner = await server.person({ [everyClient]: 'owner' })
        await server.tokenOf(owner)
        // More rows than one piece has.
        await services.store.db.transaction().execute(async (transaction) => {
          const entry = { actor: { who: 'server', fromWhere: 'terminal' }, what: 'test' }
          for (let i = 0; i < 1_100; i++) await services.audit.write(entry, transaction)
        })
        await moveOwnBackup(services, { location: place.path, credentials: null })
        const password = await renewOwnPassword(services)
        await backUpNow(services)

        await using opened = await to.open()
        const { clock } = server
        const about = await bringBack(opened.store, { location: place.path, password, folder: folder.path, clock })
        await migrate(opened.store, { copyFolder: folder.path })
        const back = { ...services, store: opened.store, folder: folder.path }
        const tables = ['people', 'accounts', 'role_grants', 'clients', 'machines', 'audit', 'chains', 'api_tokens']
        for (const table of [...tables, 'ledger']) {
          assert.deepEqual(await rowsOf(back, table), await rowsOf(services, table), table)
        }
        assert.equal(about.origin, 'http://localhost:8484')
        const { repositoryId } = machine
        const row = await opened.store.db
          .selectFrom('repositories')
          .select(['sealedPassword', 'held'])
          .where('id', '=', repositoryId)
          .executeTakeFirstOrThrow()
        assert.equal(row.held, 1, 'retention is held')
        assert.ok(services.sealer.open(`password of ${repositoryId}`, row.sealedPassword ?? ''))
      },
    )
  }
}

test('the password is shown once: a new one ends the one before, and what is wrong brings nothing back', async () => {
  await using server = await TestServer.open()
  await using place = await tempFolder()
  const { services, clock } = server
  await moveOwnBackup(services, { location: place.path, credentials: null })
  const [first, second] = [await renewOwnPassword(services), await renewOwnPassword(services)]
  assert.match(second, /^([a-z2-9]{6}-){3}[a-z2-9]{6}$/)
  assert.notEqual(first, second)
  await backUpNow(services)
  const tryWith = async (password: string, location: string) => {
    await using folder = await tempFolder()
    await using opened = await sqlite.open()
    return await bringBack(opened.store, { location, password, folder: folder.path, clock })
  }
  await assert.rejects(tryWith(first, place.path), (error) => hasCode(error, 'PASSWORD_WRONG'))
  await mkdir(place.join('empty'))
  await assert.rejects(tryWith(second, place.join('empty')), (error) => hasCode(error, 'REBUILD_NOTHING_THERE'))
  assert.equal((await tryWith(second, place.join('server'))).format, 1)
})

test('a rebuild that was cut off can be given again, and one into the folder of another server touches nothing', async () => {
  await using server = await TestServer.open()
  const { services, clock } = server
  const machine = await serverRepository(services)
  await using place = await tempFolder()
  await using folder = await tempFolder()
  await copyFile(`${services.folder}/server.key`, `${services.folder}/sealing.key`)
  await moveOwnBackup(services, { location: place.path, credentials: null })
  const password = await renewOwnPassword(services)
  await backUpNow(services)
  const since = await machine.backUp('after that')
  await using opened = await sqlite.open()
  const options = { location: place.path, password, folder: folder.path, clock }
  await writeFile(folder.join('sealing.key'), 'of another server')
  await assert.rejects(bringBack(opened.store, options), (error) => hasCode(error, 'REBUILD_NOT_EMPTY'))
  assert.equal(await readFile(folder.join('sealing.key'), 'utf8'), 'of another server')

  // As far as a rebuild comes when the power is cut before the control data are there.
  await copyFile(`${services.folder}/sealing.key`, folder.join('sealing.key'))
  await migrate(opened.store, { copyFolder: folder.path })
  await requireEmptyStore(opened.store)
  await bringBack(opened.store, options)
  await assert.rejects(requireEmptyStore(opened.store), (error) => hasCode(error, 'REBUILD_NOT_EMPTY'))
  // Ended again before it has looked at the storage: what was entered with the control data does it.
  const rebuilt = await TestServer.servicesOver(opened.store, services)
  await workUntilIdle(rebuilt)
  assert.ok((await rebuilt.ledger.received(machine.repositoryId)).has(since))
})

test('a place that cannot be had leaves the own backup where it was', async () => {
  await using server = await TestServer.open()
  const { services } = server
  await backUpNow(services)
  const before = await ownBackupState(services)
  await using place = await tempFolder()
  await writeFile(place.join('file'), 'in the way')
  await assert.rejects(moveOwnBackup(services, { location: place.join('file'), credentials: null }))
  assert.deepEqual(await ownBackupState(services), before)
})

test('restored from yesterday: today’s snapshots are named and taken in, retention is held, nothing runs twice', async () => {
  await using server = await TestServer.open()
  await using place = await tempFolder()
  await using folder = await tempFolder()
  const { services, clock } = server
  const machine = await serverRepository(services)
  const yesterday = await machine.backUp('yesterday')
  const order = {
    clientId: machine.clientId,
    machineId: machine.machineId,
    kind: 'backup',
    order: {},
    requestedBy: 'schedule',
  }
  const { id } = await services.operations.create(order)
  const claim = await services.operations.claim('machine:1', { machineId: machine.machineId })
  assert.equal(claim?.operation.id, id)
  await moveOwnBackup(services, { location: place.path, credentials: null })
  const password = await renewOwnPassword(services)
  await backUpNow(services)
  clock.pass(86_400_000)
  const today = await machine.backUp('today')

  await using opened = await sqlite.open()
  const about = await bringBack(opened.store, { location: place.path, password, folder: folder.path, clock })
  const rebuilt = await TestServer.servicesOver(opened.store, services)
  const report = await settle(rebuilt, about)
  assert.ok(
    report.some((sentence) => sentence.includes(today.slice(0, 8))),
    report.join('\n'),
  )
  assert.ok(!report.some((sentence) => sentence.includes(yesterday.slice(0, 8))))
  const { ledger, store, operations } = rebuilt
  assert.deepEqual([...(await ledger.received(machine.repositoryId)).keys()].toSorted(), [yesterday, today].toSorted())
  assert.equal((await ledger.verify(machine.repositoryId)).fault, undefined)
  const entries = await Array.fromAsync(ledger.entries(machine.repositoryId))
  assert.equal((JSON.parse(entries.at(-1)?.details ?? '{}') as { learned: boolean }).learned, true)
  const repository = await store.db.selectFrom('repositories').selectAll().executeTakeFirstOrThrow()
  assert.equal(repository.held, 1)
  // The machine still has its claim of yesterday: what it reports now counts for nothing.
  const late = operations.finish(id, claim?.epoch ?? 0, { state: 'done' })
  await assert.rejects(late, (error) => hasCode(error, 'CLAIM_LOST'))
  assert.equal(await operations.claim('machine:1', { machineId: machine.machineId }), undefined)
})
