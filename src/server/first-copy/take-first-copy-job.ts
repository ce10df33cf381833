import { hash } from 'node:crypto'
import { forEachConcurrent, formatBytes, formatCount, hasCode } from '#base'
import { firstCopyText, firstCopyTypes, idSchema, snapshotText } from '#protocol'
import type { FirstCopyPage, FirstCopyType, Outcome } from '#protocol'
import { lockRepository } from '#repository'
import { z } from 'zod'
import type { Services } from '../app/services.ts'
import { Uploads, Usage, countBytes } from '../endpoint/index.ts'
import type { Credential } from '../endpoint/index.ts'
import { ServerError } from '../errors.ts'
import { isSignedBy } from '../fleet/machine-signed.ts'
import { measureRepository } from '../retention/care.ts'
import { openOwnRepository } from '../repositories/open-repository.ts'
import { recordSnapshot } from '../repositories/own-storage.ts'
import { StoreLockOwners } from '../repositories/store-lock-owners.ts'
import { workingMachine } from '../restores/order-restore.ts'
import type { Row } from '../store/tables.ts'
import { serverJob } from '../work/job.ts'
import type { ServerJobWork } from '../work/job.ts'
import { FirstCopyError } from './errors.ts'
import { damaged, listedOn, openOn, readPage, requireComplete } from './travelled-disk.ts'
import type { ListedThere } from './travelled-disk.ts'

/**
 * Takes in a first copy that came by disk: is it this machine's, and complete? → is there room? → packs → index → snapshots, each
 * as if it were uploaded: held against its name, durable, in place of nothing → ledger, with the machine's signature. What is
 * there already is passed over, so it goes on where it was interrupted.
 */
export const takeFirstCopyJob = serverJob({
  kind: 'take-first-copy',
  order: z.object({ machineId: idSchema, folder: z.string() }),
  async run({ machineId, folder }, work) {
    const { services, signal } = work
    const { machine, repository } = await ownerOf(services, machineId)
    const page = await readPage(folder)
    await requireOwn(services, { page, folder, machine, repository })
    await requireComplete(folder, page, { signal })
    try {
      return await takeIn(work, { folder, page, repository })
    } finally {
      await measureRepository(services, repository.id)
    }
  },
})

interface Owner {
  readonly machine: Row<'machines'>
  readonly repository: Row<'repositories'>
}

/** Throws `NOT_FOUND`, `STATE_WRONG`. */
async function ownerOf(services: Services, machineId: string): Promise<Owner> {
  const machine = await workingMachine(services, machineId)
  const query = services.store.db.selectFrom('repositories').selectAll().where('machineId', '=', machineId)
  const repository = await query.executeTakeFirst()
  if (!repository) throw new ServerError('NOTHING_YET', { what: 'repository' })
  return { machine, repository }
}

interface Arrived extends Owner {
  readonly folder: string
  readonly page: FirstCopyPage
}

/** Whoever has the disk in hands cannot make another machine's repository, or a changed one, into this machine's. */
async function requireOwn({ storage }: Services, { page, folder, machine, repository }: Arrived): Promise<void> {
  const refuse = (reason: string) => new FirstCopyError('FIRST_COPY_FOREIGN', { folder, machine: machine.name, reason })
  if (page.machineId !== machine.id || page.repositoryId !== repository.id) throw refuse('it is another machine’s')
  const { snapshots, repositoryId } = page
  const isSigned =
    isSignedBy(machine.publicKey, firstCopyText(page), page.signature) &&
    snapshots.every((each) => isSignedBy(machine.publicKey, snapshotText({ ...each, repositoryId }), each.signature))
  if (!isSigned) throw refuse('the machine has not signed it')
  const backend = await storage.backend(repository.id)
  const config = await backend.read({ type: 'config', name: '' }).catch((thrown: unknown) => {
    if (hasCode(thrown, 'FILE_NOT_FOUND')) return undefined
    throw thrown
  })
  if (!config) throw refuse('its repository is not there any more')
  if (hash('sha256', config) !== page.configHash) throw refuse('it was made for another repository')
}

type TakingIn = Omit<Arrived, 'machine'>

/** Files that are taken in at once: one is read while another is brought onto the disk. */
const atOnce = 4
/** How long to wait for whoever prunes, in milliseconds. */
const lockWait = 10 * 60_000

