import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { connect as connectPlain } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { connect } from 'node:tls'
import type { SecureVersion } from 'node:tls'
import { freePort } from '../helpers/rest-server.ts'
import { run } from '../helpers/run.ts'
import { callApi, mainModule, ownerEmail, ownerPassword, serve, setUpOwner } from '../helpers/serving.ts'
import { tempFolder } from '../helpers/temp.ts'
import { until } from '../helpers/until.ts'

/** What the server promises to whoever meets it with bad intentions: by its process, its files, its port. */

test('over TLS: nothing older than 1.2, browsers are told to come back by TLS only, and cookies go nowhere else', async () => {
  await using folder = await tempFolder()
  const port = await freePort()
  await using serving = await serve(folder.join('data'), port, '--listen', `0.0.0.0:${port}`)
  assert.equal(await protocolWith(port, 'TLSv1.3'), 'TLSv1.3')
  assert.equal(await protocolWith(port, 'TLSv1.2'), 'TLSv1.2')
  assert.equal(await protocolWith(port, 'TLSv1.1'), undefined)
  const { headers } = await ask(port, 'GET', '/')
  assert.match(headers['strict-transport-security'] ?? '', /max-age=31536000/)
  const token = (serving.ownerLink ?? '').split('#')[1] ?? ''
  const person = { token, email: ownerEmail, name: 'Owner', password: ownerPassword }
  assert.equal((await ask(port, 'POST', '/api/set-up', person)).status, 200)
  const origin = serving.origin
  const signedIn = await ask(
    port,
    'POST',
    '/api/auth/sign-in/email',
    { email: ownerEmail, password: ownerPassword },
    origin,
  )
  assert.equal(signedIn.status, 200)
  for (const cookie of signedIn.headers['set-cookie'] ?? []) {
    assert.match(cookie, /^__Secure-understudy/)
    for (const rule of [/; Secure/i, /; HttpOnly/i, /; SameSite=Strict/i]) assert.match(cookie, rule)
  }
})

test('what the server writes is for its own user, and a folder that others could look into is closed', async () => {
  await using folder = await tempFolder()
  const data = folder.join('data')
  mkdirSync(data, { mode: 0o755 })
  chmodSync(data, 0o755)
  await using serving = await serve(data, await freePort(), '--audit-to', folder.join('audit.jsonl'))
  assert.equal(await setUpOwner(serving), 200)
  const audit = folder.join('audit.jsonl')
  await until(() => existsSync(audit) && readFileSync(audit, 'utf8').includes('"person.set-up"'))
  assert.equal(statSync(data).mode & 0o077, 0)
  assert.match(serving.command.output().stderr, /Others could look into/)
  const open = filesBelow(folder.path).filter((path) => path !== folder.path && (statSync(path).mode & 0o077) !== 0)
  assert.deepEqual(open, [])
})

test('a key of the certificate that every user may read is not used', async () => {
  await using folder = await tempFolder()
  for (const name of ['tls.crt', 'tls.key']) writeFileSync(folder.join(name), 'x', { mode: 0o644 })
  const tls = ['--tls-certificate', folder.join('tls.crt'), '--tls-key', folder.join('tls.key')]
  chmodSync(folder.join('tls.key'), 0o644)
  const { code, stderr } = await run(process.execPath, [mainModule, 'serve', '--data', folder.join('data'), ...tls])
  assert.equal(code, 1)
  assert.match(stderr, /CERTIFICATE_INVALID/)
  assert.match(stderr, /every user of this machine may read/)
})

