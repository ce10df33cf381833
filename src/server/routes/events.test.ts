import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { everyClient } from '#protocol'
import { freePort } from '../../../test/helpers/rest-server.ts'
import { Stream } from '../../../test/helpers/stream.ts'
import { TestServer } from '../../../test/helpers/test-server.ts'
import { until } from '../../../test/helpers/until.ts'
import { buildApp } from '../app/build-app.ts'
import { Admissions } from '../events/admissions.ts'
import { EventFeed } from '../events/event-feed.ts'
import { noteEvents } from '../events/note-events.ts'
import { routes } from './index.ts'

/** A server at a port, whose streams look often. */
class StreamingServer implements AsyncDisposable {
  readonly server: TestServer
  readonly url: string
  readonly #app: Awaited<ReturnType<typeof buildApp>>

  private constructor(server: TestServer, url: string, app: Awaited<ReturnType<typeof buildApp>>) {
    this.server = server
    this.url = url
    this.#app = app
  }

  static async open(): Promise<StreamingServer> {
    const server = await TestServer.open()
    const { db } = server.services.store
    const feed = new EventFeed(db, server.clock, { rhythm: 5 })
    const admissions = new Admissions(db, server.clock, { rhythm: 10 })
    const app = await buildApp(routes, { ...server.services, feed, admissions })
    const port = await freePort()
    await app.listen({ host: '127.0.0.1', port })
    return new StreamingServer(server, `http://127.0.0.1:${port}/api/events`, app)
  }

  async tell(subject: string, clientId: string | null = null): Promise<void> {
    const { services, clock } = this.server
    await noteEvents(services.store.db, [{ kind: 'machine', subject, clientId }], clock)
  }

  /** Ends as a server does that stops: with its streams, by itself. */
  async close(): Promise<void> {
    await this.#app.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
    await this.server[Symbol.asyncDispose]()
  }
}

test('who reads the stream again says what was read last, and hears what came after it', async () => {
  await using streaming = await StreamingServer.open()
  const { server, url } = streaming
  const headers = await server.tokenOf(await server.person({ [everyClient]: 'auditor' }))
  let last: number | undefined
  {
    await using stream = await Stream.open(url, headers)
    await streaming.tell('first')
    await until(() => stream.events.length === 1)
    last = stream.events[0]?.id
  }
  await streaming.tell('meanwhile')
  await using stream = await Stream.open(url, { ...headers, 'last-event-id': String(last) })
  await until(() => stream.events.length === 1)
  assert.equal(stream.events[0]?.subject, 'meanwhile')
  const wrong = await fetch(url, { headers: { ...headers, 'last-event-id': 'x' } })
  assert.deepEqual([wrong.status, ((await wrong.json()) as { code: string }).code], [400, 'INPUT_INVALID'])
})

test('a stream ends when the token or the session that opened it is taken back', async () => {
  await using streaming = await StreamingServer.open()
  const { server, url } = streaming
  const person = await server.person({ [everyClient]: 'owner' })
  const { db } = server.services.store
  const body = { email: 'person1@example.org', password: 'correct horse battery' }
  const signedIn = await server.app.inject({
    method: 'POST',
    url: '/api/auth/sign-in/email',
    headers: { origin: server.services.origin },
    payload: body,
  })
  const cookie = String([signedIn.headers['set-cookie']].flat()[0]).split(';')[0] ?? ''
  await using byToken = await Stream.open(url, await server.tokenOf(person))
  await using bySession = await Stream.open(url, { cookie })
  await db.deleteFrom('apiTokens').execute()
  await until(() => byToken.isOver)
  assert.equal(bySession.isOver, false)
  const out = { origin: server.services.origin, cookie }
  assert.equal((await server.call('POST', '/api/auth/sign-out', { headers: out, body: {} })).status, 200)
  await until(() => bySession.isOver)
})

