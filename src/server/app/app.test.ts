import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { everyClient } from '#protocol'
import { TestServer } from '../../../test/helpers/test-server.ts'
import { route } from './route.ts'

const password = 'correct horse battery'

test('a page of another origin cannot act with somebody’s session, and gets to read nothing', async () => {
  await using server = await TestServer.open()
  const headers = await server.tokenOf(await server.person({ [everyClient]: 'owner' }))
  for (const from of [{ origin: 'https://evil.example' }, { origin: 'null' }, { 'sec-fetch-site': 'cross-site' }]) {
    const { status, json } = await server.call('POST', '/api/clients', {
      headers: { ...headers, ...from },
      body: { name: 'x' },
    })
    assert.deepEqual([status, (json as { code: string }).code], [403, 'ORIGIN_REFUSED'])
  }
  const answer = await server.app.inject({ url: '/api/me', headers: { ...headers, origin: 'https://evil.example' } })
  assert.equal(answer.headers['access-control-allow-origin'], undefined)
  assert.deepEqual((await server.call('GET', '/api/clients', { headers })).json, [])
})

test('a session cookie is for this server only: no script reads it, no other page sends it', async () => {
  await using server = await TestServer.open()
  const cookie = await signIn(server)
  assert.match(cookie.header, /HttpOnly/i)
  assert.match(cookie.header, /SameSite=Strict/i)
  assert.equal((await server.call('GET', '/api/me', { headers: { cookie: cookie.value } })).status, 200)
})

test('every answer forbids foreign scripts, frames and guessing of types, and is kept in no cache', async () => {
  await using server = await TestServer.open()
  for (const url of ['/api/health/live', '/api/me', '/api/nowhere', '/api/openapi.json']) {
    const { headers } = await server.app.inject({ url })
    const policy = String(headers['content-security-policy'])
    assert.match(policy, /default-src 'self'/)
    assert.match(policy, /object-src 'none'/)
    assert.match(policy, /frame-ancestors 'none'/)
    assert.doesNotMatch(policy, /unsafe/)
    assert.equal(headers['x-content-type-options'], 'nosniff')
    assert.equal(headers['cache-control'], 'no-store')
    assert.ok(Number(headers['understudy-time']) > 0)
  }
})

test('what is no JSON, too large, of another type, or not as the schema says gets one sentence with a code', async () => {
  await using server = await TestServer.open()
  const headers = await server.tokenOf(await server.person({ [everyClient]: 'owner' }))
  const send = async (payload: string, type = 'application/json') => {
    const about = {
      method: 'POST',
      url: '/api/clients',
      payload,
      headers: { ...headers, 'content-type': type },
    } as const
    const { statusCode, payload: answer } = await server.app.inject(about)
    assert.equal(statusCode, 400, answer)
    const { code, message } = JSON.parse(answer) as { code: string; message: string }
    assert.equal(code, 'INPUT_INVALID')
    return message
  }
  await send('{"name": ')
  await send('{"name":"x","__proto__":{"admin":true}}')
  await send(JSON.stringify({ name: 'x'.repeat(2 << 20) }))
  await send('<name>x</name>', 'application/xml')
  await send(Buffer.from([0x22, 0xff, 0x22]).toString('latin1'), 'application/json; charset=latin1')
  assert.match(await send('{}'), /"name": It is missing/)
  assert.match(await send('{"name":""}'), /"name": It must be at least/)
})

test('an error that nobody foresaw is told to the log, and only its number to who asked', async () => {
  const lines: string[] = []
  const failing = route({
    method: 'GET',
    path: '/api/test/fails',
    summary: 'For this test.',
    access: { by: 'somebody' },
    answer: z.object({}),
    handle: () => Promise.reject(new Error('canary in the cause')),
  })
  const logger = { level: 'error', stream: { write: (line: string) => void lines.push(line) } }
  await using server = await TestServer.open(undefined, { more: [failing], logger })
  const headers = await server.tokenOf(await server.person({}))
  const { status, text } = await server.call('GET', '/api/test/fails', { headers })
  assert.equal(status, 500)
  assert.ok(!text.includes('canary'))
  assert.ok(lines.some((line) => line.includes('canary')))
})

