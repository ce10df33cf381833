import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { test } from 'node:test'
import { missing } from '../../test/helpers/peers.ts'
import { startRestServer } from '../../test/helpers/rest-server.ts'
import { type Misbehaviour, ScriptedRestServer } from '../../test/helpers/scripted-rest-server.ts'
import type { Backend } from './backend.ts'
import { fileOf, listAll, rejectsWith } from './conformance.ts'
import { parseRetryAfter } from './http-errors.ts'
import { openBackend } from './open.ts'
import { RestBackend } from './rest.ts'
import { type Retry, RetryBackend } from './retry.ts'
import { WatchdogBackend } from './watchdog.ts'

const bytes = randomBytes(600_000)
const pack = fileOf('pack', bytes)
const limit = { timeout: 20_000 }

for (const status of [500, 502, 503, 429]) {
  test(`status ${status} is retried until it passes, and the file is stored once`, limit, async () => {
    await using server = await ScriptedRestServer.start()
    server.misbehave = times(2, (_request, response) => void response.writeHead(status).end())
    const retries: Retry[] = []
    await using backend = retrying(server, retries)
    await backend.write(pack, bytes)
    assert.deepEqual(
      retries.map(({ error }) => error.code),
      ['STORAGE_FAILED', 'STORAGE_FAILED'],
    )
    assert.match(retries[0]?.error.message ?? '', new RegExp(`HTTP status ${status}`))
    assert.deepEqual(server.files.get(`/data/${pack.name}`), bytes)
    assert.equal(server.files.size, 1)
  })
}

test('a server that always fails ends the call with its status', limit, async () => {
  await using server = await ScriptedRestServer.start()
  server.misbehave = (_request, response) => void response.writeHead(500).end()
  await using backend = new RetryBackend(direct(server), { first: 1, limit: 20 })
  assert.match((await rejectsWith('STORAGE_FAILED', backend.write(pack, bytes))).message, /HTTP status 500/)
})

test('Retry-After is taken along, in seconds and as a date', limit, async () => {
  await using server = await ScriptedRestServer.start()
  server.misbehave = (_request, response) => void response.writeHead(503, { 'Retry-After': '7' }).end()
  await using backend = direct(server)
  const error = await rejectsWith('STORAGE_FAILED', backend.read(pack))
  assert.equal(error.details.retryAfter, 7000)
  const now = Date.UTC(2026, 0, 1)
  assert.equal(parseRetryAfter('Thu, 01 Jan 2026 00:00:30 GMT', now), 30_000)
  assert.equal(parseRetryAfter('Wed, 31 Dec 2025 00:00:30 GMT', now), 0)
  assert.equal(parseRetryAfter('soon', now), undefined)
})

for (const [status, code] of [
  [401, 'ACCESS_DENIED'],
  [403, 'ACCESS_DENIED'],
  [507, 'STORAGE_FULL'],
  [413, 'STORAGE_FULL'],
  [404, 'STORAGE_FAILED'],
  [405, 'STORAGE_FAILED'],
] as const) {
  test(`status ${status} for an upload is lasting: ${code}`, limit, async () => {
    await using server = await ScriptedRestServer.start()
    server.misbehave = (request, response) => void (request.method === 'POST' && response.writeHead(status).end())
    await using backend = direct(server)
    assert.equal((await rejectsWith(code, backend.write(pack, bytes))).transient, false)
  })
}

test('a refused upload is not sent at all', limit, async () => {
  await using server = await ScriptedRestServer.start()
  let received = 0
  server.misbehaveEarly = (request, response) => {
    request.on('data', (chunk: Buffer) => (received += chunk.length))
    if (request.method === 'POST') response.writeHead(507).end()
    return request.method === 'POST'
  }
  await using backend = direct(server)
  await rejectsWith('STORAGE_FULL', backend.write(pack, bytes))
  assert.equal(received, 0)
})

test(
  'a server that says "stored" and stores nothing, or a part, is found out and the file stored anew',
  limit,
  async () => {
    for (const kept of [undefined, 1000]) {
      await using server = await ScriptedRestServer.start()
      server.misbehave = times(1, (request, response, body) => {
        if (kept !== undefined) server.files.set(request.url ?? '', body.subarray(0, kept))
        response.writeHead(200).end()
      })
      const retries: Retry[] = []
      await using backend = retrying(server, retries)
      await backend.write(pack, bytes)
      assert.match(retries[0]?.error.message ?? '', /said that it stored/)
      assert.deepEqual(server.files.get(`/data/${pack.name}`), bytes)
    }
  },
)

