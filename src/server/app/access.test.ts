import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { everyClient, roleHas, roles } from '#protocol'
import { z } from 'zod'
import { freePort } from '../../../test/helpers/rest-server.ts'
import { keyOf, makeClient } from '../../../test/helpers/made-client.ts'
import type { MadeClient } from '../../../test/helpers/made-client.ts'
import { TestMachine } from '../../../test/helpers/test-machine.ts'
import { TestServer } from '../../../test/helpers/test-server.ts'
import { routes } from '../routes/index.ts'
import { pagePaths } from './pages.ts'
import { route } from './route.ts'
import type { Access, Route } from './route.ts'

/**
 * The matrix role × client × route, made from the routes themselves: a route that is added is in it, and a route that lets
 * in anybody must stand here by name.
 */

const openToAnybody = [
  'GET /api/machine-kinds',
  'GET /api/health/live',
  'GET /api/health/ready',
  'POST /api/set-up',
  'POST /api/enrol',
]

const unknown = randomUUID()

test('routes that anybody may call are these and no others, and each says why', () => {
  const found = routes.filter(({ access }) => access.by === 'anybody').map(({ method, path }) => `${method} ${path}`)
  assert.deepEqual(found.toSorted(), openToAnybody.toSorted())
})

test('every path that the app answers is a route of the table, the API’s page, signing in, or one of the few pages', async () => {
  await using server = await TestServer.open()
  const known = new Set([...routes.map(({ path }) => path as string), '/api/openapi.json', '/api/auth/*', ...pagePaths])
  const answered = pathsIn(server.app.printRoutes({ commonPrefix: false }))
  assert.ok(answered.length >= known.size - 1)
  // Of a wildcard the drawing shows no more than the star: that is the one below /api/auth.
  for (const path of answered) if (path !== '/*' && !known.has(path)) assert.fail(`${path} is in no table`)
})

test('nobody gets in without being known: no cookie, a made-up token, a machine that is none', async () => {
  await using server = await TestServer.open()
  const machine = new TestMachine()
  machine.id = unknown
  for (const one of routes.filter(({ access }) => access.by !== 'anybody')) {
    const url = urlOf(one, unknown)
    const attempts: Record<string, string>[] = [
      {},
      { authorization: 'Bearer ust_madeupmadeupmadeupmadeupmadeup' },
      { cookie: 'understudy.session_token=made.up' },
      { authorization: machine.header(one.method, url, server.clock.now()).authorization },
    ]
    for (const headers of attempts) {
      const { status, json } = await server.call(one.method, url, { headers })
      assert.deepEqual([status, (json as { code: string }).code], [401, 'SIGN_IN_NEEDED'], `${one.method} ${url}`)
    }
  }
})

for (const role of roles) {
  test(`a person who is ${role} of one client gets through where the role says so, and nowhere at another client`, async () => {
    await using server = await TestServer.open()
    const [own, other] = [await makeClient(server, 'own'), await makeClient(server, 'other')]
    const headers = await server.tokenOf(await server.person({ [own.client]: role }))
    for (const one of routes) {
      if (one.access.by !== 'person') continue
      const { right, of } = one.access
      if (of === 'each') continue
      const inOwn = await server.call(one.method, urlOf(one, idFor(own, of)), { headers })
      const mayDo = of !== 'server' && roleHas(role, right)
      assertDoor(inOwn.status, mayDo ? 'open' : 'RIGHT_MISSING', one, inOwn.json)
      if (of === 'server') continue
      const inOther = await server.call(one.method, urlOf(one, idFor(other, of)), { headers })
      assertDoor(inOther.status, 'NOT_FOUND', one, inOther.json)
    }
  })

  test(`a person who is ${role} of the whole server gets through where the role says so`, async () => {
    await using server = await TestServer.open()
    const client = await makeClient(server, 'any')
    const headers = await server.tokenOf(await server.person({ [everyClient]: role }))
    for (const one of routes) {
      if (one.access.by !== 'person' || one.access.of === 'each') continue
      const { right, of } = one.access
      const { status, json } = await server.call(one.method, urlOf(one, idFor(client, of)), { headers })
      assertDoor(status, roleHas(role, right) ? 'open' : 'RIGHT_MISSING', one, json)
    }
  })
}

test('a token has no more rights than it was given, whatever its person may', async () => {
  await using server = await TestServer.open()
  const client = await makeClient(server, 'any')
  const owner = await server.person({ [everyClient]: 'owner' })
  const headers = await server.tokenOf(owner, ['see'])
  for (const one of routes) {
    if (one.access.by !== 'person' || one.access.of === 'each') continue
    const { right, of } = one.access
    const { status, json } = await server.call(one.method, urlOf(one, idFor(client, of)), { headers })
    assertDoor(status, right === 'see' ? 'open' : 'RIGHT_MISSING', one, json)
  }
})

test('a list shows what belongs to one’s clients only', async () => {
  await using server = await TestServer.open()
  const [own, other] = [await makeClient(server, 'own'), await makeClient(server, 'other')]
  const mine = await server.tokenOf(await server.person({ [own.client]: 'auditor' }))
  const nobodys = await server.tokenOf(await server.person({}))
  for (const one of routes) {
    if (one.access.by !== 'person' || one.access.of !== 'each' || one.sends === 'events') continue
    const ask = async (headers: Readonly<Record<string, string>>) =>
      await server.call(one.method, one.path, { headers, ...(one.body && { body: {} }) })
    const { status, text } = await ask(mine)
    assert.equal(status, 200, one.path)
    for (const id of Object.values(other)) assert.ok(!text.includes(id), `${one.path} shows ${id}`)
    const { json, text: shown } = await ask(nobodys)
    if (Array.isArray(json)) assert.deepEqual(json, [], one.path)
    for (const id of [own, other].flatMap((made) => Object.values(made) as string[]))
      assert.ok(!shown.includes(id), one.path)
  }
})

