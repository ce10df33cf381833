import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { everyClient } from '#protocol'
import { storeKinds } from '../../../test/helpers/stores.ts'
import { TestServer } from '../../../test/helpers/test-server.ts'
import { emptyAlertState } from '../alerts/index.ts'
import { condition } from '../alerts/testing.ts'
import { Alerting } from '../alerting/alerting.ts'

const minute = 60_000

interface Alert {
  readonly key: string
  readonly acknowledged: { readonly by: string } | null
  readonly muted: object | null
}

class Desk implements AsyncDisposable {
  readonly server: TestServer
  readonly headers: Readonly<Record<string, string>>

  private constructor(server: TestServer, headers: Readonly<Record<string, string>>) {
    this.server = server
    this.headers = headers
  }

  static async open(kind = storeKinds[0]): Promise<Desk> {
    const server = await TestServer.open(kind)
    return new Desk(server, await server.tokenOf(await server.person({ [everyClient]: 'owner' })))
  }

  async ask(method: string, path: string, body?: unknown, headers = this.headers) {
    const { status, json, text } = await this.server.call(method, path, { headers, body })
    return { status, text, json: json as never, code: (json as { code?: string } | undefined)?.code }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]()
  }
}

/** A failed backup of one machine of each client, and a trouble of the server itself. */
async function withAlerts({ server }: Desk, clients: readonly string[]): Promise<readonly string[]> {
  const found = [
    ...clients.map((id) => condition('run_failed', { name: `till-${id}`, client: { id, name: 'Bakery' } })),
    condition('outside_watch_missing', { type: 'server', client: null, name: 'server' }),
  ]
  const answers = { gone: null, acknowledged: null, muted: null, step: null, stepSince: null, told: {} }
  const open = Object.fromEntries(found.map((one) => [one.key, { condition: one, ...answers }]))
  const { store } = server.services.alerting
  await store.save({ state: { ...emptyAlertState(), open } }, { revision: (await store.load()).revision })
  return found.map(({ key }) => key)
}

const canary = 'canary-8c1f2d'
const secretOfWebhook = `whsec_${Buffer.from(`${canary}-and-twenty-four-bytes`).toString('base64')}`
const channels = [
  {
    id: 'mail',
    name: 'Mail',
    kind: 'email',
    host: 'mail.example.com',
    from: 'b@example.com',
    user: 'backup',
    password: canary,
  },
  { id: 'hook', name: 'Hook', kind: 'webhook', url: `https://h.example/${canary}`, secret: secretOfWebhook },
  { id: 'slack', name: 'Slack', kind: 'slack', url: `https://hooks.slack.example/${canary}` },
  { id: 'teams', name: 'Teams', kind: 'teams', url: `https://teams.example/${canary}?sig=${canary}` },
  { id: 'ntfy', name: 'ntfy', kind: 'ntfy', url: 'https://ntfy.example', topic: canary, token: canary },
]

for (const kind of storeKinds) {
  test(
    `${kind.name}: what is secret of a channel is shown to nobody, and lies in no table`,
    { skip: kind.skip },
    async () => {
      await using desk = await Desk.open(kind)
      const shown: string[] = []
      for (const channel of channels) {
        const made = await desk.ask('POST', '/api/alerts/channels', channel)
        assert.equal(made.status, 200, made.text)
        shown.push(made.text)
        const changed = await desk.ask('PATCH', `/api/alerts/channels/${channel.id}`, { name: 'Another' })
        assert.equal(changed.status, 200, changed.text)
        shown.push(changed.text)
      }
      const watch = { url: `https://watch.example/${canary}` }
      shown.push((await desk.ask('PUT', '/api/alerts/outside-watch', watch)).text)
      for (const path of ['channels', 'outside-watch', 'times', 'people', 'deliveries']) {
        shown.push((await desk.ask('GET', `/api/alerts/${path}`)).text)
      }
      shown.push((await desk.ask('GET', '/api/audit')).text)
      for (const text of shown) assert.ok(!text.includes(canary) && !text.includes(secretOfWebhook), text)
      const { db } = desk.server.services.store
      for (const table of ['alertDocuments', 'audit', 'events', 'settings'] as const) {
        const dump = JSON.stringify(await db.selectFrom(table).selectAll().execute())
        assert.ok(!dump.includes(canary) && !dump.includes(secretOfWebhook), table)
      }
      const settings = await desk.server.services.alerting.settings.load()
      assert.deepEqual(
        settings.channels.map(({ name }) => name),
        channels.map(() => 'Another'),
      )
      assert.ok(
        settings.channels.every((channel) => JSON.stringify(channel).includes(canary) || channel.kind === 'webhook'),
      )
    },
  )
}

