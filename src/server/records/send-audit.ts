import { open } from 'node:fs/promises'
import { messageOf } from '#base'
import type { Cancellable } from '#base'
import type { Services } from '../app/services.ts'
import { ServerError } from '../errors.ts'
import type { Row } from '../store/tables.ts'
import type { Round } from '../work/round.ts'
import { showAuditEntry } from './audit.ts'

/**
 * The audit log is sent on as it grows: whoever takes over the server can rewrite its database, chain and all, but not what
 * lies elsewhere already. Each entry is a line of JSON with its number and hash; a line may come twice, and none is left out.
 */
export interface AuditSink {
  /** Takes whole lines. What it has taken is safe there. */
  send(lines: string, options: Cancellable): Promise<void>
}

/** Milliseconds until a receiver has to have answered. */
const patience = 20_000

/**
 * Where to send it: an `https:` address, to which lines are posted, or a file, to which they are added (a log shipper takes
 * them from there). `token`, where the receiver wants one, goes into the header and into no address. Throws
 * `AUDIT_PLACE_INVALID`.
 */
export function openAuditSink(place: string, { token }: { readonly token?: string | undefined } = {}): AuditSink {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(place)) return { send: async (lines) => await addToFile(place, lines) }
  const url = URL.canParse(place) ? new URL(place) : undefined
  const refuse = (reason: string) => new ServerError('AUDIT_PLACE_INVALID', { reason })
  if (!url || (url.protocol !== 'https:' && !isThisMachine(url)))
    throw refuse('it is neither a file nor begins with https://')
  if (url.username !== '' || url.password !== '') throw refuse('a password does not belong into an address')
  return { send: async (lines, { signal }) => await post(url, { lines, token, signal }) }
}

function isThisMachine({ protocol, hostname }: URL): boolean {
  return protocol === 'http:' && ['localhost', '127.0.0.1', '[::1]'].includes(hostname)
}

async function addToFile(path: string, lines: string): Promise<void> {
  try {
    await using file = await open(path, 'a', 0o600)
    await file.writeFile(lines)
    await file.sync()
  } catch (cause) {
    throw new ServerError('AUDIT_NOT_SENT', { reason: messageOf(cause), cause })
  }
}

async function post(
  url: URL,
  { lines, token, signal }: { readonly lines: string; readonly token: string | undefined } & Cancellable,
): Promise<void> {
  const deadline = AbortSignal.timeout(patience)
  try {
    const { ok, status, body } = await fetch(url, {
      method: 'POST',
      body: lines,
      redirect: 'error',
      headers: {
        'content-type': 'application/x-ndjson',
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
      signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
    })
    await body?.cancel()
    if (!ok) throw new Error(`it answered with status ${status}`)
  } catch (cause) {
    signal?.throwIfAborted()
    throw new ServerError('AUDIT_NOT_SENT', { reason: messageOf(cause), transient: true, cause })
  }
}

/** The last entry that was taken. */
interface Sent {
  readonly seq: number
  readonly hash: string
}

const sentName = 'audit.sent'
const batch = 500

/** Sends on what the audit log has got since the last time. Where it was rewritten, that is sent, too, and all of it anew. */
export function sendAuditRound(sink: AuditSink): Round {
  return {
    name: 'send the audit log on',
    every: 2_000,
    async run(services, { signal }) {
      let sent = await sentOf(services)
      if (!(await stillHolds(services, sent))) {
        await sink.send(`${JSON.stringify({ rewritten: sent })}\n`, { signal })
        await note(services, (sent = { seq: 0, hash: '' }))
      }
      for (;;) {
        const entries = await entriesAfter(services, sent.seq)
        const last = entries.at(-1)
        if (!last) return
        await sink.send(entries.map(lineOf).join(''), { signal })
        await note(services, (sent = { seq: last.seq, hash: last.hash }))
      }
    },
  }
}

async function entriesAfter({ store }: Services, seq: number): Promise<Row<'audit'>[]> {
  return await store.db.selectFrom('audit').selectAll().where('seq', '>', seq).orderBy('seq').limit(batch).execute()
}

/** `hash` is the SHA-256 of `JSON.stringify` of the hash before, `seq`, `at` in milliseconds, and what follows, in this order. */
function lineOf(entry: Row<'audit'>): string {
  return `${JSON.stringify(showAuditEntry(entry))}\n`
}

async function sentOf({ store }: Services): Promise<Sent> {
  const row = await store.db.selectFrom('settings').select('value').where('name', '=', sentName).executeTakeFirst()
  return row ? (JSON.parse(row.value) as Sent) : { seq: 0, hash: '' }
}

async function stillHolds({ store }: Services, { seq, hash }: Sent): Promise<boolean> {
  if (seq === 0) return true
  const row = await store.db.selectFrom('audit').select('hash').where('seq', '=', seq).executeTakeFirst()
  return row?.hash === hash
}

async function note({ store }: Services, sent: Sent): Promise<void> {
  const value = JSON.stringify(sent)
  await store.db
    .insertInto('settings')
    .values({ name: sentName, value })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
    .execute()
}
