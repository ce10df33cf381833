import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile, stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { sql } from 'kysely'
import { storeKinds } from '../../../test/helpers/stores.ts'
import { tempFolder } from '../../../test/helpers/temp.ts'
import { TestServer } from '../../../test/helpers/test-server.ts'
import { chainStart, linkHash } from './chain.ts'
import { openAuditSink, sendAuditRound } from './send-audit.ts'
import type { AuditSink } from './send-audit.ts'

const options = { signal: new AbortController().signal }
const actor = { who: 'person:ada', fromWhere: '192.0.2.1' }

async function write({ services }: TestServer, ...what: readonly string[]): Promise<void> {
  for (const one of what) await services.audit.write({ actor, what: one, details: { n: 1, words: 'Größe "x"\n' } })
}

interface Line {
  readonly seq: number
  readonly at: string
  readonly who: string
  readonly what: string
  readonly clientId: string | null
  readonly fromWhere: string
  readonly details: object
  readonly hash: string
}

function linesOf(text: string): Line[] {
  assert.ok(text === '' || text.endsWith('\n'), 'whole lines')
  return text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Line]))
}

for (const kind of storeKinds) {
  test(
    `${kind.name}: each entry is sent on once, whole, and what was sent proves itself without the server`,
    { skip: kind.skip },
    async () => {
      await using server = await TestServer.open(kind)
      await using folder = await tempFolder()
      const path = folder.join('audit.jsonl')
      const round = sendAuditRound(openAuditSink(path))
      await write(server, ...Array.from({ length: 1_203 }, (_, i) => `thing.${i}`))
      await round.run(server.services, options)
      await round.run(server.services, options)
      await write(server, 'last.thing')
      await round.run(server.services, options)
      const lines = linesOf(await readFile(path, 'utf8'))
      assert.equal(lines.length, 1_204)
      let before = chainStart
      for (const { seq, at, who, what, clientId, fromWhere, details, hash } of lines) {
        const content = [Date.parse(at), who, what, clientId, fromWhere, JSON.stringify(details)] as const
        assert.equal(linkHash(before, seq, content), hash)
        before = hash
      }
      assert.equal((await stat(path)).mode & 0o077, 0)
    },
  )
}

test('a receiver that is away misses nothing: it gets it when it is back, with the token in the header', async () => {
  await using server = await TestServer.open()
  await using receiver = await receive()
  const round = sendAuditRound(openAuditSink(receiver.url, { token: 'canary-token' }))
  receiver.status = 503
  await write(server, 'first.thing')
  await assert.rejects(round.run(server.services, options), { code: 'AUDIT_NOT_SENT', message: /status 503/ })
  receiver.status = 302
  await assert.rejects(round.run(server.services, options), { code: 'AUDIT_NOT_SENT' }, 'it goes nowhere else')
  receiver.status = 204
  receiver.taken = ''
  await write(server, 'second.thing')
  await round.run(server.services, options)
  assert.deepEqual(
    linesOf(receiver.taken).map(({ what }) => what),
    ['first.thing', 'second.thing'],
  )
  assert.deepEqual(receiver.tokens, new Set(['Bearer canary-token']))
})

test('a log that is rewritten on the server is told of, and all of it is sent anew', async () => {
  await using server = await TestServer.open()
  let taken = ''
  const sink: AuditSink = { send: async (lines) => void (taken += lines) }
  const round = sendAuditRound(sink)
  await write(server, 'kit.make', 'restore.order')
  await round.run(server.services, options)
  const [, sent] = linesOf(taken)
  const { db } = server.services.store
  await sql`update audit set what = 'client.create', hash = ${'f'.repeat(64)} where seq = 2`.execute(db)
  taken = ''
  await round.run(server.services, options)
  const [told, ...again] = linesOf(taken)
  assert.deepEqual(told, { rewritten: { seq: 2, hash: sent?.hash } })
  assert.deepEqual(
    again.map(({ what }) => what),
    ['kit.make', 'client.create'],
  )
  await sql`delete from audit where seq = 2`.execute(db)
  taken = ''
  await round.run(server.services, options)
  assert.match(taken, /^{"rewritten":/, 'an end that was cut off, too')
})

test('an address without encryption, or with a password in it, is refused', () => {
  for (const place of [
    'http://logs.example/audit',
    'https://me:secret@logs.example/',
    'ftp://logs.example/',
    'https://',
  ]) {
    assert.throws(() => openAuditSink(place), { code: 'AUDIT_PLACE_INVALID' }, place)
  }
})

async function receive() {
  const state = { url: '', status: 204, taken: '', tokens: new Set<string | undefined>() }
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    state.tokens.add(request.headers.authorization)
    for await (const chunk of request) state.taken += String(chunk)
    response.writeHead(state.status, state.status === 302 ? { location: '/elsewhere' } : {}).end()
  }
  const http = createServer((request, response) => void answer(request, response)).listen(0, '127.0.0.1')
  await once(http, 'listening')
  state.url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/audit`
  return Object.assign(state, {
    async [Symbol.asyncDispose]() {
      http.closeAllConnections()
      await new Promise((done) => http.close(done))
    },
  })
}
