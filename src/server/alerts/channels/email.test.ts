import assert from 'node:assert/strict'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { test } from 'node:test'
import { type Channel, channelSchema } from '#protocol'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import type { Delivery } from '../delivery.ts'
import type { Message } from '../message.ts'
import { condition, oneMessage, sender, testCertificate } from '../testing.ts'
import { Postman, type SendOptions } from './send.ts'

const tls = await testCertificate('mail.example')
const password = 'canary-p4ssw0rd'

/** A mail server on 127.0.0.2; what it was given. */
async function mailServer(options: SMTPServerOptions = {}) {
  const received: { readonly from: string; readonly to: readonly string[]; readonly text: string }[] = []
  const server = new SMTPServer({
    ...tls,
    logger: false,
    authMethods: ['PLAIN', 'LOGIN'],
    onAuth: ({ username, password: given }, _session, callback) =>
      username === 'backup' && given === password
        ? callback(null, { user: username })
        : callback(refusal(535, `5.7.8 no ${given}`)),
    onData: (stream, session, callback) => {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope
        const from = mailFrom ? mailFrom.address : ''
        received.push({ from, to: rcptTo.map(({ address }) => address), text: Buffer.concat(chunks).toString() })
        callback(null, 'queued as 4711')
      })
    },
    ...options,
  })
  server.on('error', () => undefined) // a client that leaves in the middle
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.2', resolve))
  const { port } = server.server.address() as AddressInfo
  return { port, received, [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())) }
}

function refusal(responseCode: number, text: string): Error {
  return Object.assign(new Error(text), { responseCode })
}

async function send(
  port: number,
  changes: object = {},
  { sent = oneMessage(), options = {} }: { readonly sent?: Message; readonly options?: Partial<SendOptions> } = {},
): Promise<Delivery> {
  const login = { user: 'backup', password }
  const channel: Channel = channelSchema.parse({
    id: 'c',
    name: 'Mail',
    kind: 'email',
    host: 'mail.example',
    port,
    from: 'backup@example.com',
    ...login,
    ...changes,
  })
  const resolve = async () => [{ address: '127.0.0.2' }]
  const postman = new Postman({ sender, allowed: ['127.0.0.2'], resolve, ca: tls.cert, timeout: 5000, ...options })
  return postman.send(channel, sent)
}

const code = (delivery: Delivery) =>
  delivery.outcome === 'failed' ? `${delivery.code}${delivery.transient ? ', again' : ''}` : 'delivered'

test('mail goes out over STARTTLS with a login, as text and as a page, to one reader', async () => {
  await using server = await mailServer()
  const delivery = await send(server.port)
  assert.deepEqual(delivery, { outcome: 'delivered', answer: '250 queued as 4711' })
  const [mail] = server.received
  assert.ok(mail)
  assert.deepEqual([mail.from, mail.to], ['backup@example.com', ['anna@example.com']])
  assert.match(mail.text, /^Subject: \[Understudy\] Urgent: SRV1: backup failed\r$/m)
  assert.match(mail.text, /^Message-ID: <1-1\.anna\.c@example\.com>\r$/m)
  assert.match(mail.text, /^Auto-Submitted: auto-generated\r$/m)
  assert.match(mail.text, /^Content-Type: text\/plain/m)
  assert.match(mail.text, /^Content-Type: text\/html/m)
  assert.match(mail.text, /The backup "Daily" failed 3 times in a row/)
})

test('mail goes out over TLS from the first byte', async () => {
  await using server = await mailServer({ secure: true })
  assert.equal(code(await send(server.port, { security: 'tls' })), 'delivered')
})

test('a server without encryption gets neither password nor mail', async () => {
  let logins = 0
  const onAuth: SMTPServerOptions['onAuth'] = (_auth, _session, callback) => {
    logins++
    callback(null, { user: 'x' })
  }
  await using server = await mailServer({ disabledCommands: ['STARTTLS'], allowInsecureAuth: true, onAuth })
  assert.equal(code(await send(server.port)), 'ALERT_TLS_MISSING')
  assert.deepEqual([logins, server.received.length], [0, 0])
})

