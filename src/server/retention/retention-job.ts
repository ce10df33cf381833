import { formatBytes, formatCount, hasCode, messageOf } from '#base'
import { brakeOn, runsBetween } from '#policy'
import type { BrakeReason, ReceivedSnapshot, RetentionPlan } from '#policy'
import type { Outcome } from '#protocol'
import { forgetSnapshots, lockRepository, prune } from '#repository'
import type { HeldLock, Repository } from '#repository'
import { z } from 'zod'
import { readSafety } from '../approvals/settings.ts'
import { openOwnRepository } from '../repositories/open-repository.ts'
import { serverJob } from '../work/job.ts'
import type { ServerJobWork } from '../work/job.ts'
import { askForRetention, allowedSnapshots, askForShorterKeep } from './ask-a-person.ts'
import { careOf, measureRepository, noteCare } from './care.ts'
import { clockContradiction } from './clock-doubt.ts'
import { RetentionError } from './errors.ts'
import { guardOf, stoppedOutcome } from './deletion-guard.ts'
import { formatKeeps, keepsInForce, shortens } from './keeps-in-force.ts'
import { planByPolicies } from './plan.ts'
import { settleLedger } from './settle-ledger.ts'
import { listSnapshots, loadSubject } from './subject.ts'
import type { ListedSnapshots, RetentionSubject } from './subject.ts'

const day = 86_400_000
/** How long a run waits for a backup to end, in milliseconds; then it is made again later. */
const lockWait = 60_000
/** Without anything removed a prune is made this often: what an interrupted backup has left goes then. */
const pruneEvery = 7 * day

const retentionOrder = z.object({
  repository: z.string(),
  /** A person's yes to what a brake has stopped. */
  approval: z.string().optional(),
})

/** Retention of one repository: thin out by the policies, remove what no snapshot needs, into the quarantine. */
export const retentionJob = serverJob({
  kind: 'retention',
  order: retentionOrder,
  async run(order, work) {
    try {
      return await new RetentionRun(order, work).run()
    } catch (thrown) {
      const stopped = stoppedOutcome(thrown)
      if (stopped) return stopped
      if (hasCode(thrown, 'CLOCK_DOUBTED')) {
        return { state: 'cancelled', code: 'CLOCK_DOUBTED', reason: messageOf(thrown) }
      }
      if (!hasCode(thrown, 'REPOSITORY_LOCKED')) throw thrown
      const reason = `${messageOf(thrown)} It is tried again within the next hours.`
      return { state: 'warnings', code: 'REPOSITORY_LOCKED', reason }
    }
  },
})

type Plan = RetentionPlan<ReceivedSnapshot>

class RetentionRun {
  readonly #id: string
  readonly #approval: string | undefined
  readonly #work: ServerJobWork

  constructor({ repository, approval }: z.output<typeof retentionOrder>, work: ServerJobWork) {
    this.#id = repository
    this.#approval = approval
    this.#work = work
  }

