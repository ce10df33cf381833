import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import http, { type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { type Channel, channelSchema } from '#protocol'
import { SettableClock } from '../../../../test/helpers/settable-clock.ts'
import type { Delivery } from '../delivery.ts'
import type { Message } from '../message.ts'
import { condition, oneMessage, noon, sender, testCertificate } from '../testing.ts'
import { Postman, type SendOptions } from './send.ts'

interface Heard {
  readonly method: string | undefined
  readonly path: string | undefined
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** A server on 127.0.0.2, which the postman may reach by a name; what it heard. */
async function listening(
  answer: RequestListener,
  {
    tls,
    address = '127.0.0.2',
  }: { readonly tls?: { readonly key: string; readonly cert: string }; readonly address?: string } = {},
) {
  const heard: Heard[] = []
  const listener = (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      heard.push({
        method: request.method,
        path: request.url,
        headers: request.headers,
        body: Buffer.concat(chunks).toString(),
      })
      answer(request, response)
    })
  }
  const server = tls ? https.createServer(tls, listener) : http.createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, address, resolve))
  const { port } = server.address() as AddressInfo
  return {
    heard,
    port,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const ok: RequestListener = (_request, response) => response.end('ok')

/** The test server's network is allowed, and every name leads to it. */
function postman(options: Partial<SendOptions> = {}): Postman {
  const resolve = async () => [{ address: '127.0.0.2' }]
  return new Postman({
    sender,
    allowed: ['127.0.0.2'],
    resolve,
    timeout: 5000,
    clock: new SettableClock(noon),
    ...options,
  })
}

const channel = (shape: object): Channel => channelSchema.parse({ id: 'c', name: 'C', ...shape })
const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`

async function sendTo(
  port: number,
  shape: object,
  { sent = oneMessage(), options = {} }: { readonly sent?: Message; readonly options?: Partial<SendOptions> } = {},
): Promise<Delivery> {
  return postman(options).send(
    channel({ url: `http://hook.example:${port}/path/with-a-secret-token?key=another-secret`, ...shape }),
    sent,
  )
}

test('a webhook gets the facts, signed so that nobody can change or repeat them', async () => {
  await using server = await listening(ok)
  assert.deepEqual(await sendTo(server.port, { kind: 'webhook', secret }), { outcome: 'delivered', answer: '200, ok' })
  const [call] = server.heard
  assert.ok(call)
  assert.equal(call.method, 'POST')
  assert.equal(call.headers['content-type'], 'application/json')
  const id = call.headers['webhook-id']
  assert.equal(id, '1-1')
  assert.equal(call.headers['webhook-timestamp'], String(noon / 1000))
  const mac = createHmac('sha256', Buffer.alloc(32, 7))
    .update(`${id}.${noon / 1000}.${call.body}`)
    .digest('base64')
  assert.equal(call.headers['webhook-signature'], `v1,${mac}`)
  const { type, data } = JSON.parse(call.body)
  assert.equal(type, 'alert.alert')
  assert.equal(data.severity, 'critical')
  assert.equal(data.items[0].kind, 'run_failed')
  assert.equal(data.items[0].since, '2026-08-05T11:00:00.000Z')
})

test('Slack gets plain text, in which a name is never mark-up', async () => {
  await using server = await listening(ok)
  const hostile = condition('run_failed', { name: '<!channel> *x* &' })
  const sent = oneMessage({ news: [{ event: 'new', severity: 'critical', condition: hostile }] })
  await sendTo(server.port, { kind: 'slack' }, { sent })
  const body = JSON.parse(server.heard[0]?.body ?? '')
  assert.match(body.text, /&lt;!channel&gt; \*x\* &amp;/)
  assert.deepEqual(
    body.blocks.map(
      ({ text, elements }: { text?: { type: string }; elements?: { type: string }[] }) =>
        text?.type ?? elements?.[0]?.type,
    ),
    ['plain_text', 'plain_text'],
  )
  assert.match(body.blocks[0].text.text, /^🔴 Urgent: <!channel> \*x\* &: backup failed\n/)
})