test('a token that expires ends its streams', async () => {
  await using streaming = await StreamingServer.open()
  const { server, url } = streaming
  const headers = await server.tokenOf(await server.person({ [everyClient]: 'owner' }))
  await server.services.store.db
    .updateTable('apiTokens')
    .set({ expiresAt: server.clock.now() + 1_000 })
    .execute()
  await using stream = await Stream.open(url, headers)
  server.clock.pass(1_001)
  await until(() => stream.isOver)
})

test('a role that is taken away while somebody watches is a role that shows nothing more', async () => {
  await using streaming = await StreamingServer.open()
  const { server, url } = streaming
  const clients = [randomUUID(), randomUUID()] as const
  const person = await server.person({ [clients[0]]: 'auditor', [clients[1]]: 'auditor' })
  await using stream = await Stream.open(url, await server.tokenOf(person))
  await streaming.tell('seen', clients[0])
  await until(() => stream.events.length === 1)
  await server.services.store.db.deleteFrom('roleGrants').where('clientId', '=', clients[0]).execute()
  let told = 0
  // Told again and again until it is no longer shown: how soon that is, is not promised to the moment.
  await until(() => {
    void streaming.tell(`a${told++}`, clients[0])
    void streaming.tell(`b${told}`, clients[1])
    const [lastA, lastB] = ['a', 'b'].map((mark) => stream.events.findLast(({ subject }) => subject?.startsWith(mark)))
    return (lastB?.id ?? 0) > (lastA?.id ?? 0) + 20
  })
})

test('one person has so many streams and no more; others have theirs, and those that end make room', async () => {
  await using streaming = await StreamingServer.open()
  const { server, url } = streaming
  const headers = await server.tokenOf(await server.person({ [everyClient]: 'owner' }))
  const others = await server.tokenOf(await server.person({ [everyClient]: 'owner' }))
  await using streams = new AsyncDisposableStack()
  const first = await Stream.open(url, headers)
  for (let count = 1; count < 32; count++) streams.use(await Stream.open(url, headers))
  const refused = await fetch(url, { headers })
  assert.deepEqual([refused.status, ((await refused.json()) as { code: string }).code], [429, 'TOO_MANY_STREAMS'])
  streams.use(await Stream.open(url, others))
  await first[Symbol.asyncDispose]()
  let answer = await fetch(url, { headers })
  for (let tries = 0; answer.status === 429 && tries < 100; tries++) answer = await fetch(url, { headers })
  assert.equal(answer.status, 200)
  await answer.body?.cancel()
})

test('a server that stops ends its streams, and waits for nobody', async () => {
  await using streaming = await StreamingServer.open()
  const headers = await streaming.server.tokenOf(await streaming.server.person({ [everyClient]: 'owner' }))
  await using stream = await Stream.open(streaming.url, headers)
  await streaming.close()
  await until(() => stream.isOver)
})

test('machines, policies and operations tell what changes of them', async () => {
  await using streaming = await StreamingServer.open()
  const { server, url } = streaming
  const headers = await server.tokenOf(await server.person({ [everyClient]: 'owner' }))
  await using stream = await Stream.open(url, headers)
  const made = await server.call('POST', '/api/clients', { headers, body: { name: 'Bakery' } })
  const policy = {
    name: 'Files',
    what: { include: ['/srv'] },
    when: { kind: 'daily', at: ['03:00'], timeZone: 'UTC' },
    keep: { daily: 7 },
    to: { repository: 'own' },
  }
  const path = `/api/clients/${(made.json as { id: string }).id}/policies`
  const { json } = await server.call('POST', path, { headers, body: policy })
  const { id } = json as { id: string }
  await until(() => stream.events.some(({ kind, subject }) => kind === 'policy' && subject === id))
  assert.equal((await server.call('DELETE', `/api/policies/${id}`, { headers })).status, 200)
  await until(() => stream.events.filter(({ subject }) => subject === id).length === 2)
})
