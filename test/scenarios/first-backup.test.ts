import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { repositoryFlags } from '../helpers/business-of-one.ts'
import type { Operation } from '../helpers/business-of-one.ts'
import { missingPostgres, startPostgres } from '../helpers/postgres.ts'
import { freePort } from '../helpers/rest-server.ts'
import { run, runOk } from '../helpers/run.ts'
import { callApi, mainModule, ownerToken, serve, setUpOwner } from '../helpers/serving.ts'
import type { Serving } from '../helpers/serving.ts'
import { tempFolder } from '../helpers/temp.ts'

/** What an owner asks, until it is so. */
class Owner {
  readonly serving: Serving
  readonly #token: string

  constructor(serving: Serving, token: string) {
    this.serving = serving
    this.#token = token
  }

  static async of(serving: Serving): Promise<Owner> {
    assert.equal(await setUpOwner(serving), 200)
    return new Owner(serving, await ownerToken(serving))
  }

  async ask<T>(path: string, body?: object, method?: string): Promise<T> {
    const about = { token: this.#token, ...(body && { body }), ...(method !== undefined && { method }) }
    const { status, json } = await callApi(this.serving.origin, path, about)
    assert.equal(status, 200, `${path}: ${JSON.stringify(json)}`)
    return json as T
  }

  /** The newest operation of a kind that has ended. */
  async ended(kind: string, id?: string): Promise<Operation> {
    for (let tries = 0; tries < 240; tries++) {
      const all = await this.ask<Operation[]>(`/api/operations?kind=${kind}`)
      const found = all.find(
        (one) => !['waiting', 'running'].includes(one.state) && (id === undefined || one.id === id),
      )
      if (found) return found
      await new Promise((resolve) => setTimeout(resolve, 250))
    }
    return assert.fail(`no ${kind} ended:\n${this.serving.command.output().stdout}`)
  }
}

test('one command on a fresh folder: this machine has a policy, is backed up at once, and its files come back', async () => {
  await using folder = await tempFolder()
  mkdirSync(folder.join('files'))
  writeFileSync(folder.join('files', 'bill.txt'), 'forty-two')
  await using serving = await serve(folder.join('data'), await freePort(), '--agent', '--protect', folder.join('files'))
  const owner = await Owner.of(serving)
  const { state, result, reason } = await owner.ended('backup')
  assert.deepEqual([state, reason], ['done', null])
  const back = [
    'restore',
    ...repositoryFlags(folder.join('data', 'agent'), folder),
    '--target',
    folder.join('back'),
    String(result?.['snapshotId']),
  ]
  await runOk(process.execPath, [mainModule, ...back])
  assert.equal(readFileSync(folder.join('back', folder.join('files', 'bill.txt')), 'utf8'), 'forty-two')

  await serving.command.printed(/ON THE SAME DISK/)
  const [machine] = await owner.ask<{ id: string }[]>('/api/machines')
  const found = await owner.ask<{ protection: string[]; discovery: { volumes: object[] } }>(
    `/api/machines/${machine?.id}/discovery`,
  )
  assert.ok(found.discovery.volumes.length > 0)
  assert.ok(
    found.protection.some((sentence) => sentence.includes(folder.join('files'))),
    found.protection.join('\n'),
  )
  const { id } = await owner.ask<Operation>(`/api/machines/${machine?.id}/look`, {}, 'POST')
  assert.equal((await owner.ended('look', id)).state, 'done')
})

test(
  'a PostgreSQL database that a policy names is dumped, tried, and loaded back from its snapshot',
  { skip: missingPostgres() },
  async () => {
    await using postgres = await startPostgres()
    const host = new URL(postgres.location()).searchParams.get('host') as string
    await postgres.createDatabase('shop')
    const sql = async (database: string, text: string) =>
      (
        await runOk(
          'psql',
          ['-XAtq', '-v', 'ON_ERROR_STOP=1', '-h', host, '-U', 'postgres', '-d', database, '-f', '-'],
          { input: text },
        )
      ).trim()
    await sql(
      'shop',
      'create table item (id int primary key, name text); insert into item select i, md5(i::text) from generate_series(1, 5000) i',
    )
    await using folder = await tempFolder()
    mkdirSync(folder.join('files'))
    mkdirSync(folder.join('data', 'agent'), { recursive: true })
    const servers = [{ engine: 'postgresql', name: 'main', connection: { host, user: 'postgres' } }]
    writeFileSync(folder.join('data', 'agent', 'database-servers.json'), JSON.stringify(servers))
    await using serving = await serve(
      folder.join('data'),
      await freePort(),
      '--agent',
      '--protect',
      folder.join('files'),
    )
    const owner = await Owner.of(serving)
    await owner.ended('backup')
    const [machine] = await owner.ask<{ id: string; clientId: string }[]>('/api/machines')
    const policy = {
      name: 'Databases',
      what: { include: [], databases: [{ engine: 'postgresql', which: 'all' }] },
      when: { kind: 'daily', at: ['03:00'], timeZone: 'UTC' },
      keep: { daily: 7 },
      to: { repository: 'own' },
    }
    const { id } = await owner.ask<{ id: string }>(`/api/clients/${machine?.clientId}/policies`, policy)
    const followed = await owner.ask<{ id: string }[]>(`/api/machines/${machine?.id}/policies`)
    // Beside the first one: to follow that no more would wait for an approval.
    await owner.ask(
      `/api/machines/${machine?.id}/policies`,
      { policies: [...followed.map((one) => one.id), id] },
      'PUT',
    )
    const ordered = await owner.ask<Operation>(`/api/machines/${machine?.id}/backup`, { policy: id })
    const { state, reason, result } = await owner.ended('backup', ordered.id)
    assert.deepEqual([state, reason], ['done', null])
    const { dumps } = result as { dumps: { snapshotId: string; databases: { subject: string; state: string }[] } }
    assert.ok(dumps.databases.some(({ subject, state: ended }) => subject === 'shop' && ended === 'good'))

    type Known = {
      subject: string
      dump: { measured: { outcome: string; snapshotId: string } }
      load: { measured: { outcome: string; measured: { rows: number } } }
    }
    const known = await owner.ask<Known[]>(`/api/machines/${machine?.id}/databases`)
    const shop = known.find(({ subject }) => subject.endsWith('/shop.sql'))
    assert.deepEqual([shop?.dump.measured.outcome, shop?.dump.measured.snapshotId], ['good', dumps.snapshotId])
    assert.deepEqual([shop?.load.measured.outcome, shop?.load.measured.measured.rows], ['good', 5000])

    const args = repositoryFlags(folder.join('data', 'agent'), folder)
    const dump = await runOk(process.execPath, [
      mainModule,
      'dump',
      ...args,
      dumps.snapshotId,
      '/databases/postgresql/main/shop.sql',
    ])
    await postgres.createDatabase('back')
    await sql('back', dump)
    const sum = "select count(*), md5(string_agg(name, '' order by id)) from item"
    assert.equal(await sql('back', sum), await sql('shop', sum))

    await postgres.kill()
    const again = await owner.ask<Operation>(`/api/machines/${machine?.id}/backup`, { policy: id })
    const spoiled = await owner.ended('backup', again.id)
    assert.equal(spoiled.state, 'failed', 'a server that is down is no backup')
    const after = await owner.ask<{ dump: { measured: { outcome: string } } }[]>(
      `/api/machines/${machine?.id}/databases`,
    )
    assert.ok(after.some((one) => one.dump.measured.outcome === 'failed'))
    assert.equal((await run(process.execPath, [mainModule, 'check', ...args])).code, 0)
  },
)