test('Teams gets an Adaptive Card of runs of text, in which nothing is read as Markdown', async () => {
  await using server = await listening((_request, response) => response.writeHead(202).end())
  assert.deepEqual(await sendTo(server.port, { kind: 'teams' }), { outcome: 'delivered', answer: '202' })
  const body = JSON.parse(server.heard[0]?.body ?? '')
  assert.equal(body.type, 'message')
  const [{ contentType, content }] = body.attachments
  assert.equal(contentType, 'application/vnd.microsoft.card.adaptive')
  assert.equal(content.type, 'AdaptiveCard')
  assert.deepEqual([...new Set(content.body.map(({ type }: { type: string }) => type))], ['RichTextBlock'])
  assert.equal(content.body[0].inlines[0].text, 'Urgent: SRV1: backup failed')
  assert.deepEqual(content.actions, [
    { type: 'Action.OpenUrl', title: 'Understudy', url: 'https://backup.example.com' },
  ])
})

test('ntfy gets topic, title, priority and token, and no more than it takes in one message', async () => {
  await using server = await listening(ok)
  const long = condition('run_failed', { facts: { reason: 'ü'.repeat(200) } })
  const news = Array.from({ length: 8 }, () => ({ event: 'new', severity: 'critical', condition: long }) as const)
  await sendTo(
    server.port,
    { kind: 'ntfy', url: `http://hook.example:${server.port}`, topic: 'our-backups', token: 'tk_secret' },
    { sent: oneMessage({ news }) },
  )
  const [call] = server.heard
  const body = JSON.parse(call?.body ?? '')
  assert.equal(call?.path, '/')
  assert.equal(call?.headers.authorization, 'Bearer tk_secret')
  assert.equal(body.topic, 'our-backups')
  assert.equal(body.priority, 5)
  assert.equal(body.title, 'Urgent: SRV1: backup failed (and 7 more)')
  assert.ok(Buffer.byteLength(body.message) <= 4096)
  assert.ok(!body.message.includes('\ufffd'), 'cut between characters')
})

test('however much there is to say, Slack and Teams take it', async () => {
  await using server = await listening(ok)
  const kinds = [
    'run_failed',
    'run_missed',
    'machine_unseen',
    'proof_failed',
    'proof_overdue',
    'backup_empty',
    'backup_small',
    'success_rate',
    'clock_wrong',
  ] as const
  const one = kinds.map(
    (kind) => ({ event: 'new', severity: 'critical', condition: condition(kind, { name: 'N'.repeat(500) }) }) as const,
  )
  const group = (example: (typeof one)[number]) => ({
    count: 1000,
    names: Array.from({ length: 5 }, () => ({ name: 'N'.repeat(500), client: null })),
    example,
    sameReason: true,
  })
  const groups = Array.from({ length: 12 }, () => one.map(group)).flat()
  await sendTo(server.port, { kind: 'slack' }, { sent: oneMessage({ news: one, groups }) })
  await sendTo(server.port, { kind: 'teams' }, { sent: oneMessage({ news: one, groups }) })
  const [slack, teams] = server.heard.map(({ body }) => body)
  const { blocks } = JSON.parse(slack ?? '')
  assert.ok(blocks.length <= 50)
  assert.ok(blocks.every(({ text }: { text?: { text: string } }) => (text?.text.length ?? 0) <= 3000))
  assert.ok(Buffer.byteLength(teams ?? '') < 28_000)
})