test('a lost reply to an upload is no failure: the file is compared and accepted', limit, async () => {
  await using server = await ScriptedRestServer.start()
  server.misbehave = times(1, (request, response, body) => {
    server.files.set(request.url ?? '', body)
    response.destroy()
    return true
  })
  await using backend = direct(server)
  await backend.write(pack, bytes)
  await backend.write(pack, bytes)
  await rejectsWith('FILE_EXISTS', backend.write(pack, randomBytes(600_000)))
})

test('a reset in the middle of a download is retried', limit, async () => {
  await using server = await ScriptedRestServer.start()
  server.files.set(`/data/${pack.name}`, bytes)
  server.misbehave = times(1, (_request, response) => {
    response.writeHead(200, { 'Content-Length': bytes.length })
    response.write(bytes.subarray(0, 100_000), () => response.socket?.resetAndDestroy())
    return true
  })
  const retries: Retry[] = []
  await using backend = retrying(server, retries)
  assert.deepEqual(await backend.read(pack), bytes)
  assert.equal(retries.length, 1)
})

test('a reset in the middle of an upload is retried', limit, async () => {
  await using server = await ScriptedRestServer.start()
  const large = randomBytes(8 << 20)
  let resets = 0
  server.misbehaveEarly = (request, response) => {
    if (request.method !== 'POST' || resets > 0) return false
    resets++
    response.writeContinue()
    let seen = 0
    request.on('data', (chunk: Buffer) => {
      seen += chunk.length
      if (seen > 1_000_000) request.socket.resetAndDestroy()
    })
    return true
  }
  const retries: Retry[] = []
  await using backend = retrying(server, retries)
  await backend.write(fileOf('pack', large), large)
  assert.equal(retries.length, 1)
  assert.ok(server.files.get(`/data/${fileOf('pack', large).name}`)?.equals(large))
})

test('a body that is cut off without a word is found out', limit, async () => {
  await using server = await ScriptedRestServer.start()
  server.files.set(`/data/${pack.name}`, bytes)
  server.misbehave = (request, response) => {
    if (request.method !== 'GET') return false
    response.socket?.end(`HTTP/1.0 200 OK\r\n\r\n${'x'.repeat(500)}`)
    return true
  }
  await using backend = direct(server)
  assert.equal((await rejectsWith('STORAGE_FAILED', backend.read(pack))).transient, true)
})

test('a server that answers with a byte a second is given up by the watchdog', limit, async () => {
  await using server = await ScriptedRestServer.start()
  server.files.set(`/data/${pack.name}`, bytes)
  server.misbehave = times(1, (_request, response) => drip(response))
  const retries: Retry[] = []
  const report = (retry: Retry) => retries.push(retry)
  await using backend = new RetryBackend(new WatchdogBackend(direct(server), { seconds: 0.3 }), { first: 1, report })
  assert.deepEqual(await backend.read(pack), bytes)
  assert.equal(retries[0]?.error.code, 'STORAGE_STALLED')
})

test('a server that takes an upload and never reads it is given up by the watchdog', limit, async () => {
  await using server = await ScriptedRestServer.start()
  server.misbehaveEarly = (request, response) => {
    response.writeContinue()
    request.pause()
    return true
  }
  await using backend = new WatchdogBackend(direct(server), { seconds: 0.3 })
  const large = randomBytes(24 << 20)
  await rejectsWith('STORAGE_STALLED', backend.write(fileOf('pack', large), large))
})

test('a range that is answered with the whole file still gives the right bytes', limit, async () => {
  await using server = await ScriptedRestServer.start()
  server.files.set(`/data/${pack.name}`, bytes)
  server.misbehave = (request) => void delete request.headers.range
  await using backend = direct(server)
  for (const [offset, length] of [
    [0, 10],
    [299_995, 131_072],
    [599_999, 1],
  ] as const) {
    const part = await backend.read(pack, { range: { offset, length } })
    assert.ok(part.equals(bytes.subarray(offset, offset + length)))
  }
  await rejectsWith('FILE_TOO_SHORT', backend.read(pack, { range: { offset: 599_999, length: 2 } }))
})

