import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'node:test'
import { sql } from 'kysely'
import { openStore } from '../../src/server/store/store.ts'
import type { Store } from '../../src/server/store/store.ts'
import { MailServer } from '../helpers/mail-server.ts'
import { freePort } from '../helpers/rest-server.ts'
import { runOk, start } from '../helpers/run.ts'
import { callApi, mainModule, ownerToken, serve, setUpOwner } from '../helpers/serving.ts'
import type { Serving } from '../helpers/serving.ts'
import { tempFolder } from '../helpers/temp.ts'

const hour = 3_600_000
const [anna, bert] = ['anna@example.org', 'bert@example.org']

type Ask = (path: string, body?: object, method?: string) => Promise<unknown>

function asker({ origin }: Serving, token: string): Ask {
  return async (path, body, method) => {
    const about = { token, ...(body && { body }), ...(method !== undefined && { method }) }
    const { status, json } = await callApi(origin, path, about)
    assert.equal(status, 200, `${path}: ${JSON.stringify(json)}`)
    return json
  }
}

async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    if (await condition()) return
    await sleep(100)
  }
  assert.fail(`it never came to that: ${what}`)
}

/** Who is told: Anna first, Bert when she does not answer. */
async function setUpAlerts(ask: Ask, port: number): Promise<void> {
  const mail = { id: 'mail', name: 'Mail', kind: 'email', host: '127.0.0.1', port, security: 'none' }
  await ask('/api/alerts/channels', { ...mail, from: 'backup@example.org' })
  for (const [step, name, address] of [
    [1, 'Anna', anna],
    [2, 'Bert', bert],
  ] as const) {
    await ask(`/api/alerts/people/${name}`, { name, step, ways: [{ channel: 'mail', address }] }, 'PUT')
  }
  const times = { gatherMinutes: 0, escalateAfterMinutes: 1, escalateFrom: 'warning', mostPerHour: 60 }
  await ask('/api/alerts/times', times, 'PUT')
}

/** Has the server look at once, rather than in a minute. A round that begins has ended the one before it. */
async function lookNow({ db }: Store): Promise<void> {
  const alerts = db.selectFrom('rounds').select('lastAt').where('name', '=', 'alerts')
  for (let round = 0; round < 2; round++) {
    await db.updateTable('rounds').set({ lastAt: 0 }).where('name', '=', 'alerts').execute()
    await until('the server looks', async () => (await alerts.executeTakeFirstOrThrow()).lastAt > 0)
  }
}

/** What has been told so far was told longer ago: nobody has answered since. */
async function ageAlerts({ db }: Store, span: number): Promise<void> {
  const row = await db.selectFrom('alertDocuments').selectAll().where('name', '=', 'state').executeTakeFirstOrThrow()
  const value = row.value.replaceAll(
    /"(stepSince|at|firstAt|since)":(\d{13})/g,
    (_, name, at) => `"${name}":${at - span}`,
  )
  await db
    .updateTable('alertDocuments')
    .set({ value, revision: row.revision + 1 })
    .where('name', '=', 'state')
    .execute()
}

/** All that is known of the machine is from longer ago. */
async function ageMachine({ db }: Store, span: number): Promise<void> {
  for (const [table, columns] of [
    ['machines', ['created_at', 'last_seen_at', 'heard_since']],
    ['policies', ['created_at']],
    ['machine_policies', ['since']],
    ['operations', ['created_at', 'started_at', 'ended_at']],
  ] as const) {
    for (const column of columns) {
      await sql`update ${sql.id(table)} set ${sql.id(column)} = ${sql.id(column)} - ${span}`.execute(db)
    }
  }
}

test('a backup that fails is told once and to nobody else when it is taken on; that none ran is told of a machine whose agent has stopped', async () => {
  await using folder = await tempFolder()
  await using mail = await MailServer.open()
  const [port, data] = [await freePort(), folder.join('data')]
  const flags = ['--alert-networks', '127.0.0.1']
  let token = ''
  {
    await using serving = await serve(data, port, ...flags)
    await setUpOwner(serving)
    token = await ownerToken(serving)
    const ask = asker(serving, token)
    await setUpAlerts(ask, mail.port)
    const tested = (await ask('/api/alerts/channels/mail/test', { address: anna })) as { delivered: boolean }
    assert.deepEqual([tested.delivered, mail.received.length], [true, 1])

    const { id: client } = (await ask('/api/clients', { name: 'Bakery' })) as { id: string }
    const { line } = (await ask(`/api/clients/${client}/enrolment-lines`, {})) as { line: string }
    await runOk(process.execPath, [mainModule, 'agent', 'enroll', '--data', folder.join('agent'), line])
    const [machine] = (await ask('/api/machines')) as { id: string }[]
    const ofMachine = `/api/machines/${machine?.id}`
    await ask(`${ofMachine}/approve`, {})
    const policy = {
      name: 'Bills',
      what: { include: [folder.join('nowhere')] },
      when: { kind: 'daily', at: ['03:00'], timeZone: 'UTC' },
      keep: { daily: 7 },
      to: { repository: 'own' },
    }
    const { id } = (await ask(`/api/clients/${client}/policies`, policy)) as { id: string }
    await ask(`${ofMachine}/policies`, { policies: [id] }, 'PUT')
    await using agent = start(process.execPath, [mainModule, 'agent', 'run', '--data', folder.join('agent')])
    await agent.printed(/has its repository/)
    await ask(`${ofMachine}/backup`, { policy: id })
    const operations = async () => (await ask('/api/operations')) as { state: string }[]
    await until('the backup has failed', async () => (await operations()).some(({ state }) => state === 'failed'))

    await using store = await openStore(`${data}/control.db`)
    await lookNow(store)
    assert.equal(mail.about(/backup failed/, anna).length, 1)
    const alerts = (await ask('/api/alerts')) as { key: string; kind: string }[]
    const failed = alerts.find(({ kind }) => kind === 'run_failed')
    await ask(`/api/clients/${client}/alerts/acknowledge`, { keys: [failed?.key] })
    await ageAlerts(store, 2 * 60_000)
    await lookNow(store)
    assert.equal(mail.about(/backup failed/, bert).length, 0, 'nobody else is told')
    agent.kill('SIGTERM')
    assert.equal((await agent.result).code, 0)
    serving.command.kill('SIGTERM')
    assert.equal((await serving.command.result).code, 0)
    await ageMachine(store, 26 * hour)
  }
  await using serving = await serve(data, port, ...flags)
  await using store = await openStore(`${data}/control.db`)
  await lookNow(store)
  assert.equal(mail.about(/backup did not run/, anna).length, 1)
  assert.equal(mail.about(/backup did not run/, bert).length, 0)
  await ageAlerts(store, 2 * 60_000)
  await lookNow(store)
  assert.equal(mail.about(/backup did not run/, bert).length, 1, 'nobody has taken it on')
  assert.equal(mail.about(/backup failed/, bert).length, 0)
  const kinds = ((await asker(serving, token)('/api/alerts')) as { kind: string }[]).map(({ kind }) => kind)
  assert.ok(kinds.includes('machine_unseen') && kinds.includes('run_missed'))
})