const answers: readonly (readonly [status: number, code: string, transient: boolean])[] = [
  [301, 'ALERT_REDIRECTED', false],
  [307, 'ALERT_REDIRECTED', false],
  [400, 'ALERT_REFUSED', false],
  [401, 'ALERT_LOGIN_REFUSED', false],
  [403, 'ALERT_LOGIN_REFUSED', false],
  [404, 'ALERT_REFUSED', false],
  [408, 'ALERT_BUSY', true],
  [410, 'ALERT_REFUSED', false],
  [429, 'ALERT_BUSY', true],
  [500, 'ALERT_BUSY', true],
  [503, 'ALERT_BUSY', true],
]

for (const [status, code, transient] of answers) {
  test(`an answer of ${status} is ${code}, ${transient ? 'and tried again' : 'and not tried again'}`, async () => {
    await using server = await listening((_request, response) =>
      response.writeHead(status, { location: 'http://169.254.169.254/latest/meta-data/' }).end('why'),
    )
    const delivery = await sendTo(server.port, { kind: 'slack' })
    assert.ok(delivery.outcome === 'failed')
    assert.deepEqual([delivery.code, delivery.transient], [code, transient])
    assert.equal(server.heard.length, 1)
  })
}

test('the time that the other side asks for is waited, but no longer than an hour', async () => {
  for (const [asked, waits] of [
    ['120', 120_000],
    ['999999', 3_600_000],
    ['soon', undefined],
  ] as const) {
    await using server = await listening((_request, response) =>
      response.writeHead(429, { 'retry-after': asked }).end(),
    )
    const delivery = await sendTo(server.port, { kind: 'slack' })
    assert.equal(delivery.outcome === 'failed' && delivery.retryAfter, waits)
  }
})

test('no answer shows a secret of the channel, even if the other side repeats it', async () => {
  await using server = await listening((request, response) =>
    response.writeHead(400).end(`bad ${request.url} ${request.headers.authorization}`),
  )
  const shapes = [
    { kind: 'slack' },
    { kind: 'webhook', secret },
    { kind: 'ntfy', topic: 'with-a-secret-token', token: 'another-secret' },
  ]
  for (const shape of shapes) {
    const delivery = await sendTo(server.port, shape)
    assert.equal(delivery.outcome, 'failed')
    assert.doesNotMatch(JSON.stringify(delivery), /secret/)
  }
})

test('an answer with control characters and without end is cut to one line', async () => {
  await using server = await listening((_request, response) =>
    response.writeHead(400).end(`\u001b[31m${'x\n'.repeat(100_000)}`),
  )
  const delivery = await sendTo(server.port, { kind: 'slack' })
  assert.ok(delivery.outcome === 'failed')
  assert.ok(delivery.reason.length < 400)
  assert.match(delivery.reason, /\\u001b/)
})

test('an answer that never ends costs no memory, and is an answer', async () => {
  await using server = await listening((_request, response) => {
    response.writeHead(200)
    const piece = Buffer.alloc(64 << 10, 'x')
    const more = () => {
      while (!response.destroyed && response.write(piece));
    }
    response.on('drain', more)
    response.on('error', () => undefined)
    more()
  })
  assert.equal((await sendTo(server.port, { kind: 'slack' })).outcome, 'delivered')
})

test('who accepts and then trickles its answer has accepted', async () => {
  await using server = await listening((_request, response) => {
    response.writeHead(200)
    response.write('o')
  })
  assert.deepEqual(await sendTo(server.port, { kind: 'slack' }, { options: { timeout: 300 } }), {
    outcome: 'delivered',
    answer: '200, o',
  })
})

test('who never answers is given up', async () => {
  await using server = await listening(() => undefined)
  const delivery = await sendTo(server.port, { kind: 'slack' }, { options: { timeout: 300 } })
  assert.deepEqual(delivery.outcome === 'failed' && [delivery.code, delivery.transient], ['ALERT_TOO_SLOW', true])
})

test('a name server that never answers is given up, too', async () => {
  const resolve = () => new Promise<never>(() => undefined)
  const delivery = await sendTo(1, { kind: 'slack' }, { options: { timeout: 100, resolve } })
  assert.equal(delivery.outcome === 'failed' && delivery.code, 'ALERT_TOO_SLOW')
})