test('a range that is answered with more than was asked for gives the right bytes', limit, async () => {
  await using server = await ScriptedRestServer.start()
  server.files.set(`/data/${pack.name}`, bytes)
  server.misbehave = (request, response) => {
    if (request.method !== 'GET') return false
    const headers = { 'Content-Length': 100, 'Content-Range': 'bytes 100-199/600000' }
    response.writeHead(206, headers).end(bytes.subarray(100, 200))
    return true
  }
  await using backend = direct(server)
  for (const [offset, length] of [
    [100, 1],
    [150, 20],
    [199, 1],
  ] as const) {
    const part = await backend.read(pack, { range: { offset, length } })
    assert.ok(part.equals(bytes.subarray(offset, offset + length)), `${offset}+${length}`)
  }
  for (const offset of [99, 195, 200])
    await rejectsWith('STORAGE_FAILED', backend.read(pack, { range: { offset, length: 10 } }))
})

test('a range that is answered with other bytes is refused', limit, async () => {
  await using server = await ScriptedRestServer.start()
  server.files.set(`/data/${pack.name}`, bytes)
  await using backend = direct(server)
  for (const contentRange of ['bytes 0-9/600000', 'bytes 100-104/600000', undefined]) {
    server.misbehave = (request, response) => {
      if (request.method !== 'GET') return false
      const headers = { 'Content-Length': 10, ...(contentRange ? { 'Content-Range': contentRange } : {}) }
      response.writeHead(206, headers).end(bytes.subarray(0, 10))
      return true
    }
    const error = await rejectsWith('STORAGE_FAILED', backend.read(pack, { range: { offset: 100, length: 10 } }))
    assert.match(error.message, /other bytes/)
  }
})

test(
  'listings of version 1 have the sizes asked for one by one, and files that vanish are left out',
  limit,
  async () => {
    await using server = await ScriptedRestServer.start()
    server.version = 1
    for (const name of ['a', 'b', 'c']) server.files.set(`/index/${name.repeat(64)}`, Buffer.alloc(name.charCodeAt(0)))
    server.files.set('/index/README', Buffer.alloc(1))
    server.misbehave = (request, response) =>
      void (request.url?.includes('bbbb') === true && response.writeHead(404).end())
    await using backend = direct(server)
    const listed = await listAll(backend, 'index')
    assert.deepEqual(
      listed.toSorted((a, b) => a.size - b.size),
      [
        { name: 'a'.repeat(64), size: 97 },
        { name: 'c'.repeat(64), size: 99 },
      ],
    )
  },
)

test('a listing that is not found is empty without a config, and a failure with one', limit, async () => {
  await using server = await ScriptedRestServer.start()
  server.misbehave = (request, response) => void (request.url?.endsWith('/') === true && response.writeHead(404).end())
  await using backend = direct(server)
  assert.deepEqual(await listAll(backend, 'snapshot'), [])
  server.files.set('/config', bytes)
  await rejectsWith('STORAGE_FAILED', listAll(backend, 'snapshot'))
  assert.deepEqual(await listAll(backend, 'lock'), [])
})

test('a listing that is cut off is a failure, not a shorter list', limit, async () => {
  await using server = await ScriptedRestServer.start()
  server.misbehave = (_request, response) => void response.writeHead(200).end(`[{"name":"${'a'.repeat(64)}","size":1},`)
  await using backend = direct(server)
  const error = await rejectsWith('STORAGE_FAILED', listAll(backend, 'snapshot'))
  assert.equal(error.transient, true)
})

test(
  'reads follow redirects without the password for other hosts; writes only where the method stays',
  limit,
  async () => {
    await using target = await ScriptedRestServer.start()
    await using server = await ScriptedRestServer.start()
    target.files.set(`/data/${pack.name}`, bytes)
    let status = 302
    server.misbehave = (request, response) => {
      response.writeHead(status, { Location: `http://localhost:${target.port}${request.url}` }).end()
      return true
    }
    const credentials = { user: 'anna', password: 'SECRET' }
    await using backend = new RestBackend({
      url: new URL(`http://127.0.0.1:${server.port}/`),
      location: 'test',
      credentials,
    })
    assert.deepEqual(await backend.read(pack), bytes)
    assert.match(server.headers[0]?.authorization ?? '', /^Basic /)
    assert.equal(target.headers[0]?.authorization, undefined)
    const index = randomBytes(50)
    await rejectsWith('STORAGE_FAILED', backend.write(fileOf('index', index), index))
    status = 307
    await backend.write(fileOf('index', index), index)
    assert.deepEqual(target.files.get(`/index/${fileOf('index', index).name}`), index)
  },
)

