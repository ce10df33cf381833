import { mkdir, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { formatBytes, hasCode, messageOf, printable } from '#base'
import { idSchema, snapshotIdSchema, testRestoreOrderSchema } from '#protocol'
import type { Outcome } from '#protocol'
import { RepositoryReader, loadIndex, loadSnapshot, lockRepository } from '#repository'
import { executeRestore, planRestore, verifyRestored } from '#restorer'
import type { RestoreFailure, RestorePlan, Select } from '#restorer'
import { z } from 'zod'
import { openOwnRepository } from '../repositories/open-repository.ts'
import { serverJob } from '../work/job.ts'
import type { ServerJobWork } from '../work/job.ts'
import { proofThreads } from './check-job.ts'
import { drawSample, selectOnly } from './draw-sample.ts'
import { ProofError } from './errors.ts'
import { keepEvidence } from './evidence.ts'
import { restoreHolds } from './record-proof.ts'
import { removedSince, wasRemoved } from './removed-since.ts'
import { scratchFolder } from './scratch.ts'

const subject = { repositoryId: idSchema, machineId: idSchema.nullable() }

/** A random sample, restored on the server, compared with its hashes, timed, and removed. */
export const serverTestRestoreJob = serverJob({
  kind: 'test-restore',
  lane: 'proofs',
  order: testRestoreOrderSchema.extend(subject),
  async run(order, work) {
    const { seed, snapshotId } = order
    return await prove(order, work, async (reader, tree) => {
      const limits = { seed, mostFiles: order.mostFiles, mostBytes: order.mostBytes }
      work.report({ step: 'choose files' })
      const { files, offered } = await drawSample(reader, tree, { ...limits, signal: work.signal })
      if (files.length === 0) throw new ProofError('SAMPLE_EMPTY', { snapshot: snapshotId.slice(0, 10) })
      return { scope: 'sample', select: selectOnly(files), about: { seed, offered } }
    })
  },
})

/** Everything of a snapshot, restored on the server, compared, timed, and removed. */
export const serverTrialJob = serverJob({
  kind: 'trial',
  lane: 'proofs',
  order: z.object({ ...subject, snapshotId: snapshotIdSchema }),
  async run(order, work) {
    return await prove(order, work, () => Promise.resolve({ scope: 'whole', about: {} }))
  },
})

interface Wanted {
  readonly scope: 'sample' | 'whole'
  readonly select?: Select
  /** What else belongs to the result. */
  readonly about: object
}

interface Proven {
  readonly repositoryId: string
  readonly machineId: string | null
  readonly snapshotId: string
}

async function prove(
  { repositoryId, machineId, snapshotId }: Proven,
  work: ServerJobWork,
  choose: (reader: RepositoryReader, tree: Buffer) => Promise<Wanted>,
): Promise<Outcome> {
  const { services, operation, signal: outer } = work
  const repository = await openOwnRepository(services, repositoryId, { signal: outer, cache: false })
  await using lock = await lockRepository(repository, { retryFor: 30 * 60_000, signal: outer })
  const { signal } = lock
  if (await wasRemoved(services, { repositoryId, snapshotId })) return removedSince
  const { tree } = await loadSnapshot(repository, snapshotId, { signal })
  const indexed = await loadIndex(repository, { signal })
  await using reader = new RepositoryReader(indexed, { threads: proofThreads })
  const { scope, select, about } = await choose(reader, tree)
  const begun = services.clock.monotonic()
  const restored = await restoreAndCompare(reader, tree, { ...work, signal }, select)
  const seconds = (services.clock.monotonic() - begun) / 1000
  const { files, bytes, failures, failureCount } = restored
  const figures = { scope, snapshotId, files, bytes, seconds }
  if (failureCount > 0) {
    const problems = failures.map(({ path, error }) => ({
      path: `/${path.toString('utf8')}`,
      message: messageOf(error),
    }))
    const [first] = problems
    const example = first ? `: ${printable(first.path)}: ${first.message}` : ''
    const reason = `${failureCount} of the files did not come back as they were saved${example}`.slice(0, 2_000)
    return { state: 'failed', code: 'TEST_RESTORE_FAILED', reason, result: { ...figures, ...about, problems } }
  }
  await keepEvidence(services, {
    id: operation.id,
    clientId: operation.clientId ?? '',
    machineId,
    repositoryId,
    kind: 'restore',
    measuredBy: 'server',
    holdsFor: restoreHolds[scope],
    // Restored here: it says how fast the server is, not how fast the machine would be.
    measured: { copy: repositoryId, machine: 'server', ...figures },
  })
  return { state: 'done', result: { ...figures, ...about } }
}

/** Failures that are told one by one. */
const mostTold = 20

async function restoreAndCompare(
  reader: RepositoryReader,
  tree: Buffer,
  { services, operation, signal, report }: ServerJobWork,
  select: Select | undefined,
) {
  const scratch = scratchFolder(services.folder, operation.id)
  // What a server that was killed has left here is begun anew: it was not timed from its begin.
  await rm(scratch, { recursive: true, force: true })
  await mkdir(scratch, { recursive: true, mode: 0o700 })
  const failures: RestoreFailure[] = []
  let failureCount = 0
  const onProblem = (failure: RestoreFailure) => {
    // Devices are made on the machine they belong to, never here.
    if (hasCode(failure.error, 'KIND_REFUSED')) return
    failureCount++
    if (failures.length < mostTold) failures.push(failure)
  }
  try {
    await using target = services.openTarget(join(scratch, 'files'))
    const plan = await planRestore(reader, { tree }, target, { ...(select && { select }), signal, onProblem })
    await requireRoom(plan, scratch)
    const total = plan.counts.bytesToWrite
    const result = await executeRestore(reader, plan, target, {
      signal,
      onFailure: onProblem,
      progress: ({ bytes: done }) => report({ step: 'restore', done, total, unit: 'bytes' }),
    })
    if (result.stopped) throw result.stopped
    await verifyRestored(reader, plan, result, target, { signal, onProblem })
    return { files: result.entries, bytes: result.bytes, failures, failureCount }
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

/** The share of the disk that stays free: uploads and the database come before proofs. */
const keepFree = 0.1

async function requireRoom({ counts }: RestorePlan, folder: string): Promise<void> {
  const { bavail, blocks, bsize } = await statfs(folder)
  const free = Math.max(0, (bavail - blocks * keepFree) * bsize)
  if (counts.spaceNeeded <= free) return
  throw new ProofError('SCRATCH_TOO_SMALL', { needed: formatBytes(counts.spaceNeeded), free: formatBytes(free) })
}