test('oversized, endless and nested calls are refused or ended, and the server goes on', async () => {
  await using folder = await tempFolder()
  const port = await freePort()
  await using serving = await serve(folder.join('data'), port)
  const send = async (text: string) => await rawAnswer(port, text)
  const head = 'host: localhost\r\nconnection: close\r\n'
  assert.match(await send(`GET /api/${'a'.repeat(100_000)} HTTP/1.1\r\n${head}\r\n`), /^HTTP\/1\.1 4/)
  assert.match(await send(`GET /api/me HTTP/1.1\r\n${head}x: ${'y'.repeat(100_000)}\r\n\r\n`), /^HTTP\/1\.1 4/)
  const many = Array.from({ length: 5_000 }, (_, i) => `x${i}: y\r\n`).join('')
  assert.match(await send(`GET /api/me HTTP/1.1\r\n${head}${many}\r\n`), /^HTTP\/1\.1 4/)
  assert.match(await send(`GET /api/../../etc/passwd HTTP/1.1\r\n${head}\r\n`), /^HTTP\/1\.1 404/)
  assert.match(await send(`GET /api/%2e%2e%2f%00 HTTP/1.1\r\n${head}\r\n`), /^HTTP\/1\.1 40/)
  assert.match(await send(`no http at all\r\n\r\n`), /^HTTP\/1\.1 400/)
  const nested = '['.repeat(500_000) + ']'.repeat(500_000)
  const { status, text } = await postJson(serving.origin, '/api/set-up', nested)
  assert.equal(status, 400)
  assert.match(text, /INPUT_INVALID/)
  const large = await postJson(serving.origin, '/api/set-up', `{"name":"${'x'.repeat(2 << 20)}"}`)
  assert.equal(large.status, 400)
  assert.deepEqual((await callApi(serving.origin, '/api/health/live')).json, { live: true })
})

test('guessing at passwords writes nothing to the terminal, and the log no password', async () => {
  await using folder = await tempFolder()
  await using serving = await serve(folder.join('data'), await freePort(), '--log')
  assert.equal(await setUpOwner(serving), 200)
  const before = serving.command.output().stdout
  for (let i = 0; i < 15; i++) {
    const body = { email: ownerEmail, password: `canary-guess-${i}` }
    await callApi(serving.origin, '/api/auth/sign-in/email', { body })
  }
  const { stdout, stderr } = serving.command.output()
  assert.equal(stdout, before)
  assert.ok(!stderr.includes('canary-guess') && !stderr.includes('Better Auth'))
})

function filesBelow(folder: string): string[] {
  return [folder, ...readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((path) => join(folder, path))]
}

async function protocolWith(port: number, version: SecureVersion): Promise<string | undefined> {
  const about = { host: '127.0.0.1', port, rejectUnauthorized: false, minVersion: version, maxVersion: version }
  // Security level 0: else it is our own side that refuses what is old.
  const socket = connect({ ...about, ciphers: 'DEFAULT@SECLEVEL=0' })
  try {
    await once(socket, 'secureConnect')
    return socket.getProtocol() ?? undefined
  } catch {
    return undefined
  } finally {
    socket.destroy()
  }
}

async function ask(port: number, method: string, path: string, body?: object, origin?: string) {
  const sent = request({
    host: '127.0.0.1',
    port,
    path,
    method,
    rejectUnauthorized: false,
    headers: { 'content-type': 'application/json', ...(origin !== undefined && { origin }) },
  })
  sent.end(body && JSON.stringify(body))
  const [answer] = (await once(sent, 'response')) as [import('node:http').IncomingMessage]
  answer.resume()
  return { status: answer.statusCode, headers: answer.headers }
}

async function rawAnswer(port: number, text: string): Promise<string> {
  const socket = connectPlain(port, '127.0.0.1')
  socket.on('error', () => undefined)
  let answer = ''
  socket.on('data', (bytes) => (answer += bytes.toString('latin1')))
  socket.write(text)
  await new Promise((closed) => socket.once('close', closed))
  return answer
}

async function postJson(origin: string, path: string, body: string) {
  const answer = await fetch(origin + path, { method: 'POST', body, headers: { 'content-type': 'application/json' } })
  return { status: answer.status, text: await answer.text() }
}