  async run(): Promise<Outcome> {
    const { services, signal } = this.#work
    const mayDelete = guardOf(this.#work, this.#id)
    await mayDelete()
    const doubt = await clockContradiction(services)
    if (doubt !== undefined) throw new RetentionError('CLOCK_DOUBTED', { reason: doubt })
    const subject = await loadSubject(services, this.#id)
    if (subject.policies.length === 0) {
      return { state: 'done', reason: 'The machine follows no backup policy, so nothing is removed.' }
    }
    const repository = await openOwnRepository(services, this.#id, { signal, mayDelete })
    await using lock = await lockRepository(repository, {
      exclusive: true,
      retryFor: lockWait,
      clock: services.clock,
      signal,
    })
    await settleLedger(services, this.#id)
    return await this.#underLock(repository, { subject, lock })
  }

  async #underLock(
    repository: Repository,
    { subject, lock }: { readonly subject: RetentionSubject; readonly lock: HeldLock },
  ): Promise<Outcome> {
    const { services } = this.#work
    const { db } = services.store
    const keeps = subject.policies.map(({ policy }) => policy.keep)
    const before = (await keepsInForce(db, this.#id)).map(({ keep }) => keep)
    // Whoever has found a way past the approvals has not found one past this.
    if (shortens(before, keeps)) return await askForShorterKeep(services, subject)
    const snapshots = await listSnapshots(services, repository, { subject, signal: lock.signal })
    const policies = subject.policies.map(({ policy }) => policy)
    const plan = planByPolicies(policies, snapshots.received, services.clock.now())
    const going = await this.#going(plan)
    const stop = going.size === 0 ? [] : await this.#stopReasons(repository, { plan, subject, going, lock })
    if (stop.length > 0) return await askForRetention(services, subject, { reasons: stop, snapshots: [...going] })
    await this.#forget(repository, { subject, going, lock, mustLeave: snapshots.listed - going.size })
    await noteCare(db, this.#id, { keeps: formatKeeps(subject.policies) })
    const pruned = await this.#pruneIfDue(repository, lock, going.size)
    await noteCare(db, this.#id, { lastRetentionAt: services.clock.now() })
    await measureRepository(services, this.#id)
    return outcomeOf(snapshots, going, pruned)
  }

  /** What goes now: of what a person has said yes to, only what the policies would still remove. */
  async #going({ groups }: Plan): Promise<ReadonlySet<string>> {
    const removed = groups.flatMap(({ remove }) => remove.map(({ id }) => id))
    if (this.#approval === undefined) return new Set(removed)
    const allowed = await allowedSnapshots(this.#work.services, this.#approval)
    return new Set(removed.filter((id) => allowed.has(id)))
  }

  async #stopReasons(repository: Repository, { plan, subject, going, lock }: Removal): Promise<readonly BrakeReason[]> {
    if (this.#approval !== undefined) return []
    const { clock, store } = this.#work.services
    const { mostSnapshots, mostBytes } = await readSafety(store.db)
    const { plan: pruning } = await prune(repository, { threads: 1, without: going, lock, clock })
    const { used, unused, duplicate, repackRemove, remove } = pruning.stats
    return brakeOn({
      plan,
      limits: { snapshots: mostSnapshots, bytes: mostBytes },
      bytes: { removed: repackRemove.bytes + remove.bytes, total: used.bytes + unused.bytes + duplicate.bytes },
      plannedPerDay: plannedPerDay(subject, clock.now()),
      lookedAtUntil: (await careOf(store.db, this.#id))?.lookedAtUntil ?? undefined,
    })
  }

  // The ledger says first what is to go, in the transaction that asks once more whether it may; and at the end what went.
  async #forget(repository: Repository, { subject, going, lock, mustLeave }: Forgetting): Promise<void> {
    if (going.size === 0) return
    const { services } = this.#work
    await services.store.db.transaction().execute(async (transaction) => {
      await guardOf(this.#work, this.#id, transaction)()
      const { machineId } = subject.repository
      const about = { repositoryId: this.#id, machineId, details: { operation: this.#work.operation.id } }
      for (const snapshotId of going) {
        await services.ledger.write({ ...about, what: 'removing', snapshotId }, transaction)
      }
    })
    try {
      await forgetSnapshots(repository, going, { lock, mustLeave, signal: lock.signal })
    } finally {
      await settleLedger(services, this.#id)
    }
  }

  async #pruneIfDue(repository: Repository, lock: HeldLock, forgotten: number) {
    const { clock, store } = this.#work.services
    const now = clock.now()
    const care = await careOf(store.db, this.#id)
    const isDue = now - (care?.lastPruneAt ?? -Infinity) >= pruneEvery || (care?.waitingPacks ?? 0) > 0
    if (forgotten === 0 && !isDue) return undefined
    const { result } = await prune(repository, { threads: 1, lock, clock })
    await noteCare(store.db, this.#id, { lastPruneAt: now, waitingPacks: result?.markedPacks ?? 0 })
    return result
  }
}

interface Removal {
  readonly plan: Plan
  readonly subject: RetentionSubject
  readonly going: ReadonlySet<string>
  readonly lock: HeldLock
}

interface Forgetting {
  readonly subject: RetentionSubject
  readonly going: ReadonlySet<string>
  readonly lock: HeldLock
  readonly mustLeave: number
}

function plannedPerDay({ policies }: RetentionSubject, now: number): number {
  const week = { after: now - 7 * day, until: now }
  const runs = policies.map(({ policy }) => [...runsBetween(policy.when, week)].length)
  return Math.ceil(runs.reduce((sum, each) => sum + each, 0) / 7)
}

/** Ids that a result names at most. */
const mostNamed = 100

type PruneResult = NonNullable<Awaited<ReturnType<typeof prune>>['result']>

function outcomeOf(
  { received, damaged, foreign, putBack }: ListedSnapshots,
  going: ReadonlySet<string>,
  pruned: PruneResult | undefined,
): Outcome {
  const result = {
    removed: going.size,
    removedIds: [...going].slice(0, mostNamed),
    kept: received.length + putBack - going.size,
    suspect: received.filter(({ suspect }) => suspect === true).length,
    damaged: damaged.slice(0, mostNamed),
    notReceived: foreign.slice(0, mostNamed),
    pruned: pruned && { bytes: pruned.deletedBytes, packs: pruned.deletedPacks, waitingBytes: pruned.markedBytes },
  }
  const doubts = [
    ...(damaged.length > 0 ? [`${formatCount(damaged.length, 'snapshot')} cannot be read.`] : []),
    ...(foreign.length > 0 ? [`${formatCount(foreign.length, 'snapshot')} were not received by the server.`] : []),
  ]
  if (doubts.length > 0) return { state: 'warnings', reason: `${doubts.join(' ')} They stay.`, result }
  const freed = pruned === undefined ? '' : `, ${formatBytes(pruned.deletedBytes)} set aside`
  return { state: 'done', reason: `${formatCount(going.size, 'snapshot')} removed${freed}.`, result }
}