test('a secret that stays is not sent to another server than the one that it was for', async () => {
  await using desk = await Desk.open()
  for (const channel of channels) await desk.ask('POST', '/api/alerts/channels', channel)
  const moved = await desk.ask('PATCH', '/api/alerts/channels/mail', { host: 'evil.example' })
  assert.equal(moved.status, 200, moved.text)
  assert.equal((moved.json as { password: boolean }).password, false)
  assert.equal(
    (await desk.ask('PATCH', '/api/alerts/channels/ntfy', { url: 'https://evil.example' })).code,
    'INPUT_INVALID',
  )
  const both = { url: 'https://evil.example', topic: 'other' }
  const other = await desk.ask('PATCH', '/api/alerts/channels/ntfy', both)
  assert.equal((other.json as { token: boolean }).token, false)
  const { channels: stored } = await desk.server.services.alerting.settings.load()
  const named = stored.filter(({ id }) => id === 'mail' || id === 'ntfy')
  assert.ok(!JSON.stringify(named).includes(canary))
})

test('what does not fit together is refused with a sentence, and nothing of it is kept', async () => {
  await using desk = await Desk.open()
  await desk.ask('POST', '/api/alerts/channels', channels[0])
  const anna = { name: 'Anna', ways: [{ channel: 'mail', address: 'anna@example.org' }] }
  assert.equal((await desk.ask('PUT', '/api/alerts/people/anna', anna)).status, 200)
  const noAddress = await desk.ask('PUT', '/api/alerts/people/bert', { name: 'Bert', ways: [{ channel: 'mail' }] })
  assert.match(noAddress.text, /email needs the address of the person/)
  const nowhere = { name: 'Bert', ways: [{ channel: 'pigeon' }] }
  assert.match((await desk.ask('PUT', '/api/alerts/people/bert', nowhere)).text, /there is no such channel/)
  const unknown = { ...anna, clients: [randomUUID()] }
  assert.equal((await desk.ask('PUT', '/api/alerts/people/bert', unknown)).code, 'NOT_FOUND')
  assert.equal((await desk.ask('POST', '/api/alerts/channels', channels[0])).code, 'NAME_TAKEN')
  const used = await desk.ask('DELETE', '/api/alerts/channels/mail')
  assert.deepEqual([used.code, used.text.includes('Anna')], ['STATE_WRONG', true])
  const { people } = await desk.server.services.alerting.settings.load()
  assert.deepEqual(
    people.map(({ id }) => id),
    ['anna'],
  )
  assert.equal((await desk.ask('DELETE', '/api/alerts/people/anna')).status, 200)
  assert.equal((await desk.ask('DELETE', '/api/alerts/channels/mail')).status, 200)
})

test('quiet hours, digest, order and times are kept as they were sent', async () => {
  await using desk = await Desk.open()
  await desk.ask('POST', '/api/alerts/channels', channels[2])
  const person = {
    name: 'Anna',
    language: 'de',
    timeZone: 'Europe/Berlin',
    clients: 'all',
    step: 2,
    ways: [{ channel: 'slack', atLeast: 'critical' }],
    quietHours: { from: '22:00', to: '06:00' },
    digest: { every: 'week', weekday: 1, hour: 8 },
  }
  await desk.ask('PUT', '/api/alerts/people/anna', person)
  assert.deepEqual((await desk.ask('GET', '/api/alerts/people')).json, [{ id: 'anna', ...person }])
  const times = { escalateAfterMinutes: 15, unseenMinutes: { laptop: 30_000 } }
  const set = await desk.ask('PUT', '/api/alerts/times', times)
  assert.deepEqual(set.json, (await desk.ask('GET', '/api/alerts/times')).json)
  const { escalateAfterMinutes, unseenMinutes, gatherMinutes } = set.json as Record<string, unknown>
  assert.deepEqual([escalateAfterMinutes, unseenMinutes, gatherMinutes], [15, { laptop: 30_000 }, 5])
})

