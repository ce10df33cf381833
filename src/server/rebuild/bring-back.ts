import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { sql } from 'kysely'
import type { Kysely } from 'kysely'
import { hasCode } from '#base'
import type { Cancellable, Clock } from '#base'
import { loadIndex, loadSnapshots, openRepository } from '#repository'
import type { IndexedRepository } from '#repository'
import { openBackend, parseLocation } from '#backend'
import type { z } from 'zod'
import { OwnBackupError } from '../own-backup/errors.ts'
import { importTables } from '../own-backup/import.ts'
import { aboutFile, aboutSchema, ownFiles, ownFolder, ownTag } from '../own-backup/own-backup-job.ts'
import { ownRepositoryName } from '../own-backup/own-repository.ts'
import { loadFiles } from '../own-backup/snapshot-files.ts'
import type { SavedFile } from '../own-backup/snapshot-files.ts'
import { Operations } from '../operations/operations.ts'
import { orderTakeIns } from '../standing/order-take-ins.ts'
import { raised, readStanding, writeStanding } from '../standing/standing.ts'
import { layoutOf } from '../store/layout.ts'
import { migrateTo } from '../store/migrate.ts'
import type { Store } from '../store/store.ts'
import { formatMoment } from '../time.ts'
import { calm } from './calm.ts'

/** Brings a server back from its own backup: key, certificate and control data, into an empty folder and database. */

export interface BringBackOptions extends Cancellable {
  /** Where the own repository lies, or the folder that it lies in. */
  readonly location: string
  readonly password: string
  readonly folder: string
  readonly clock: Clock
}

export type About = z.output<typeof aboutSchema>

/**
 * Key and certificate first, the control data last and all at once: whatever ends this (a power cut, a full disk), it can be given
 * again and goes on. Throws `OwnBackupError`s, `PASSWORD_WRONG`, and what opening throws.
 */
export async function bringBack(store: Store, options: BringBackOptions): Promise<About> {
  const { folder, clock } = options
  await using opened = await findOwnRepository(options)
  const files = await newestFiles(opened.repository, options)
  const about = readAbout(await textOf(files, aboutFile))
  for (const [name, path] of Object.entries(ownFiles))
    await writeOwnFile(files, name, { path: join(folder, path), folder })
  await migrateTo(store, about.step, { copyFolder: folder, clock })
  const tables = files.filter(({ name }) => name.endsWith('.jsonl'))
  await importTables(store, tables, async (transaction) => {
    const because = becauseOf(about)
    await calm(transaction, { because, now: clock.now() })
    // Machines follow this server from now on, and no more the one that was lost, should it come back.
    const standing = await readStanding(transaction)
    await writeStanding(transaction, standing, raised(standing))
    // What has arrived since is learned, also when this server is ended before it has told what it learned.
    await orderTakeIns(new Operations(store.db, clock), { because, epoch: raised(standing).epoch, transaction })
  })
  return about
}

/** Why things are not as they were, for the people who read it. */
export function becauseOf({ madeAt }: About): string {
  return `the server was brought back from its backup of ${formatMoment(madeAt)}`
}

/** Tables without a row are what a rebuild has left that was cut off. Throws `REBUILD_NOT_EMPTY`. */
export async function requireEmptyStore(store: Store): Promise<void> {
  const db = store.db as unknown as Kysely<unknown>
  for (const { name } of await layoutOf(db, store.engine)) {
    const { rows } = await sql`select 1 from ${sql.table(name)} limit 1`.execute(db.withoutPlugins())
    if (rows.length > 0) throw new OwnBackupError('REBUILD_NOT_EMPTY', { place: store.location })
  }
}

/** Throws `REBUILD_NOT_EMPTY`. */
export async function requireEmptyFolder(folder: string): Promise<void> {
  for (const path of Object.values(ownFiles)) {
    const there = await readFile(join(folder, path)).then(
      () => true,
      () => false,
    )
    if (there) throw new OwnBackupError('REBUILD_NOT_EMPTY', { place: folder })
  }
}

interface Found extends AsyncDisposable {
  readonly repository: IndexedRepository
}

async function findOwnRepository({ location, password, signal }: BringBackOptions): Promise<Found> {
  const base = location.replace(/\/+$/, '')
  for (const place of [`${base}/${ownRepositoryName}`, base]) {
    await using stack = new AsyncDisposableStack()
    const backend = stack.use(openBackend(parseLocation(place, process.env)))
    try {
      const repository = stack.use(await openRepository(backend, { password, signal }))
      const indexed = await loadIndex(repository, { signal })
      const owned = stack.move()
      return { repository: indexed, [Symbol.asyncDispose]: async () => await owned.disposeAsync() }
    } catch (thrown) {
      if (!hasCode(thrown, 'REPOSITORY_NOT_FOUND')) throw thrown
    }
  }
  throw new OwnBackupError('REBUILD_NOTHING_THERE', { location: parseLocation(location, process.env).display })
}

/** Of the newest backup that is whole. From when it is stands in the report. */
async function newestFiles(repository: IndexedRepository, options: BringBackOptions): Promise<SavedFile[]> {
  const { signal } = options
  const snapshots = await loadSnapshots(repository, { signal, onDamaged: () => undefined })
  const own = snapshots.filter(({ tags }) => tags.includes(ownTag)).reverse()
  for (const snapshot of own) {
    const files = await loadFiles(repository, snapshot, { folder: ownFolder, signal }).catch((thrown: unknown) => {
      if (isDamage(thrown)) return undefined
      throw thrown
    })
    if (files && (await isWhole(files, options))) return files
  }
  throw new OwnBackupError('REBUILD_NOTHING_THERE', { location: repository.backend.location })
}

/** Reads all of it once before anything is entered: half a server must not come of it. */
async function isWhole(files: readonly SavedFile[], { signal }: Cancellable): Promise<boolean> {
  try {
    for (const file of files) for await (const piece of file.pieces({ signal })) void piece
    return true
  } catch (thrown) {
    if (isDamage(thrown)) return false
    throw thrown
  }
}

function isDamage(thrown: unknown): boolean {
  return ['BLOB_DAMAGED', 'BLOB_NOT_FOUND'].some((code) => hasCode(thrown, code))
}

async function textOf(files: readonly SavedFile[], name: string): Promise<string> {
  const file = files.find((each) => each.name === name)
  const bytes: Buffer[] = []
  if (file) for await (const piece of file.pieces()) bytes.push(piece)
  return Buffer.concat(bytes).toString('utf8')
}

function readAbout(text: string): About {
  try {
    return aboutSchema.parse(JSON.parse(text))
  } catch (cause) {
    throw new OwnBackupError('REBUILD_BACKUP_INVALID', { reason: `it does not say what it is (${aboutFile})`, cause })
  }
}

/** In place of no other one. Throws `REBUILD_NOT_EMPTY`. */
async function writeOwnFile(
  files: readonly SavedFile[],
  name: string,
  { path, folder }: { readonly path: string; readonly folder: string },
): Promise<void> {
  const text = await textOf(files, name)
  if (text === '') return
  const there = await readFile(path, 'utf8').catch((thrown: unknown) => {
    if (hasCode(thrown, 'ENOENT')) return undefined
    throw thrown
  })
  if (there === text) return
  if (there !== undefined) throw new OwnBackupError('REBUILD_NOT_EMPTY', { place: folder })
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  await writeFile(`${path}.new`, text, { mode: 0o600, flush: true })
  await rename(`${path}.new`, path)
}