test('a stream of events tells what belongs to one’s clients only', async () => {
  await using server = await TestServer.open()
  const [own, other] = [await makeClient(server, 'own'), await makeClient(server, 'other')]
  const mine = await server.tokenOf(await server.person({ [own.client]: 'auditor' }))
  const nobodys = await server.tokenOf(await server.person({}))
  await using listening = await server.listen(await freePort())
  const streams = routes.filter(({ sends }) => sends === 'events')
  assert.deepEqual(
    streams.map(({ path, access }) => [path, access]),
    [['/api/events', { by: 'person', right: 'see', of: 'each' }]],
  )
  for (const { path } of streams) {
    const [read, nothing] = [await listening.watch(path, mine), await listening.watch(path, nobodys)]
    await using streamsOpen = new AsyncDisposableStack()
    streamsOpen.use(read)
    streamsOpen.use(nothing)
    for (const { client: clientId, machine: machineId } of [other, own]) {
      const order = { clientId, machineId, kind: 'backup', order: {}, requestedBy: 'schedule' }
      await server.services.operations.create(order)
    }
    await read.until(own.client)
    assert.ok(!read.text.includes(other.client), read.text)
    assert.ok(!nothing.text.includes('data:'), nothing.text)
  }
})

test('a machine that was approved gets in with its signature, once for each, and only while its clock is near the server’s', async () => {
  const hello = route({
    method: 'POST',
    path: '/api/test/hello',
    summary: 'For this test.',
    access: { by: 'machine' },
    body: z.object({ words: z.string() }),
    answer: z.object({ machineId: z.string() }),
    handle: ({ caller }) => Promise.resolve({ machineId: caller.machineId }),
  })
  await using server = await TestServer.open(undefined, { more: [hello] })
  const { machine } = await makeClient(server, 'own')
  const body = { words: 'hello' }
  const text = JSON.stringify(body)
  const now = server.clock.now()
  const call = async (headers: Record<string, string>, sent: unknown = body) =>
    (await server.call('POST', '/api/test/hello', { headers, body: sent })).status
  const key = keyOf(machine)
  const { authorization } = key.header('POST', '/api/test/hello', now, text)
  assert.equal(await call({ authorization }), 200)
  assert.equal(await call({ authorization }), 401, 'a second time')
  const late = key.header('POST', '/api/test/hello', now - 6 * 60_000, text)
  assert.equal(await call({ authorization: late.authorization }), 401, 'too old')
  const other = key.header('POST', '/api/test/hello', now, text)
  assert.equal(await call({ authorization: other.authorization }, { words: 'hullo' }), 401, 'another body')
  const elsewhere = key.header('POST', '/api/test/hullo', now, text)
  assert.equal(await call({ authorization: elsewhere.authorization }), 401, 'another path')
  await server.services.store.db.updateTable('machines').set({ state: 'revoked' }).where('id', '=', machine).execute()
  const revoked = key.header('POST', '/api/test/hello', now, text)
  assert.equal(await call({ authorization: revoked.authorization }), 401, 'revoked')
})

test('a machine’s signature opens nothing that is for people', async () => {
  await using server = await TestServer.open()
  const own = await makeClient(server, 'own')
  const key = keyOf(own.machine)
  for (const one of routes) {
    if (one.access.by !== 'person' && one.access.by !== 'somebody') continue
    const isAboutThing = one.access.by === 'person' && one.access.of !== 'each'
    const url = urlOf(one, isAboutThing ? idFor(own, one.access.of) : unknown)
    const { authorization } = key.header(one.method, url, server.clock.now())
    assert.equal((await server.call(one.method, url, { headers: { authorization } })).status, 401, url)
  }
})

/** The paths of Fastify’s drawing of its tree of routes. */
function pathsIn(drawing: string): string[] {
  const parents: string[] = []
  return drawing.split('\n').flatMap((line) => {
    const [, indent = '', part = '', methods] = /^([│ ]*)[├└]── (\S+)( \(.*\))?$/.exec(line) ?? []
    if (part === '') return []
    const depth = indent.length / 4
    parents[depth] = (depth > 0 ? (parents[depth - 1] ?? '') : '') + part
    return methods === undefined ? [] : [parents[depth]]
  })
}

function idFor(made: MadeClient, of: Extract<Access, { by: 'person' }>['of']): string {
  if (of !== 'server' && of !== 'each' && of !== 'evidence') return made[of]
  if (of === 'server') return unknown
  throw new Error(`the matrix knows no ${of}: make one in makeClient`)
}

function urlOf({ path }: Route, id: string): string {
  return path.replaceAll(/:[A-Za-z]+/g, id)
}

/** 'open': the door is passed; what happens behind it is not the matrix's concern. */
function assertDoor(status: number, expected: 'open' | 'RIGHT_MISSING' | 'NOT_FOUND', one: Route, json: unknown): void {
  const { code } = (json ?? {}) as { code?: string }
  // Behind the door it asks for the password: the matrix comes with tokens.
  if (one.bySession && expected === 'open') return assert.equal(code, 'SIGN_IN_NEEDED', one.path)
  const about = `${one.method} ${one.path}: ${status} ${code ?? ''}`
  if (expected === 'open') assert.ok(code !== 'RIGHT_MISSING' && code !== 'SIGN_IN_NEEDED' && status !== 500, about)
  else assert.equal(code, expected, about)
}