test('alerts are seen and answered by those whose client it is; those of the server by its own people', async () => {
  await using desk = await Desk.open()
  const { server } = desk
  const made = ['own', 'other'].map(async (name) => {
    const { json } = await desk.ask('POST', '/api/clients', { name })
    return (json as { id: string }).id
  })
  const [own = '', other = ''] = await Promise.all(made)
  const [ownKey = '', otherKey = '', serverKey = ''] = await withAlerts(desk, [own, other])
  const operator = await server.tokenOf(await server.person({ [own]: 'operator' }))
  const keysSeen = async (headers = desk.headers) => {
    const { json } = await desk.ask('GET', '/api/alerts', undefined, headers)
    return (json as Alert[]).map(({ key }) => key)
  }
  assert.deepEqual(await keysSeen(operator), [ownKey])
  assert.deepEqual(new Set(await keysSeen()), new Set([ownKey, otherKey, serverKey]))

  const path = `/api/clients/${own}/alerts/acknowledge`
  const foreign = await desk.ask('POST', path, { keys: [otherKey, serverKey] }, operator)
  assert.equal(foreign.code, 'NOT_FOUND')
  assert.equal((await desk.ask('POST', path, { keys: [ownKey, otherKey] }, operator)).status, 200)
  const until = new Date(server.clock.now() + 60 * minute).toISOString()
  assert.equal((await desk.ask('POST', '/api/alerts/mute', { keys: [serverKey], until })).status, 200)
  const alerts = (await desk.ask('GET', '/api/alerts')).json as Alert[]
  const answeredKeys = (isAnswered: (alert: Alert) => boolean) => alerts.filter(isAnswered).map(({ key }) => key)
  assert.deepEqual(
    answeredKeys(({ acknowledged }) => acknowledged !== null),
    [ownKey],
  )
  assert.deepEqual(
    answeredKeys(({ muted }) => muted !== null),
    [serverKey],
  )
  server.clock.pass(61 * minute)
  const later = (await desk.ask('GET', '/api/alerts')).json as Alert[]
  assert.ok(later.every(({ muted }) => muted === null))
  assert.equal((await desk.ask('GET', '/api/alerts?timeZone=Nowhere')).code, 'INPUT_INVALID')
  const german = await desk.ask('GET', '/api/alerts?language=de&timeZone=Europe/Berlin')
  assert.match(german.text, /fehlgeschlagen/)
  const forEver = { keys: [serverKey], until: new Date(server.clock.now() + 90 * 86_400_000).toISOString() }
  assert.equal((await desk.ask('POST', '/api/alerts/mute', forEver)).code, 'INPUT_INVALID')
  const entries = (await desk.ask('GET', '/api/audit')).json as { what: string; clientId: string | null }[]
  const answered = entries.filter(({ what }) => what.startsWith('alert.'))
  assert.deepEqual(
    answered.map(({ what, clientId }) => [what, clientId]),
    [
      ['alert.acknowledge', own],
      ['alert.mute', null],
    ],
  )
})

test('a machine is away until a day within a year, and then is expected again', async () => {
  await using desk = await Desk.open()
  const { services, clock } = desk.server
  const { json } = await desk.ask('POST', '/api/clients', { name: 'Bakery' })
  const clientId = (json as { id: string }).id
  const id = randomUUID()
  const about = { id, clientId, name: 'laptop', kind: 'laptop', publicKey: null, state: 'approved', about: '{}' }
  const nothing = { lastSeenAt: null, awayUntil: null, clockAheadMs: null, discovery: null }
  await services.store.db
    .insertInto('machines')
    .values({ ...about, ...nothing, createdAt: clock.now() })
    .execute()
  const until = new Date(clock.now() + 86_400_000).toISOString()
  const set = await desk.ask('PUT', `/api/machines/${id}/away`, { until })
  assert.equal((set.json as { awayUntil: string }).awayUntil, until)
  const tooFar = new Date(clock.now() + 400 * 86_400_000).toISOString()
  assert.equal((await desk.ask('PUT', `/api/machines/${id}/away`, { until: tooFar })).code, 'INPUT_INVALID')
  const back = await desk.ask('PUT', `/api/machines/${id}/away`, { until: null })
  assert.equal((back.json as { awayUntil: string | null }).awayUntil, null)
})

test('a channel is tried at once: what the other side said is answered, and a private network only where it is allowed', async () => {
  await using desk = await Desk.open()
  const { services } = desk.server
  const calls: string[] = []
  const receiver = createServer((request, response) => {
    calls.push(request.url ?? '')
    response.writeHead(request.url === '/full' ? 507 : 200).end('taken')
  })
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
  await using _ = { [Symbol.asyncDispose]: async () => void receiver.close() }
  const { port } = receiver.address() as AddressInfo
  for (const id of ['good', 'full']) {
    const channel = { id, name: id, kind: 'slack', url: `http://127.0.0.1:${port}/${id}` }
    assert.equal((await desk.ask('POST', '/api/alerts/channels', channel)).status, 200)
  }
  const refused = await desk.ask('POST', '/api/alerts/channels/good/test', {})
  assert.equal((refused.json as { code: string }).code, 'ALERT_ADDRESS_REFUSED')
  assert.deepEqual(calls, [])
  const { store, sealer, clock, origin } = services
  Object.assign(services, { alerting: new Alerting(store, sealer, { clock, origin, networks: ['127.0.0.1'] }) })
  const good = await desk.ask('POST', '/api/alerts/channels/good/test', {})
  assert.deepEqual(good.json, { delivered: true, words: '200, taken', code: null, hint: null })
  const full = await desk.ask('POST', '/api/alerts/channels/full/test', {})
  assert.equal((full.json as { code: string }).code, 'ALERT_BUSY')
  assert.equal((await desk.ask('POST', '/api/alerts/channels/none/test', {})).code, 'NOT_FOUND')
  await desk.ask('PUT', '/api/alerts/outside-watch', { url: `http://127.0.0.1:${port}/watch` })
  assert.equal(
    ((await desk.ask('POST', '/api/alerts/outside-watch/test')).json as { delivered: boolean }).delivered,
    true,
  )
  assert.deepEqual(calls, ['/good', '/full', '/watch'])
})