test('mail without encryption goes only into a network that the administrator has allowed', async () => {
  await using server = await mailServer({ disabledCommands: ['STARTTLS', 'AUTH'] })
  const plain = { security: 'none', user: undefined, password: undefined }
  assert.equal(code(await send(server.port, plain)), 'delivered')
  const outside = async () => [{ address: '1.1.1.1' }]
  assert.equal(code(await send(server.port, plain, { options: { resolve: outside } })), 'ALERT_NOT_ENCRYPTED')
})

test('a certificate of another name, or of nobody we trust, is refused', async () => {
  await using server = await mailServer()
  assert.equal(code(await send(server.port, { host: 'other.example' })), 'ALERT_TLS_REFUSED')
  const untrusting = new Postman({ sender, allowed: ['127.0.0.2'], resolve: async () => [{ address: '127.0.0.2' }] })
  const channel = channelSchema.parse({
    id: 'c',
    name: 'M',
    kind: 'email',
    host: 'mail.example',
    port: server.port,
    from: 'a@example.com',
  })
  assert.equal(code(await untrusting.send(channel, oneMessage())), 'ALERT_TLS_REFUSED')
  await using direct = await mailServer({ secure: true })
  assert.equal(code(await send(direct.port, { host: 'other.example', security: 'tls' })), 'ALERT_TLS_REFUSED')
})

test('a wrong password is said to be one, without saying the password', async () => {
  await using server = await mailServer()
  const delivery = await send(server.port, { password: 'wrong-canary' })
  assert.equal(code(delivery), 'ALERT_LOGIN_REFUSED')
  assert.match(JSON.stringify(delivery), /535 .*no •••/)
  assert.doesNotMatch(JSON.stringify(delivery), /wrong-canary/)
})

const replies: readonly (readonly [when: string, options: SMTPServerOptions, code: string])[] = [
  [
    'the sender is refused',
    { onMailFrom: (_address, _session, callback) => callback(refusal(550, '5.7.1 not yours')) },
    'ALERT_SENDER_REFUSED',
  ],
  [
    'the reader is not known',
    { onRcptTo: (_address, _session, callback) => callback(refusal(550, '5.1.1 no such user')) },
    'ALERT_READER_REFUSED',
  ],
  [
    'the reader is grey-listed',
    { onRcptTo: (_address, _session, callback) => callback(refusal(450, '4.7.1 try later')) },
    'ALERT_BUSY, again',
  ],
  [
    'the login is put off',
    { onAuth: (_auth, _session, callback) => callback(refusal(454, '4.7.0 try later')) },
    'ALERT_BUSY, again',
  ],
  [
    'the message is refused',
    { onData: (stream, _session, callback) => stream.resume().on('end', () => callback(refusal(554, '5.7.1 spam'))) },
    'ALERT_REFUSED',
  ],
  [
    'the server is full',
    { onData: (stream, _session, callback) => stream.resume().on('end', () => callback(refusal(452, '4.3.1 full'))) },
    'ALERT_BUSY, again',
  ],
  [
    'the server takes nobody now',
    { onConnect: (_session, callback) => callback(refusal(421, '4.3.2 closing')) },
    'ALERT_BUSY, again',
  ],
]

for (const [when, options, expected] of replies) {
  test(`when ${when} it is ${expected}, in the words of the mail server`, async () => {
    await using server = await mailServer(options)
    const delivery = await send(server.port)
    assert.equal(code(delivery), expected)
    assert.match(delivery.outcome === 'failed' ? delivery.reason : '', /\d\.\d\.\d [a-z]/)
  })
}

