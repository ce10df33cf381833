import { formatCount, hasCode } from '#base'
import { findUsed, loadIndex, loadSnapshot, lockRepository } from '#repository'
import type { Repository } from '#repository'
import type { Outcome } from '#protocol'
import { z } from 'zod'
import type { Services } from '../app/services.ts'
import type { SetAsideFile } from '../endpoint/index.ts'
import { openOwnRepository } from '../repositories/open-repository.ts'
import { serverJob } from '../work/job.ts'
import type { ServerJobWork } from '../work/job.ts'
import { measureRepository, noteCare } from './care.ts'
import { RetentionError } from './errors.ts'
import { settleLedger } from './settle-ledger.ts'

const lockWait = 60_000

/** Puts back what was set aside: one snapshot with what it needs, or, without one, a whole repository. */
export const putBackJob = serverJob({
  kind: 'put-back',
  order: z.object({ repository: z.string(), snapshot: z.string().optional() }),
  run: async ({ repository, snapshot }, work) =>
    snapshot === undefined ? await putBackAll(repository, work) : await putBackOne(repository, snapshot, work),
})

/**
 * The packs and indexes that went since the snapshot did come back with it, whoever needs them: which of them it needs stands in
 * those indexes. The next prune drops the others. A lock keeps it from running meanwhile; backups may.
 */
async function putBackOne(repositoryId: string, snapshotId: string, work: ServerJobWork): Promise<Outcome> {
  const { services, signal } = work
  const repository = await openOwnRepository(services, repositoryId, { signal })
  await using lock = await lockRepository(repository, { retryFor: lockWait, clock: services.clock, signal })
  await settleLedger(services, repositoryId)
  const quarantine = await services.storage.quarantine(repositoryId)
  const aside = await Array.fromAsync(quarantine.list({ signal }))
  const own = aside.filter(({ file }) => file.type === 'snapshot' && file.name === snapshotId)
  const isThere = (await repository.backend.size({ type: 'snapshot', name: snapshotId })) !== undefined
  // Cut off after it was done, it is asked for again: then what it needs is only looked at.
  if (own.length === 0 && !isThere) throw new RetentionError('NOT_SET_ASIDE', { snapshot: snapshotId.slice(0, 10) })
  const since = own.map(({ day }) => day).toSorted()[0] ?? ''
  const needed = aside.filter(({ file, day }) => (file.type === 'pack' || file.type === 'index') && day >= since)
  const files = own.length === 0 ? [] : [...needed, ...own]
  await putBackFiles(services, repositoryId, {
    files,
    snapshots: own.map(({ file }) => file.name),
    signal: lock.signal,
  })
  const problem = await problemOf(repository, snapshotId, work)
  if (problem !== undefined) {
    return { state: 'warnings', code: 'SNAPSHOT_INCOMPLETE', reason: problem, result: figuresOf(files) }
  }
  return { state: 'done', reason: 'The snapshot is back, with everything it needs.', result: figuresOf(files) }
}

/** A repository that was deleted with its machine: nobody works in it. */
async function putBackAll(repositoryId: string, { services, signal }: ServerJobWork): Promise<Outcome> {
  const quarantine = await services.storage.quarantine(repositoryId)
  const files = await Array.fromAsync(quarantine.list({ signal }))
  const snapshots = files.flatMap(({ file }) => (file.type === 'snapshot' ? [file.name] : []))
  await putBackFiles(services, repositoryId, { files, snapshots, signal })
  await noteCare(services.store.db, repositoryId, { deletedAt: null })
  return { state: 'done', reason: 'Everything that was set aside is back.', result: figuresOf(files) }
}

interface Returning {
  readonly files: readonly SetAsideFile[]
  readonly snapshots: readonly string[]
  readonly signal: AbortSignal
}

// The ledger says first what is to come back, and last what did: it never counts on a snapshot that is not there.
async function putBackFiles(services: Services, repositoryId: string, { files, snapshots, signal }: Returning) {
  for (const snapshotId of snapshots) {
    await services.ledger.write({ repositoryId, what: 'putting-back', snapshotId, machineId: null })
  }
  try {
    await (await services.storage.quarantine(repositoryId)).putBack(files, { signal })
  } finally {
    await settleLedger(services, repositoryId)
    await measureRepository(services, repositoryId)
  }
}

/** What a snapshot lacks, in a sentence; undefined: an index names all that it needs, in packs that are there. */
async function problemOf(repository: Repository, id: string, { signal }: ServerJobWork): Promise<string | undefined> {
  const indexed = await loadIndex(repository, { signal })
  const { tree } = await loadSnapshot(repository, id, { signal })
  let missing = 0
  await findUsed(indexed, [tree], {
    signal,
    onProblem: (error) => {
      if (!hasCode(error, 'BLOB_NOT_FOUND')) throw error
      missing++
    },
  })
  if (missing > 0) return `The snapshot is back, but ${formatCount(missing, 'blob')} of it are gone for good.`
  const packs = new Set<string>()
  for await (const { name } of repository.backend.list('pack', { signal })) packs.add(name)
  for (let pack = 0; pack < indexed.index.packCount; pack++) {
    if (!packs.has(indexed.index.packName(pack).toString('hex'))) {
      return 'The snapshot is back, but an index names packs that are gone for good: have the repository checked.'
    }
  }
  return undefined
}

function figuresOf(files: readonly SetAsideFile[]) {
  const bytes = files.reduce((sum, { size }) => sum + size, 0)
  return { files: files.length, bytes }
}
