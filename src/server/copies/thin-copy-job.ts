import { formatBytes, formatCount, hasCode, messageOf } from '#base'
import { CacheBackend } from '#backend'
import { brakeOn } from '#policy'
import type { BackupPolicy } from '#policy'
import type { Outcome } from '#protocol'
import { forgetSnapshots, loadSnapshots, lockRepository, openRepository, prune } from '#repository'
import type { HeldLock, Repository } from '#repository'
import { join } from 'node:path'
import { z } from 'zod'
import { askApproval, serverActor, serverAsks } from '../approvals/approvals.ts'
import { readSafety } from '../approvals/settings.ts'
import { GuardedBackend } from '../repositories/guarded-backend.ts'
import { clockDoubt } from '../retention/clock-doubt.ts'
import { guardOf, stoppedOutcome } from '../retention/deletion-guard.ts'
import { RetentionError } from '../retention/errors.ts'
import { shortens } from '../retention/keeps-in-force.ts'
import { serverJob } from '../work/job.ts'
import type { ServerJobWork } from '../work/job.ts'
import { copyOf, setCopy } from './copies.ts'
import { careOfCopy, noteCopyCare } from './copy-care.ts'
import { passwordOfCopy } from './copy-password.ts'
import { keyOf } from './copy-repository.ts'
import type { CopyTask } from './copy-repository.ts'
import { taskOf } from './copy-task.ts'
import { requireMark } from './disk-mark.ts'
import { CopyError } from './errors.ts'
import { openReached, reachDestination } from './open-place.ts'
import { planCopy, policiesForCopy, waitBeforeThinning } from './plan-copy.ts'
import type { CopyPlan } from './plan-copy.ts'
import { copyKeySchema, shortenCopyAction, thinCopyAction, thinCopyDetails } from './thin-actions.ts'

/** How long it waits for a copy to end, in milliseconds; then it is made again the next day. */
const lockWait = 60_000

/** What ends it without harm: nothing was removed, and it is made again. */
const harmless = ['REPOSITORY_LOCKED', 'ACCESS_DENIED']

/** Thins a copy out: what no policy has kept there for days goes, for good. */
export const thinCopyJob = serverJob({
  kind: 'thin-copy',
  lane: 'copies',
  order: copyKeySchema.extend({ approval: z.string().optional() }),
  async run({ approval, ...key }, work) {
    try {
      return await thin(await taskOf(work.services, key), { ...work, approval })
    } catch (thrown) {
      const stopped = stoppedOutcome(thrown)
      if (stopped) return stopped
      const code = ['CLOCK_DOUBTED', ...harmless].find((one) => hasCode(thrown, one))
      if (code === undefined) throw thrown
      return { state: code === 'CLOCK_DOUBTED' ? 'cancelled' : 'warnings', code, reason: messageOf(thrown) }
    }
  },
})

interface ThinningWork extends ServerJobWork {
  /** A person's yes to what the brake has stopped. */
  readonly approval: string | undefined
}

async function thin(task: CopyTask, work: ThinningWork): Promise<Outcome> {
  const { services, signal } = work
  const { destination, repository, disk } = task
  const mayGo = guardOf(work, repository.id)
  await mayGo()
  const doubt = await clockDoubt(services)
  if (doubt !== undefined) throw new RetentionError('CLOCK_DOUBTED', { reason: doubt })
  const policies = await policiesForCopy(services, destination, repository)
  if (policies.length === 0)
    return { state: 'done', reason: 'No backup policy names this copy, so it keeps everything.' }
  const keeps = policies.map(({ keep }) => keep)
  if (shortens((await careOfCopy(services.store.db, keyOf(task))).keeps, keeps)) return await askForLess(task, work)
  await using opened = openReached(
    await reachDestination(services, destination, { below: repository.id, ...(disk && { folder: disk.folder ?? '' }) }),
  )
  const mayDelete = async () => {
    await mayGo()
    if (disk) await requireMark(disk)
  }
  using copy = await openRepository(new GuardedBackend(opened.backend, mayDelete), {
    password: passwordOfCopy(services, destination, repository),
    signal,
    wrap: async (inner, config) =>
      inner.fast
        ? inner
        : await CacheBackend.open(inner, { folder: join(services.folder, 'cache'), repositoryId: config.id }),
  })
  const known = await copyOf(services, keyOf(task))
  if (copy.config.id !== known?.configId) {
    throw new CopyError('COPY_FOREIGN', { name: destination.name, repository: repository.name })
  }
  const { clock } = services
  await using lock = await lockRepository(copy, { exclusive: true, retryFor: lockWait, clock, signal })
  return await underLock(task, { ...work, copy, lock, policies })
}