async function takeIn(work: ServerJobWork, { folder, page, repository }: TakingIn): Promise<Outcome> {
  const { services } = work
  // As a backup does: what no index names yet is not removed meanwhile. Without the password nobody removes anything.
  await using lock =
    repository.sealedPassword === null
      ? undefined
      : await lockRepository(await openOwnRepository(services, repository.id, { signal: work.signal }), {
          retryFor: lockWait,
          clock: services.clock,
          signal: work.signal,
        })
  const signal = lock?.signal ?? work.signal
  const { known, bytes: total } = await requireRoom(services, { folder, page, repository })
  const uploads = uploadsFor(services)
  const credential = credentialOf(page, repository)
  const mine = new Set(page.snapshots.map(({ snapshotId }) => snapshotId))
  let [files, done] = [0, 0]
  const take = async (file: ListedThere) => {
    if (file.type === 'snapshot' && !mine.has(file.name)) return
    if (file.type !== 'snapshot' && known.has(keyOf(file))) return
    await takeFile(uploads, file, { folder, credential })
    files++
    done += file.size
    work.report({ step: 'take in', unit: 'bytes', done, total })
  }
  for (const type of firstCopyTypes) {
    await forEachConcurrent(ofType(folder, type), take, { concurrency: atOnce, signal })
  }
  await noteSignatures(services, page)
  const result = { snapshots: page.snapshots.length, files, bytes: done, filesThere: page.files - files }
  return { state: 'done', reason: `${formatCount(files, 'file')} with ${formatBytes(done)} were taken in.`, result }
}

async function* ofType(folder: string, wanted: FirstCopyType): AsyncGenerator<ListedThere> {
  for await (const file of listedOn(folder)) if (file.type === wanted) yield file
}

function credentialOf({ machineId }: FirstCopyPage, { id: repository, quotaBytes }: Row<'repositories'>): Credential {
  const allowed = quotaBytes === null ? {} : { allowedBytes: quotaBytes }
  return { repository, machine: machineId, state: 'open', ...allowed }
}

/** What is there already, and how much is to come. Throws `ENDPOINT_QUOTA_REACHED` before anything is taken in. */
async function requireRoom(
  { storage, clock }: Services,
  { folder, repository: { id, quotaBytes } }: TakingIn,
): Promise<{ readonly known: ReadonlySet<string>; readonly bytes: number }> {
  const known = new Set<string>()
  for (const type of firstCopyTypes) {
    for await (const { name, size } of storage.list(id, type)) known.add(keyOf({ type, name, size }))
  }
  let bytes = 0
  for await (const file of listedOn(folder)) if (!known.has(keyOf(file))) bytes += file.size
  const usage = new Usage({ count: async () => await countBytes(storage, id), clock, recountAfter: Infinity })
  using room = await usage.reserve(id, quotaBytes ?? undefined)
  room.grow(bytes)
  return { known, bytes }
}

function keyOf({ type, name, size }: ListedThere): string {
  return `${type} ${name} ${size}`
}

/** Bytes of the largest file, as at the repository endpoint. */
const largest = 256 << 20

function uploadsFor(services: Services): Uploads {
  const { storage, store, clock } = services
  const count = async (repository: string) => await countBytes(storage, repository)
  return new Uploads({
    storage,
    usage: new Usage({ count, clock, recountAfter: Infinity }),
    lockOwners: new StoreLockOwners(store.db, clock),
    onStored: async (file) => await recordSnapshot(services, file),
    clock,
    limits: { largest, most: atOnce, mostOfOne: atOnce },
  })
}

async function takeFile(
  uploads: Uploads,
  file: ListedThere,
  { folder, credential }: { readonly folder: string; readonly credential: Credential },
): Promise<void> {
  await using handle = await openOn(folder, file)
  const pieces = handle.createReadStream({ autoClose: false })
  let received = 0
  let unreadable: unknown
  const body = async (take: (bytes: Buffer) => Promise<void> | undefined) => {
    try {
      for await (const piece of pieces) {
        received += (piece as Buffer).length
        await take(piece as Buffer)
      }
    } catch (thrown) {
      unreadable = thrown
      throw thrown
    }
  }
  const { type, name, size: length } = file
  const request = { credential, file: { type, name }, body, length, received: () => received, refuse: () => undefined }
  await uploads.take(request).catch((thrown: unknown) => {
    const isDamage = hasCode(thrown, 'ENDPOINT_NAME_WRONG') || (unreadable === thrown && hasCode(thrown, 'EIO'))
    throw isDamage ? damaged(folder, file, thrown) : thrown
  })
}

async function noteSignatures(
  { ledger }: Services,
  { machineId, repositoryId, snapshots }: FirstCopyPage,
): Promise<void> {
  for (const { snapshotId, signature } of snapshots) {
    await ledger.write({ repositoryId, what: 'signed', snapshotId, machineId, details: { signature } })
  }
}