/** A server of bytes, for what no mail server does. */
async function rawServer(speak: (socket: Socket) => void) {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    speak(socket)
  })
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => sockets.add(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.2', resolve))
  const { port } = server.address() as AddressInfo
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

test('a server that accepts and says nothing is given up', async () => {
  await using server = await rawServer(() => undefined)
  assert.equal(code(await send(server.port, {}, { options: { timeout: 300 } })), 'ALERT_TOO_SLOW, again')
})

test('a server that says a byte now and then for ever is given up', async () => {
  await using server = await rawServer((socket) => {
    const timer = setInterval(() => socket.write('2'), 20)
    socket.on('close', () => clearInterval(timer))
  })
  assert.equal(code(await send(server.port, {}, { options: { timeout: 300 } })), 'ALERT_TOO_SLOW, again')
})

test('a server that hangs up, or talks of something else, is a passing trouble', async () => {
  await using silent = await rawServer((socket) => socket.destroy())
  assert.equal(code(await send(silent.port)), 'ALERT_UNREACHABLE, again')
  await using web = await rawServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
  assert.equal(code(await send(web.port)), 'ALERT_UNREACHABLE, again')
})

test('where nobody listens it is a passing trouble, and the next address is tried', async () => {
  await using server = await mailServer()
  const nobody = async () => [{ address: '127.0.0.3' }]
  assert.equal(
    code(await send(server.port, {}, { options: { resolve: nobody, allowed: ['127.0.0.0/8'] } })),
    'ALERT_UNREACHABLE, again',
  )
  const second = async () => [{ address: '127.0.0.3' }, { address: '127.0.0.2' }]
  assert.equal(
    code(await send(server.port, {}, { options: { resolve: second, allowed: ['127.0.0.0/8'] } })),
    'delivered',
  )
})

test('a mail server in the network of this server is not connected to unless that was allowed', async () => {
  await using server = await mailServer()
  assert.equal(
    code(await send(server.port, { host: '127.0.0.2' }, { options: { allowed: [] } })),
    'ALERT_ADDRESS_REFUSED',
  )
  assert.equal(code(await send(server.port, {}, { options: { allowed: [] } })), 'ALERT_ADDRESS_REFUSED')
})

test('names from outside become neither headers nor pages', async () => {
  await using server = await mailServer()
  const hostile = condition('run_failed', {
    name: 'X\r\nBcc: thief@example.com\r\n\r\n<script>alert(1)</script>',
    facts: { reason: '<img src=x onerror=y>' },
  })
  const { recipient } = oneMessage()
  const sent = oneMessage({
    recipient: { ...recipient, name: 'Anna\r\nBcc: thief@example.com' },
    news: [{ event: 'new', severity: 'critical', condition: hostile }],
  })
  assert.equal(code(await send(server.port, {}, { sent })), 'delivered')
  const [mail] = server.received
  assert.deepEqual(mail?.to, ['anna@example.com'])
  assert.doesNotMatch(mail?.text ?? '', /^Bcc:/im)
  const page = (mail?.text ?? '')
    .slice((mail?.text ?? '').indexOf('text/html'))
    .replace(/=\r\n/g, '')
    .replace(/=3D/g, '=')
  assert.match(page, /<!doctype html>/)
  assert.doesNotMatch(page, /<script|<img/)
})

test('a person without an address is told of', async () => {
  const { recipient } = oneMessage()
  assert.equal(
    code(await send(1, {}, { sent: oneMessage({ recipient: { ...recipient, address: null } }) })),
    'ALERT_ADDRESS_MISSING',
  )
})

test('a caller that cancels gets its own reason, and the connection is closed', async () => {
  const closed = Promise.withResolvers<void>()
  const cancel = new AbortController()
  await using server = await rawServer((socket) => {
    socket.on('close', () => closed.resolve())
    cancel.abort(new Error('enough'))
  })
  const channel = channelSchema.parse({
    id: 'c',
    name: 'M',
    kind: 'email',
    host: '127.0.0.2',
    port: server.port,
    from: 'a@example.com',
  })
  const postman = new Postman({ sender, allowed: ['127.0.0.2'] })
  await assert.rejects(postman.send(channel, oneMessage(), { signal: cancel.signal }), { message: 'enough' })
  await closed.promise
})