interface LockedWork extends ThinningWork {
  readonly copy: Repository
  readonly lock: HeldLock
  readonly policies: readonly BackupPolicy[]
}

async function underLock(task: CopyTask, work: LockedWork): Promise<Outcome> {
  const { services, copy, lock, policies } = work
  const { db } = services.store
  const key = keyOf(task)
  const damaged: string[] = []
  const listed = await loadSnapshots(copy, { signal: lock.signal, onDamaged: (id) => void damaged.push(id) })
  await requireAllThere(task, work, listed.length + damaged.length)
  const { fault } = await services.ledger.verify(key.repositoryId)
  if (fault) throw new RetentionError('LEDGER_BROKEN', { name: task.repository.name, seq: fault.seq })
  const plan = await planCopy(services, listed, { repository: task.repository, policies })
  const leaving = await noteLeaving(plan, key, work)
  const due = await dueOf(plan, leaving, work)
  const going = new Set(due.groups.flatMap(({ remove }) => remove.map(({ id }) => id)))
  const reasons = await stopReasons(due, going, work)
  if (reasons.length > 0) return await askForThinning(task, work, { going, reasons })
  await noteCopyCare(db, key, { keeps: policies.map(({ keep }) => keep) })
  if (going.size > 0) await forget(task, work, { going, mustLeave: listed.length + damaged.length - going.size })
  const freed = await pruneIfDue(key, work, going.size)
  const kept = listed.length - going.size
  const result = {
    removed: going.size,
    kept,
    leaving: leaving.size - going.size,
    damaged: damaged.slice(0, 100),
    freed,
  }
  const reason = `${formatCount(going.size, 'snapshot')} removed, ${formatBytes(freed)} given free.`
  if (damaged.length === 0) return { state: 'done', reason, result }
  return {
    state: 'warnings',
    reason: `${reason} ${formatCount(damaged.length, 'snapshot')} cannot be read; they stay.`,
    result,
  }
}

// In a place that hides a snapshot a prune would remove what only that one needs.
async function requireAllThere({ destination, repository, disk }: CopyTask, { services }: LockedWork, listed: number) {
  const known = (await copyOf(services, keyOf({ destination, repository, disk })))?.snapshots ?? 0
  if (listed >= known) return
  const names = { name: destination.name, repository: repository.name }
  throw new CopyError('COPY_SHRUNK', { ...names, listed, known })
}

type Key = ReturnType<typeof keyOf>

/** Remembers since when nobody keeps a snapshot; one that is kept again begins anew. */
async function noteLeaving(
  { groups }: CopyPlan,
  key: Key,
  { services }: LockedWork,
): Promise<ReadonlyMap<string, number>> {
  const { db } = services.store
  const now = services.clock.now()
  const before = (await careOfCopy(db, key)).leaving
  const gone = groups.flatMap(({ remove }) => remove)
  const leaving = new Map(gone.map(({ id }) => [id, Math.min(before.get(id) ?? now, now)]))
  await noteCopyCare(db, key, { leaving })
  return leaving
}

/** What goes now: of what a person has said yes to, only what would go still. */
async function dueOf(plan: CopyPlan, leaving: ReadonlyMap<string, number>, work: LockedWork): Promise<CopyPlan> {
  const { services, approval } = work
  const latest = services.clock.now() - (await waitBeforeThinning(services))
  const allowed = approval === undefined ? undefined : await allowedBy(approval, work)
  const isDue = (id: string) => (leaving.get(id) ?? Infinity) <= latest && (allowed?.has(id) ?? true)
  const groups = plan.groups.map(({ key, keep, remove }) => {
    const waiting = remove.filter(({ id }) => !isDue(id)).map((snapshot) => ({ snapshot, matches: ['not yet due'] }))
    return { key, keep: [...keep, ...waiting], remove: remove.filter(({ id }) => isDue(id)) }
  })
  return { groups }
}

