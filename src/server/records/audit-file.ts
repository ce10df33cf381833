import { z } from 'zod'
import type { AuditLog } from './audit.ts'
import { auditContentOf, showAuditEntry } from './audit.ts'
import { AuditFileError } from './errors.ts'
import { linkHash } from './chain.ts'
import type { Link } from './chain.ts'

/**
 * The audit log as a file, to be kept where the server cannot reach it: lines of JSON. The first says after which entry it
 * begins, with that entry's hash, and up to which it goes; then each entry, as the API shows it. All that is needed to verify it
 * is in it, so nobody has to ask the server whether the server is to be believed.
 */

const linkSchema = z.object({ seq: z.int().min(0), hash: z.string() })
const headSchema = z.object({ format: z.literal('understudy-audit-1'), after: linkSchema, until: linkSchema })
const entrySchema = z.object({
  seq: z.int(),
  at: z.iso.datetime({ offset: true }),
  who: z.string(),
  what: z.string(),
  clientId: z.string().nullable(),
  fromWhere: z.string(),
  details: z.record(z.string(), z.unknown()),
  hash: z.string(),
})

/** Entries after the one of this number, up to the newest of now. */
export async function* writeAuditFile(audit: AuditLog, after: Link): AsyncGenerator<Uint8Array> {
  const until = await audit.head()
  yield lineOf({ format: 'understudy-audit-1', after, until })
  for await (const entry of audit.entries({ after: after.seq })) {
    if (entry.seq > until.seq) return
    yield lineOf(showAuditEntry(entry))
  }
}

function lineOf(value: object): Uint8Array {
  return Buffer.from(`${JSON.stringify(value)}\n`)
}

export type AuditFileFault =
  /** An entry is not the one that must follow. */
  | { readonly kind: 'missing' | 'changed'; readonly seq: number }
  /** It ends before the entry that it said it goes up to, or there is another. */
  | { readonly kind: 'cut'; readonly seq: number }
  /** No entry in it has the hash that is known. */
  | { readonly kind: 'other log'; readonly seq: number }

export interface VerifiedAuditFile {
  readonly after: number
  readonly entries: number
  /** The last entry that fits. */
  readonly head: Link
  readonly fault: AuditFileFault | undefined
}

/**
 * Follows the chain in a file. `known`: the hash of an entry, as somebody has noted it before; the log is the same up to there
 * when it is found. Throws `AUDIT_FILE_INVALID`.
 */
export async function verifyAuditFile(
  lines: AsyncIterable<string>,
  { known }: { readonly known?: string | undefined } = {},
): Promise<VerifiedAuditFile> {
  let number = 0
  let header: z.output<typeof headSchema> | undefined
  let head: Link = { seq: 0, hash: '' }
  let isKnown = known === undefined
  const ended = (fault?: AuditFileFault): VerifiedAuditFile => {
    const after = header?.after.seq ?? 0
    return { after, entries: head.seq - after, head, fault }
  }
  for await (const line of lines) {
    number++
    if (!header) {
      header = readLine(headSchema, line, number)
      head = header.after
      isKnown ||= head.hash === known
      continue
    }
    const { hash, seq, ...content } = readLine(entrySchema, line, number)
    if (seq !== head.seq + 1) return ended({ kind: 'missing', seq: head.seq + 1 })
    const row = { ...content, at: Date.parse(content.at), details: JSON.stringify(content.details) }
    if (linkHash(head.hash, seq, auditContentOf(row)) !== hash) return ended({ kind: 'changed', seq })
    head = { seq, hash }
    isKnown ||= hash === known
  }
  if (!header) throw new AuditFileError('AUDIT_FILE_INVALID', { line: 1, reason: 'it is empty' })
  const { until } = header
  if (until.seq !== head.seq || until.hash !== head.hash) return ended({ kind: 'cut', seq: head.seq + 1 })
  return ended(isKnown ? undefined : { kind: 'other log', seq: head.seq })
}

function readLine<Schema extends z.ZodType>(schema: Schema, line: string, number: number): z.output<Schema> {
  try {
    return schema.parse(JSON.parse(line))
  } catch (cause) {
    const reason = cause instanceof SyntaxError ? 'it is not JSON' : 'it is not what the server writes'
    throw new AuditFileError('AUDIT_FILE_INVALID', { line: number, reason, cause })
  }
}