test('a server that announces an absurd size is refused, not given our memory', limit, async () => {
  await using server = await ScriptedRestServer.start()
  server.misbehave = (_request, response) => void response.writeHead(200, { 'Content-Length': 1e14 }).write('x')
  await using backend = direct(server)
  for (const type of ['config', 'key', 'index', 'pack'] as const) {
    await rejectsWith('FILE_TOO_LARGE', backend.read(type === 'config' ? { type, name: '' } : fileOf(type, bytes)))
  }
})

test('a kept connection that the server has closed is replaced without a failure', limit, async () => {
  await using server = await ScriptedRestServer.start()
  server.files.set(`/data/${pack.name}`, bytes)
  server.misbehave = (request, response) => {
    server.answer(request, response, Buffer.alloc(0))
    response.on('finish', () => setImmediate(() => response.socket?.destroy()))
    return true
  }
  await using backend = direct(server)
  for (let i = 0; i < 20; i++) assert.equal(await backend.size(pack), bytes.length)
})

test('a proxy of the environment is used for other hosts, never for this machine', limit, async () => {
  await using server = await ScriptedRestServer.start()
  server.files.set(`/data/${pack.name}`, bytes)
  const env = { http_proxy: `http://127.0.0.1:${server.port}` }
  await using far = new RestBackend({ url: new URL('http://backup.invalid/'), location: 'test', env })
  assert.equal(await far.size(pack), bytes.length)
  assert.match(server.requests[0] ?? '', /^HEAD http:\/\/backup\.invalid\/data\//)
  await using near = new RestBackend({ url: new URL(`http://localhost:${server.port}/`), location: 'test', env })
  assert.equal(await near.size(pack), bytes.length)
  assert.match(server.requests[1] ?? '', /^HEAD \/data\//)
})

test('where nothing answers the message says so, and shows no password', limit, async () => {
  await using backend = openBackend('rest:http://anna:SECRET@127.0.0.1:9/', { retryLimit: 0, env: {} })
  const error = await rejectsWith('STORAGE_UNREACHABLE', backend.read(pack))
  assert.equal(error.transient, true)
  assert.doesNotMatch(
    JSON.stringify([error.message, error.details, backend.location, String(error.cause)]),
    /SECRET|anna/,
  )
})

test('a wrong password is said to be one', { ...limit, skip: missing('rest-server') }, async () => {
  await using server = await startRestServer({ users: { anna: 'right' } })
  await using backend = openBackend(`rest:http://anna:wrong@127.0.0.1:${server.port}/`, { env: {} })
  assert.match((await rejectsWith('ACCESS_DENIED', backend.create())).message, /user name or password is wrong/)
})

test('a full REST server is full, not failed', { ...limit, skip: missing('rest-server') }, async () => {
  await using server = await startRestServer({ maxSize: 1_000_000 })
  await using backend = openBackend(`rest:http://127.0.0.1:${server.port}/`, { env: {} })
  await backend.create()
  await backend.write(pack, bytes)
  const more = randomBytes(600_000)
  await rejectsWith('STORAGE_FULL', backend.write(fileOf('pack', more), more))
})

function direct(server: ScriptedRestServer): RestBackend {
  return new RestBackend({ url: new URL(`http://127.0.0.1:${server.port}/`), location: 'rest:test' })
}

function retrying(server: ScriptedRestServer, retries: Retry[]): Backend {
  return new RetryBackend(direct(server), { first: 1, report: (retry) => retries.push(retry) })
}

/** Misbehaves for the first requests only. */
function times(count: number, misbehave: Misbehaviour): Misbehaviour {
  let left = count
  return (...request) => left-- > 0 && misbehave(...request) !== false
}

function drip(response: ServerResponse): boolean {
  response.writeHead(200, { 'Content-Length': bytes.length })
  const timer = setInterval(() => response.write('x'), 50)
  response.on('close', () => clearInterval(timer))
  return true
}
