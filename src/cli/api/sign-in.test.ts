import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import { everyClient } from '#protocol'
import { freePort } from '../../../test/helpers/rest-server.ts'
import { TestServer } from '../../../test/helpers/test-server.ts'
import type { Questions } from './ask.ts'
import { callApi, exchange } from './connection.ts'
import type { KnownServer } from './connection.ts'
import { signIn } from './sign-in.ts'

const email = 'person1@example.org'
const password = 'correct horse battery'
const { signal } = new AbortController()

/** Answers in their order. */
function answers(...given: readonly string[]): Questions {
  const left = [...given]
  const next = () => Promise.resolve(left.shift() ?? '')
  return { isTerminal: false, ask: next, askSecret: next }
}

async function openServer(): Promise<{ readonly server: TestServer; readonly known: KnownServer } & AsyncDisposable> {
  const server = await TestServer.open()
  await server.person({ [everyClient]: 'owner' })
  const port = await freePort()
  const listening = await server.listen(port)
  return {
    server,
    known: { url: `http://127.0.0.1:${port}` },
    [Symbol.asyncDispose]: async () => {
      await listening[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}

/** RFC 6238. */
function totp(secret: string, now: number): string {
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(Math.floor(now / 30_000)))
  const hash = createHmac('sha1', secret).update(counter).digest()
  const at = (hash.at(-1) ?? 0) & 15
  return String((hash.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, '0')
}

/** As an authenticator app reads it from the address that is shown once: base 32. */
function secretOf(uri: string): string {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
  const bits = [...(new URL(uri).searchParams.get('secret') ?? '').replaceAll('=', '').matchAll(/./g)]
    .map(([letter]) => letters.indexOf(letter).toString(2).padStart(5, '0'))
    .join('')
  return (bits.match(/.{8}/g) ?? []).map((byte) => String.fromCharCode(parseInt(byte, 2))).join('')
}

test('a person signs in by password, is known by the session, and it ends with the command', async () => {
  await using opened = await openServer()
  const { known } = opened
  const me = { method: 'GET', path: '/api/me' }
  let headers: Readonly<Record<string, string>>
  {
    await using session = await signIn(known, answers(email, password), { signal })
    headers = session.headers
    assert.equal(((await callApi(known, { ...me, headers })) as { email: string }).email, email)
  }
  await assert.rejects(callApi(known, { ...me, headers }), { code: 'SIGN_IN_NEEDED' })
})

test('a wrong password is refused, and after many of them the server says for how long', async () => {
  await using opened = await openServer()
  const attempt = async () => await signIn(opened.known, answers('wrong wrong wrong'), { email, signal })
  await assert.rejects(attempt(), { code: 'SIGN_IN_REFUSED' })
  for (let tries = 0; tries < 9; tries++) await assert.rejects(attempt())
  await assert.rejects(attempt(), { code: 'TOO_MANY_REQUESTS', hint: /Wait \d+ seconds/ })
})

test('who has a second factor is asked for its code, and gets in by that or by a code for emergencies only', async () => {
  await using opened = await openServer()
  const { known } = opened
  let [uri, spare] = ['', '']
  {
    await using session = await signIn(known, answers(email, password), { signal })
    const headers = { ...session.headers, origin: opened.server.services.origin }
    const post = async (path: string, body: object) =>
      await exchange(known, { method: 'POST', path: `/api/auth/two-factor/${path}`, body, headers }, { signal })
    const { json } = await post('enable', { password })
    const shown = json as { readonly totpURI: string; readonly backupCodes: readonly string[] }
    uri = shown.totpURI
    spare = shown.backupCodes[0] as string
    assert.equal((await post('verify-totp', { code: totp(secretOf(uri), Date.now()) })).status, 200)
  }
  await assert.rejects(signIn(known, answers(email, password, '000000'), { signal }), { code: 'SIGN_IN_REFUSED' })
  for (const code of [totp(secretOf(uri), Date.now()), spare]) {
    await using session = await signIn(known, answers(email, password, code), { signal })
    assert.equal(session.email, email)
  }
})
