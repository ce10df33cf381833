/** Mail by SMTP. A server that does not encrypt is refused unless the channel says otherwise. */
import { connect as connectTo, isIP, type Socket } from 'node:net'
import { messageOf, printable } from '#base'
import type { Channel } from '#protocol'
import { createTransport } from 'nodemailer'
import { AlertError } from '../errors.ts'
import type { Message } from '../message.ts'
import { formatHtml, formatText, type Words } from '../render.ts'
import type { Address } from './address-guard.ts'
import { connectionError, type Outside, tooSlow, untilAborted } from './call.ts'
import { maskSecrets, secretsOf } from './secrets.ts'

type EmailChannel = Extract<Channel, { readonly kind: 'email' }>

/** What the mail server said when it took the message; throws an `AlertError` when it did not. */
export async function sendEmail(
  channel: EmailChannel,
  message: Message,
  {
    words,
    outside,
    signal,
  }: { readonly words: Words; readonly outside: Outside; readonly signal?: AbortSignal | undefined },
): Promise<string> {
  const { recipient } = message
  if (recipient.address === null) throw new AlertError('ALERT_ADDRESS_MISSING', { person: recipient.name })
  const deadline = AbortSignal.timeout(outside.timeout)
  const ending = signal ? AbortSignal.any([signal, deadline]) : deadline
  try {
    using socket = await connectGuarded(channel, { outside, signal: ending })
    const transport = createTransport({ ...securityOf(channel, outside), ...limits, connection: socket.socket })
    const mail = mailOf(channel, message, { words, address: recipient.address })
    const { response } = await transport.sendMail({ ...mail, signal: ending })
    return shown(response, channel)
  } catch (thrown) {
    signal?.throwIfAborted()
    if (thrown instanceof AlertError) throw thrown
    if (deadline.aborted) throw tooSlow(channel.host, outside.timeout)
    throw smtpError(thrown, channel, recipient.address)
  }
}

/** Nothing of a message is ever fetched from a file or an address. */
const limits = { disableFileAccess: true, disableUrlAccess: true, logger: false } as const

function securityOf({ host, port, security, user, password }: EmailChannel, { ca, timeout }: Outside) {
  return {
    host,
    port,
    secure: security === 'tls',
    requireTLS: security === 'starttls',
    ignoreTLS: security === 'none',
    connectionTimeout: timeout,
    greetingTimeout: timeout,
    socketTimeout: timeout,
    tls: {
      minVersion: 'TLSv1.2',
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...(ca === undefined ? {} : { ca }),
    } as const,
    ...(user === undefined || password === undefined ? {} : { auth: { user, pass: password } }),
  }
}

function mailOf(
  { from }: EmailChannel,
  { id, recipient }: Message,
  { words, address }: { readonly words: Words; readonly address: string },
) {
  const domain = from.slice(from.lastIndexOf('@') + 1)
  return {
    // The same at every try: a mail program shows a message that arrives twice once.
    messageId: `<${id}.${recipient.person}.${recipient.channel}@${domain}>`,
    from: { name: 'Understudy', address: from },
    to: { name: printable(recipient.name), address },
    subject: `[Understudy] ${words.subject}`,
    text: formatText(words),
    html: formatHtml(words),
    priority: words.severity === 'critical' ? ('high' as const) : ('normal' as const),
    // No answering machine answers, and no loop begins (RFC 3834).
    headers: {
      'Auto-Submitted': 'auto-generated',
      'X-Auto-Response-Suppress': 'All',
    },
  }
}

/** A connection to one of the checked addresses, closed with whatever is under way when it is let go of. */
async function connectGuarded(
  { host, port, security }: EmailChannel,
  { outside, signal }: { readonly outside: Outside; readonly signal: AbortSignal },
): Promise<Disposable & { readonly socket: Socket }> {
  const addresses = await untilAborted(outside.guard.addressesOf(host), signal)
  if (security === 'none' && !addresses.every(({ isAllowed }) => isAllowed)) {
    throw new AlertError('ALERT_NOT_ENCRYPTED', { host })
  }
  const socket = await connectToFirst(addresses, port, {
    signal,
    share: Math.ceil(outside.timeout / (addresses.length + 1)),
  })
  return { socket, [Symbol.dispose]: () => socket.destroy() }
}

/** Names often lead to an IPv6 address that this network does not reach: each address gets its share of the time. */
async function connectToFirst(
  addresses: readonly Address[],
  port: number,
  { signal, share }: { readonly signal: AbortSignal; readonly share: number },
): Promise<Socket> {
  let failure: unknown
  for (const { address } of addresses) {
    try {
      return await connectOnce(address, port, { signal: AbortSignal.any([signal, AbortSignal.timeout(share)]) })
    } catch (thrown) {
      signal.throwIfAborted()
      failure = thrown
    }
  }
  throw failure
}

function connectOnce(address: string, port: number, { signal }: { readonly signal: AbortSignal }): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connectTo({ host: address, port })
    const abort = () => socket.destroy(Object.assign(new Error('no connection in time'), { code: 'ETIMEDOUT' }))
    signal.addEventListener('abort', abort, { once: true })
    socket.once('close', () => signal.removeEventListener('abort', abort))
    socket.once('error', reject)
    socket.once('connect', () => {
      signal.removeEventListener('abort', abort)
      // What goes wrong before the mail client listens must not end the program.
      socket.off('error', reject).on('error', () => undefined)
      resolve(socket)
    })
  })
}

/** What nodemailer's errors say besides their sentence. */
interface SmtpFailure {
  readonly code?: string
  readonly responseCode?: number
  readonly response?: string
  readonly command?: string
}

/** The words of the mail server are the reason: `550 5.1.1 no such user` says more than any of ours. */
function smtpError(thrown: unknown, channel: EmailChannel, reader: string): AlertError {
  const { host, from } = channel
  const { code = '', responseCode = 0, response, command = '' } = thrown as SmtpFailure
  if (code === 'ETLS' && /STARTTLS/i.test(command)) return new AlertError('ALERT_TLS_MISSING', { host })
  if (isDistrust(thrown, code)) return new AlertError('ALERT_TLS_REFUSED', { host, reason: messageOf(thrown) })
  if (responseCode === 0 || response === undefined) return connectionError(host, thrown)
  const reason = shown(response, channel)
  // 4xx: not now (grey-listing, too much at once); 5xx: never so.
  if (responseCode < 500) return new AlertError('ALERT_BUSY', { host, reason, transient: true })
  if (code === 'EAUTH') return new AlertError('ALERT_LOGIN_REFUSED', { host, reason })
  if (command === 'MAIL FROM') return new AlertError('ALERT_SENDER_REFUSED', { host, sender: from, reason })
  if (command === 'RCPT TO') return new AlertError('ALERT_READER_REFUSED', { host, reader, reason })
  return new AlertError('ALERT_REFUSED', { host, reason })
}

/** nodemailer gives every trouble of a connection one code: what Node said of the certificate is left in the sentence. */
function isDistrust(thrown: unknown, code: string): boolean {
  return code === 'ETLS' || (code === 'ESOCKET' && /certificate|\bssl\b|\btls\b/i.test(messageOf(thrown)))
}

function shown(response: string, channel: EmailChannel): string {
  return printable(maskSecrets(response, secretsOf(channel)).replace(/\s+/g, ' ').trim(), 200)
}
