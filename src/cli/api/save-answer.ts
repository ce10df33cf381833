import { randomBytes } from 'node:crypto'
import { link, open, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { formatBytes, hasCode, printable } from '#base'
import type { CommandContext } from '../context.ts'
import { plainMessage } from '../failure-text.ts'
import { LiveStatus } from '../live-status.ts'
import type { Terminal } from '../terminal.ts'
import { piecesOf } from './connection.ts'
import type { KnownServer, OpenAnswer } from './connection.ts'
import { CallError } from './errors.ts'

/** Stands for standard output. */
const standardOutput = '-'

export interface SaveOptions {
  /** A file, a folder that is there, or `-` for standard output. Default: the current folder. */
  readonly to: string | undefined
  /** Whether a file that is there may be replaced. */
  readonly force: boolean
}

/**
 * Makes a call that is answered with a file, and saves it, for its user only. Under its name it is whole: it is written to a
 * part file beside it. Throws `DOWNLOAD_NAME_UNFIT`, `DOWNLOAD_IN_THE_WAY`, `DOWNLOAD_NO_FILE`, `DOWNLOAD_NOT_SAVED`, and what
 * the call throws.
 */
export async function saveAnswer(
  context: CommandContext,
  { server, call }: { readonly server: KnownServer; readonly call: () => Promise<OpenAnswer> },
  { to, force }: SaveOptions,
): Promise<void> {
  const { printer, signal } = context
  // Before anything is asked for: a download stands in the audit log.
  const isFolder = to === undefined || (to !== standardOutput && (await isThereAs(to, { force })) === 'folder')
  const answer = await call()
  try {
    requireFile(server, answer)
    const coming = piecesOf(server, answer, { signal })
    if (to === standardOutput) return await print(printer.terminal, coming)
    const path = isFolder ? join(to ?? '', nameIn(answer)) : to
    if (isFolder && (await isThereAs(path, { force })) === 'folder') throw new CallError('DOWNLOAD_NO_FILE', { path })
    const bytes = await save(context, { coming, size: Number(answer.headers['content-length']) }, { path, force })
    if (printer.isJson) printer.json({ message_type: 'saved', path, bytes })
    else printer.say(`Saved ${formatBytes(bytes)} as ${printable(path)}.`)
  } finally {
    answer.body.destroy()
  }
}

/** What is there already: nothing or a file that may be replaced, or a folder. Throws if it is anything else. */
export async function isThereAs(path: string, { force }: { readonly force: boolean }): Promise<'free' | 'folder'> {
  const there = await stat(path).catch((thrown: unknown) => {
    if (hasCode(thrown, 'ENOENT')) return undefined
    throw notSaved(path, thrown)
  })
  if (!there) return 'free'
  if (there.isDirectory()) return 'folder'
  if (!there.isFile()) throw new CallError('DOWNLOAD_NO_FILE', { path })
  if (!force) throw new CallError('DOWNLOAD_IN_THE_WAY', { path })
  return 'free'
}

function requireFile({ url }: KnownServer, { headers }: OpenAnswer): void {
  if (headers['content-type'] === 'application/octet-stream') return
  throw new CallError('ANSWER_INVALID', { url, reason: 'what it sends is no file' })
}

/** The name that the answer gives its file (RFC 6266), if it is one that can only lie in the folder it is put into. */
function nameIn({ headers }: OpenAnswer): string {
  const given = headers['content-disposition'] ?? ''
  const [, encoded] = /filename\*=UTF-8''([^;\s]*)/i.exec(given) ?? []
  const [, plain = ''] = /filename="([^"]*)"/i.exec(given) ?? []
  const name = encoded === undefined ? plain : decode(encoded)
  if (/^\.{0,2}$|[/\\\0]/.test(name)) throw new CallError('DOWNLOAD_NAME_UNFIT', { name })
  return name
}

function decode(encoded: string): string {
  try {
    return decodeURIComponent(encoded)
  } catch {
    return ''
  }
}

async function print(terminal: Terminal, coming: AsyncIterable<Buffer>): Promise<void> {
  for await (const piece of coming) await terminal.writeThrough(piece)
}

interface Coming {
  readonly coming: AsyncIterable<Buffer>
  /** Bytes; not a number where the server does not know it. */
  readonly size: number
}

/** Writes a file that is whole under its name, for its user only. Returns how many bytes there were. */
export async function save(
  context: CommandContext,
  { coming, size }: Coming,
  { path, force }: { readonly path: string; readonly force: boolean },
): Promise<number> {
  let bytes = 0
  const part = join(dirname(path), `.understudy-${randomBytes(6).toString('hex')}.part`)
  const named = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    try {
      return await work()
    } catch (cause) {
      throw notSaved(path, cause)
    }
  }
  const file = await named(async () => await open(part, 'wx', 0o600))
  try {
    using _ = new LiveStatus(context, () => ({ lines: [describe(bytes, size)] }))
    for await (const piece of coming) {
      await named(async () => await file.writeFile(piece))
      bytes += piece.length
    }
    await named(async () => await file.sync())
    await named(async () => await file.close())
    if (force) await named(async () => await rename(part, path))
    else await nameAnew(part, path)
    return bytes
  } finally {
    await file.close().catch(() => undefined)
    await rm(part, { force: true }).catch(() => undefined)
  }
}

/** Gives a file its name if there is nothing of that name, also when it has come to be there just now. */
async function nameAnew(part: string, path: string): Promise<void> {
  try {
    await link(part, path)
  } catch (cause) {
    if (hasCode(cause, 'EEXIST')) throw new CallError('DOWNLOAD_IN_THE_WAY', { path, cause })
    if (!linksAreUnknown.some((code) => hasCode(cause, code))) throw notSaved(path, cause)
    await isThereAs(path, { force: false })
    await rename(part, path).catch((thrown: unknown) => {
      throw notSaved(path, thrown)
    })
  }
}

/** As file systems without hard links say so: FAT, network shares. */
const linksAreUnknown = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EACCES']

function describe(bytes: number, size: number): string {
  return Number.isSafeInteger(size) ? `${formatBytes(bytes)} of ${formatBytes(size)}` : formatBytes(bytes)
}

function notSaved(path: string, cause: unknown): CallError {
  return new CallError('DOWNLOAD_NOT_SAVED', { path, reason: plainMessage(cause), cause })
}