async function allowedBy(id: string, { services }: LockedWork): Promise<ReadonlySet<string>> {
  const approval = await services.store.db
    .selectFrom('approvals')
    .select('details')
    .where('id', '=', id)
    .where('action', '=', thinCopyAction.name)
    .where('state', '=', 'done')
    .executeTakeFirst()
  return new Set(approval ? thinCopyDetails.parse(JSON.parse(approval.details)).snapshots : [])
}

async function stopReasons(due: CopyPlan, going: ReadonlySet<string>, { services, approval, copy, lock }: LockedWork) {
  if (going.size === 0 || approval !== undefined) return []
  const { mostSnapshots, mostBytes } = await readSafety(services.store.db)
  const { plan } = await prune(copy, { threads: 1, without: going, lock, clock: services.clock })
  const { used, unused, duplicate, repackRemove, remove } = plan.stats
  const bytes = {
    removed: repackRemove.bytes + remove.bytes,
    total: used.bytes + unused.bytes + duplicate.bytes,
  }
  return brakeOn({ plan: due, limits: { snapshots: mostSnapshots, bytes: mostBytes }, bytes })
}

interface Going {
  readonly going: ReadonlySet<string>
  readonly mustLeave: number
}

// The ledger is of what the server has: what a copy lost stands in the audit log.
async function forget(task: CopyTask, { services, copy, lock, operation }: LockedWork, { going, mustLeave }: Going) {
  const { destination, repository } = task
  const key = keyOf(task)
  const details = { ...key, destination: destination.name, operation: operation.id, snapshots: [...going] }
  await services.audit.write({ actor: serverActor, what: 'copy.thin', clientId: repository.clientId, details })
  // Counted before: whatever ends this half-way, the next look must not take what is gone for stolen.
  await setCopy(services, key, { snapshots: mustLeave })
  await forgetSnapshots(copy, going, { lock, mustLeave, signal: lock.signal })
}

/** Bytes that were given free. What one prune marks, the next one deletes. */
async function pruneIfDue(key: Key, { services, copy, lock }: LockedWork, forgotten: number): Promise<number> {
  const { db } = services.store
  const { waitingPacks } = await careOfCopy(db, key)
  if (forgotten === 0 && waitingPacks === 0) return 0
  const { result } = await prune(copy, { threads: 1, lock, clock: services.clock })
  await noteCopyCare(db, key, { waitingPacks: result?.markedPacks ?? 0 })
  return result?.deletedBytes ?? 0
}

interface Stopped {
  readonly going: ReadonlySet<string>
  readonly reasons: Awaited<ReturnType<typeof stopReasons>>
}

async function askForThinning(task: CopyTask, { services }: LockedWork, { going, reasons }: Stopped): Promise<Outcome> {
  const details = { ...detailsOf(task), snapshots: [...going] }
  const wanted = { clientId: task.repository.clientId, details, by: serverAsks } as const
  const { id: approval } = (await waitingFor(services, task)) ?? (await askApproval(services, thinCopyAction, wanted))
  const sentences = reasons.map(({ sentence }) => sentence).join(' ')
  const reason = `Nothing was removed, it waits for a person. ${sentences}`.slice(0, 2_000)
  const result = { reasons: reasons.map(({ code }) => code), wouldRemove: going.size, approval }
  return { state: 'warnings', code: 'RETENTION_STOPPED', reason, result }
}

async function askForLess(task: CopyTask, { services }: ThinningWork): Promise<Outcome> {
  const wanted = { clientId: task.repository.clientId, details: detailsOf(task), by: serverAsks } as const
  const { id: approval } = await askApproval(services, shortenCopyAction, wanted)
  const reason = 'The policies keep less in this copy than before. Nothing was removed, it waits for a person.'
  return { state: 'warnings', code: 'RETENTION_SHORTENED', reason, result: { approval } }
}

function detailsOf(task: CopyTask) {
  return { key: keyOf(task), name: task.repository.name, destination: task.destination.name }
}

/** What a person was asked about this copy and has not answered: the question is not put again each day. */
async function waitingFor({ store, clock }: ServerJobWork['services'], task: CopyTask) {
  return await store.db
    .selectFrom('approvals')
    .select('id')
    .where('action', '=', thinCopyAction.name)
    .where('state', '=', 'waiting')
    .where('expiresAt', '>', clock.now())
    .where('details', 'like', `%"key":${JSON.stringify(keyOf(task))}%`)
    .executeTakeFirst()
}
