import { createHash, randomBytes } from 'node:crypto'
import type { HttpCalls } from './http-calls.ts'

/** What a backup sends, as restic does: packs, an index, a snapshot, between a lock and its end. */
export interface SimulatedBackup {
  readonly packs: readonly NamedBytes[]
  readonly index: NamedBytes
  readonly snapshot: NamedBytes
  readonly lock: NamedBytes
}

interface NamedBytes {
  readonly name: string
  readonly bytes: Buffer
}

const mebibyte = 1 << 20

/** A backup of so many bytes; packs have 16 MiB, as restic's. */
export function makeBackup(bytes: number): SimulatedBackup {
  const packs: NamedBytes[] = []
  for (let left = bytes; left > 0; left -= 16 * mebibyte) packs.push(named(Math.min(left, 16 * mebibyte)))
  return { packs, index: named(4_000), snapshot: named(400), lock: named(200) }
}

function named(length: number): NamedBytes {
  const bytes = randomBytes(length)
  return { bytes, name: createHash('sha256').update(bytes).digest('hex') }
}

/** Where a repository is: the path at its server, and what opens it. */
export interface RepositoryDoor {
  readonly path: string
  readonly authorization: string | undefined
}

export function basic(user: string, secret: string): string {
  return `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}`
}

/** Makes the repository, as `init` does. */
export async function initialise(calls: HttpCalls, door: RepositoryDoor): Promise<void> {
  await send(calls, door, { method: 'POST', at: '?create=true' })
  const key = named(400)
  await send(calls, door, { method: 'POST', at: `keys/${key.name}`, body: key.bytes })
  await send(calls, door, { method: 'POST', at: 'config', body: named(150).bytes })
}

/** Sends a backup, its packs side by side as restic does. */
export async function sendBackup(calls: HttpCalls, door: RepositoryDoor, backup: SimulatedBackup): Promise<void> {
  const { packs, index, snapshot, lock } = backup
  const post = async (folder: string, { name, bytes }: NamedBytes) =>
    await send(calls, door, { method: 'POST', at: `${folder}/${name}`, body: bytes })
  await post('locks', lock)
  await Promise.all(packs.map(async (pack) => await post('data', pack)))
  await post('index', index)
  await post('snapshots', snapshot)
  await send(calls, door, { method: 'DELETE', at: `locks/${lock.name}` })
}

/** Returns the name of the lock. */
export async function postLock(calls: HttpCalls, door: RepositoryDoor): Promise<string> {
  const { name, bytes } = named(200)
  await send(calls, door, { method: 'POST', at: `locks/${name}`, body: bytes })
  return name
}

export async function removeLock(calls: HttpCalls, door: RepositoryDoor, name: string): Promise<void> {
  await send(calls, door, { method: 'DELETE', at: `locks/${name}` })
}

async function send(
  calls: HttpCalls,
  { path, authorization }: RepositoryDoor,
  { method, at, body }: { readonly method: string; readonly at: string; readonly body?: Buffer },
): Promise<void> {
  const headers = authorization === undefined ? {} : { authorization }
  const { status, text } = await calls.send(method, path + at, { headers, ...(body && { body }) })
  if (status !== 200) throw new Error(`${method} ${at}: ${status} ${text.slice(0, 200)}`)
}
