import type { Cancellable } from '#base'
import { dumpFile, findForDump } from '#restorer'
import type { DumpRepository } from '#restorer'

import { DatabaseError } from './errors.ts'
import { summaryPath } from './dump.ts'
import type { DumpEvidence } from './evidence.ts'

/** A dump as it lies in a snapshot. */
export interface StoredDump {
  readonly engine: DumpEvidence['engine']
  /** What the database was called. */
  readonly database: string
  /** How it is made, as SQL; empty where there is no server. */
  readonly create: string
  /** What it was found to hold when it was dumped. */
  readonly counts?: DumpEvidence['counts']
  readonly bytes: number
  /** Writes its content, as often as it is called; bytes are good until `write` resolves. */
  pour(write: (bytes: Uint8Array) => Promise<void>): Promise<void>
}

/** No summary of databases is larger. */
const mostText = 64 << 20

/** What the snapshot with this tree says of its dumps. Throws DUMP_NOT_FOUND, DATABASE_SUMMARY_INVALID. */
export async function loadDumpEvidence(
  repository: DumpRepository,
  tree: Buffer,
  options: Cancellable = {},
): Promise<readonly DumpEvidence[]> {
  const text = await loadText(repository, { tree, path: summaryPath }, options)
  try {
    const { version, dumps } = JSON.parse(text) as { version: unknown; dumps: unknown }
    if (version === 1 && Array.isArray(dumps)) return dumps as DumpEvidence[]
  } catch {
    // The same as a summary of another kind.
  }
  throw new DatabaseError('DATABASE_SUMMARY_INVALID', { path: summaryPath })
}

/** The dump of one database in the snapshot with this tree. Throws DATABASE_MISSING when it is not there. */
export async function openStoredDump(
  repository: DumpRepository,
  { tree, path }: { readonly tree: Buffer; readonly path: string },
  options: Cancellable = {},
): Promise<StoredDump> {
  const dumps = await loadDumpEvidence(repository, tree, options)
  const about = dumps.find((dump) => dump.path === path && dump.kind === 'database')
  if (!about || about.outcome === 'failed')
    throw new DatabaseError('DATABASE_MISSING', { database: path, name: 'the snapshot' })
  const { engine, subject: database, bytes, counts } = about
  const createPath = path.replace(/\.sql$/, '.create.sql')
  const create =
    engine === 'sqlite' || engine === 'hook' ? '' : await loadText(repository, { tree, path: createPath }, options)
  const found = await findForDump(repository, { tree, path }, options)
  if (found.kind === 'folder') throw new DatabaseError('DATABASE_MISSING', { database: path, name: 'the snapshot' })
  const pour: StoredDump['pour'] = async (write) => await dumpFile(repository, found, { write, ...options })
  return { engine, database, create, bytes, pour, ...(counts && { counts }) }
}

/** A small file of the snapshot, such as the roles of a server. Throws DUMP_NOT_FOUND. */
export async function loadText(
  repository: DumpRepository,
  { tree, path }: { readonly tree: Buffer; readonly path: string },
  options: Cancellable = {},
): Promise<string> {
  const found = await findForDump(repository, { tree, path }, options)
  if (found.kind === 'folder' || found.node.size > mostText)
    throw new DatabaseError('DATABASE_SUMMARY_INVALID', { path })
  const pieces: Buffer[] = []
  const write = async (bytes: Uint8Array) => void pieces.push(Buffer.from(bytes))
  await dumpFile(repository, found, { write, ...options })
  return Buffer.concat(pieces).toString('utf8')
}