test('an answer holds what is declared and nothing more', async () => {
  const leaky = route({
    method: 'GET',
    path: '/api/test/leaks',
    summary: 'For this test.',
    access: { by: 'somebody' },
    answer: z.object({ name: z.string() }),
    handle: () => Promise.resolve({ name: 'a', hash: 'canary' } as { name: string }),
  })
  await using server = await TestServer.open(undefined, { more: [leaky] })
  const headers = await server.tokenOf(await server.person({}))
  assert.deepEqual((await server.call('GET', '/api/test/leaks', { headers })).json, { name: 'a' })
})

test('guessing a password is slowed down for each address and each account, and locks nobody out', async () => {
  await using server = await TestServer.open()
  await signIn(server) // from the owner's usual address
  const guess = async (remoteAddress: string, email: string, words: string) =>
    (await post(server, '/api/auth/sign-in/email', { email, password: words }, remoteAddress)).statusCode
  const email = 'person1@example.org'
  const answers: number[] = []
  for (let i = 0; i < 12; i++) answers.push(await guess(`192.0.2.${i}`, email, 'wrong wrong wrong'))
  assert.deepEqual([answers[0], answers.at(-1)], [401, 429], 'the account, from many addresses')
  assert.equal(await guess('192.0.2.99', email, password), 429)
  assert.equal(await guess('127.0.0.1', email, password), 200, 'an address from which the owner has signed in')
  const others: number[] = []
  for (let i = 0; i < 22; i++) others.push(await guess('198.51.100.1', `nobody${i}@example.org`, 'wrong wrong wrong'))
  assert.equal(others.at(-1), 429, 'one address, many accounts')
  server.clock.pass(16 * 60_000)
  assert.equal(await guess('192.0.2.99', email, password), 200, 'later')
})

test('guessing at links and enrolment lines is slowed down for each address, and hinders no other', async () => {
  await using server = await TestServer.open()
  const guess = async (remoteAddress: string) => {
    const body = { token: 'madeupmadeupmadeupmadeup', email: 'eve@example.org', name: 'Eve', password }
    return (await post(server, '/api/set-up', body, remoteAddress)).statusCode
  }
  const answers: number[] = []
  for (let i = 0; i < 21; i++) answers.push(await guess('198.51.100.1'))
  assert.deepEqual([answers[0], answers[19], answers[20]], [400, 400, 429])
  assert.equal(await guess('192.0.2.1'), 400)
  server.clock.pass(16 * 60_000)
  assert.equal(await guess('198.51.100.1'), 400)
})

test('the API’s page describes every call, and none takes what it does not describe', async () => {
  await using server = await TestServer.open()
  const { json } = await server.call('GET', '/api/openapi.json')
  const { paths } = json as { paths: Record<string, Record<string, { summary: string; responses: object }>> }
  for (const calls of Object.values(paths)) {
    for (const { summary, responses } of Object.values(calls)) {
      assert.match(summary, /^[A-Z].*\.$/)
      assert.deepEqual(Object.keys(responses), ['200', 'default'])
    }
  }
  assert.ok(paths['/api/machines/{machine}'])
})

async function signIn(server: TestServer): Promise<{ readonly header: string; readonly value: string }> {
  await server.person({ [everyClient]: 'owner' })
  const answer = await post(server, '/api/auth/sign-in/email', { email: 'person1@example.org', password })
  assert.equal(answer.statusCode, 200)
  const header = String([answer.headers['set-cookie']].flat()[0])
  return { header, value: header.split(';')[0] as string }
}

async function post(server: TestServer, url: string, body: object, remoteAddress = '127.0.0.1') {
  const headers = { 'content-type': 'application/json', origin: server.services.origin }
  return await server.app.inject({ method: 'POST', url, headers, payload: JSON.stringify(body), remoteAddress })
}
