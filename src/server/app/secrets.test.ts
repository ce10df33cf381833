import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { test } from 'node:test'
import { sql } from 'kysely'
import { everyClient } from '#protocol'
import { z } from 'zod'
import { storeKinds } from '../../../test/helpers/stores.ts'
import { TestServer } from '../../../test/helpers/test-server.ts'
import { createLink } from '../people/set-up-links.ts'
import { openEndpoint } from '../repositories/own-storage.ts'
import { buildApp } from './build-app.ts'
import { route } from './route.ts'
import { routes } from '../routes/index.ts'

const canary = 'canary-4f9c-secret'

const failing = route({
  method: 'POST',
  path: '/api/test/fails',
  summary: 'For this test.',
  access: { by: 'somebody' },
  body: z.object({ password: z.string() }),
  answer: z.object({}),
  handle: () => Promise.reject(new Error('nobody foresaw this')),
})

for (const kind of storeKinds) {
  test(
    `${kind.name}: no secret that is sent to the server is in its log, its database or an answer`,
    { skip: kind.skip },
    async () => {
      await using server = await TestServer.open(kind)
      const { services } = server
      const lines: string[] = []
      const logger = { level: 'trace', stream: { write: (line: string) => void lines.push(line) } }
      const app = await buildApp([...routes, failing], services, { logger, endpoint: openEndpoint(services) })
      const answers: string[] = []
      const send = async (method: 'GET' | 'POST', url: string, headers: Record<string, string>, body?: object) => {
        const payload = body === undefined ? {} : { payload: JSON.stringify(body) }
        const type = body === undefined ? {} : { 'content-type': 'application/json' }
        const answer = await app.inject({ method, url, headers: { ...type, ...headers }, ...payload })
        answers.push(JSON.stringify([answer.payload, { ...answer.headers, 'set-cookie': '' }]))
        return answer
      }
      const { origin } = services
      const link = await createLink(services, 'owner', { grants: [{ clientId: everyClient, role: 'owner' }] })
      const [token, email, password] = [link.split('#')[1] ?? '', 'owner@example.org', `${canary}-password`]
      await send('POST', '/api/set-up', { origin }, { token, email, name: 'Owner', password })
      await send('POST', '/api/auth/sign-in/email', { origin }, { email, password: `${canary}-wrong` })
      const signedIn = await send('POST', '/api/auth/sign-in/email', { origin }, { email, password })
      const cookie = String([signedIn.headers['set-cookie']].flat()[0]).split(';')[0] ?? ''
      const session = decodeURIComponent(cookie.split('=')[1] ?? '')
      const made = await send('POST', '/api/tokens', { origin, cookie }, { name: 'x', scopes: ['see', 'administer'] })
      const apiToken = (JSON.parse(made.payload) as { token: string }).token
      // The one answer that shows it.
      answers.pop()
      const byToken = { authorization: `Bearer ${apiToken}` }
      await send('GET', `/api/machines?secret=${canary}`, byToken)
      await send('GET', `/api/nowhere?secret=${canary}`, byToken)
      await send('GET', '/api/events', { ...byToken, 'last-event-id': canary })
      await send('POST', '/api/test/fails', byToken, { password: canary })
      const channel = { id: 'm', name: 'M', kind: 'email', host: 'm.example', from: 'a@example.org', user: 'u' }
      await send('POST', '/api/alerts/channels', byToken, { ...channel, password: canary })
      await send('POST', '/api/alerts/channels', byToken, { ...channel, password: canary, port: 'x' })
      const malformed = { id: 'w', name: 'W', kind: 'webhook', url: canary, secret: canary }
      const refused = await send('POST', '/api/alerts/channels', byToken, malformed)
      assert.match(refused.payload, /secret.{1,3}: It is not written as it must be/)
      const basic = `Basic ${Buffer.from(`user:${canary}`).toString('base64')}`
      await send('GET', '/repo/one/keys/', { authorization: basic })
      await app.close()

      const secrets = [canary, token, apiToken, session, basic.slice(6)]
      assert.ok(secrets.every((secret) => secret.length > 10))
      const places = { answers, log: lines, database: await dump(server) }
      for (const [place, texts] of Object.entries(places)) {
        assert.ok(texts.length > 0, place)
        for (const secret of secrets) {
          const found = texts.find((text) => text.includes(secret))
          assert.equal(found, undefined, `${place} has "${secret}"`)
        }
      }
    },
  )
}

/** Each table as text. */
async function dump({ services: { store } }: TestServer): Promise<string[]> {
  const tables = await store.db.introspection.getTables()
  return await Promise.all(
    tables.map(async ({ name }) =>
      JSON.stringify((await sql`select * from ${sql.table(name)}`.execute(store.db)).rows),
    ),
  )
}

test('each call is one line of the log: its route, how it ended and how long it took, and nothing of what was asked', async () => {
  const lines: string[] = []
  const logger = { level: 'info', stream: { write: (line: string) => void lines.push(line) } }
  await using server = await TestServer.open(undefined, { logger })
  await server.call('GET', '/api/machines/not-an-id?secret=1')
  const { method, route: path, status, milliseconds } = JSON.parse(lines.at(-1) ?? '{}') as Record<string, unknown>
  assert.deepEqual([method, path, status, typeof milliseconds], ['GET', '/api/machines/:machine', 400, 'number'])
})

test('a server whose folder is gone is alive and not ready, and tells nobody where the folder was', async () => {
  await using server = await TestServer.open()
  const { folder } = server.services
  assert.deepEqual((await server.call('GET', '/api/health/ready')).json, { ready: true })
  await rm(folder, { recursive: true })
  const { status, json, text } = await server.call('GET', '/api/health/ready')
  assert.deepEqual([status, (json as { code: string }).code], [503, 'NOT_READY'])
  assert.ok(!text.includes(folder))
  assert.deepEqual((await server.call('GET', '/api/health/live')).json, { live: true })
})