test('a server that closes the connection is a passing trouble', async () => {
  await using server = await listening((request) => request.socket.destroy())
  const delivery = await sendTo(server.port, { kind: 'slack' })
  assert.deepEqual(delivery.outcome === 'failed' && [delivery.code, delivery.transient], ['ALERT_UNREACHABLE', true])
})

test('a caller that cancels gets its own reason', async () => {
  await using server = await listening(() => undefined)
  const reason = new Error('enough')
  const sending = postman().send(channel({ kind: 'slack', url: `http://hook.example:${server.port}/` }), oneMessage(), {
    signal: AbortSignal.timeout(100),
  })
  await assert.rejects(sending, { name: 'TimeoutError' })
  await assert.rejects(
    postman().send(channel({ kind: 'slack', url: `http://hook.example:${server.port}/` }), oneMessage(), {
      signal: AbortSignal.abort(reason),
    }),
    reason,
  )
})

const inside = [
  'http://127.0.0.1',
  'http://localhost',
  'http://169.254.169.254',
  'http://2130706433',
  'http://0x7f.1',
  'http://[::1]',
  'http://[::ffff:127.0.0.1]',
  'https://10.0.0.1',
]

for (const origin of inside) {
  test(`${origin} is not called`, async () => {
    await using server = await listening(ok, { address: '127.0.0.1' })
    const guarded = new Postman({ sender, timeout: 5000 })
    const delivery = await guarded.send(channel({ kind: 'slack', url: `${origin}:${server.port}/x` }), oneMessage())
    assert.equal(delivery.outcome === 'failed' && delivery.code, 'ALERT_ADDRESS_REFUSED')
    assert.equal(server.heard.length, 0)
  })
}

test('a name that leads elsewhere the second time it is asked for gains nothing', async () => {
  await using allowed = await listening(ok)
  await using secretPlace = await listening(ok, { address: '127.0.0.3' })
  let asked = 0
  const resolve = async () => [{ address: asked++ === 0 ? '127.0.0.2' : '127.0.0.3' }]
  await sendTo(allowed.port, { kind: 'slack' }, { options: { resolve } })
  assert.deepEqual([asked, allowed.heard.length, secretPlace.heard.length], [1, 1, 0])
})

test('without encryption only a network is reached that the administrator has allowed', async () => {
  const resolve = async () => [{ address: '1.1.1.1' }]
  const delivery = await sendTo(80, { kind: 'slack' }, { options: { resolve } })
  assert.equal(delivery.outcome === 'failed' && delivery.code, 'ALERT_NOT_ENCRYPTED')
})

test('a certificate is checked against the name in the address', async () => {
  const tls = await testCertificate('hook.example')
  await using server = await listening(ok, { tls })
  const url = `https://hook.example:${server.port}/x`
  const send = (name: string, options: Partial<SendOptions>) =>
    sendTo(0, { kind: 'slack', url: url.replace('hook.example', name) }, { options })
  assert.equal((await send('hook.example', { ca: tls.cert })).outcome, 'delivered')
  for (const delivery of [await send('hook.example', {}), await send('other.example', { ca: tls.cert })]) {
    assert.equal(delivery.outcome === 'failed' && delivery.code, 'ALERT_TLS_REFUSED')
  }
})

test('the outside watch is called as it was set up, and its secret address is not shown', async () => {
  await using server = await listening((_request, response) => response.writeHead(404).end('no /ping/f00dfeed'))
  const delivery = await postman().callWatch({ url: `http://hc.example:${server.port}/ping/f00dfeed`, method: 'POST' })
  assert.deepEqual(
    server.heard.map(({ method, path, body }) => [method, path, body]),
    [['POST', '/ping/f00dfeed', '']],
  )
  assert.doesNotMatch(JSON.stringify(delivery), /f00dfeed/)
})
