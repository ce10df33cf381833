import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { hasCode, messageOf, toPlainError } from '#base'
import type { Cancellable, Clock } from '#base'
import type { Outcome, Progress } from '#protocol'
import type { Services } from '../app/services.ts'
import type { Claim } from '../operations/operations.ts'
import type { Lane, ServerJob } from './job.ts'
import { isSuperseded } from '../standing/standing.ts'
import { claimRound } from './round.ts'
import type { Round } from './round.ts'

export interface ServerWorkOptions extends Cancellable {
  readonly jobs: readonly ServerJob[]
  readonly rounds: readonly Round[]
  /** Told of what went wrong with a round: a sentence. What goes wrong with a job stands in its operation. */
  readonly onProblem?: ((sentence: string) => void) | undefined
  /** Milliseconds between two looks for work. */
  readonly rhythm?: number
}

/** Operations that a node does at once. */
const atOnce: Readonly<Record<Lane, number>> = { care: 2, proofs: 1, copies: 2 }

/** So often an operation is begun: one that ends its server each time must not do so for ever. */
const mostBegun = 10

/** Milliseconds between two reports that an operation goes on. */
const reportEvery = 5_000

/**
 * A server node's own work, until the signal aborts: it makes the rounds that are due, and does operations that are for no
 * machine, each claimed. What it leaves behind when it stops is taken up by another node, or by itself at its next start.
 */
export async function doServerWork(services: Services, options: ServerWorkOptions): Promise<void> {
  const { signal, jobs } = options
  const node = `server:${hostname()}:${randomUUID().slice(0, 8)}`
  const workers = [...Map.groupBy(jobs, ({ lane = 'care' }) => lane)].flatMap(([lane, own]) =>
    Array.from({ length: atOnce[lane] }, async () => await doJobs(services, node, { ...options, jobs: own })),
  )
  // All of them have ended when this returns: then the database may be closed.
  const rounds = options.rounds.map(async (round) => await keepMaking(round, services, options))
  const ends = await Promise.allSettled([...rounds, ...workers])
  const failed = ends.find((end) => end.status === 'rejected')
  if (failed && signal?.aborted !== true) throw failed.reason
}

// Each by itself: a storage that does not answer must not keep anybody from being told so.
async function keepMaking(round: Round, services: Services, options: ServerWorkOptions): Promise<void> {
  const { signal = new AbortController().signal, onProblem, rhythm = 1_000 } = options
  const { clock, store } = services
  for (;;) {
    signal.throwIfAborted()
    try {
      if ((await claimRound(store, round, clock)) && (await mayMake(round, services))) {
        await round.run(services, { signal })
      }
    } catch (thrown) {
      signal.throwIfAborted()
      onProblem?.(`${round.name}: ${messageOf(thrown)}`)
    }
    await clock.sleep(rhythm, { signal })
  }
}

async function mayMake({ evenIfSuperseded = false }: Round, { store }: Services): Promise<boolean> {
  return evenIfSuperseded || !(await isSuperseded(store.db))
}

async function doJobs(services: Services, node: string, options: ServerWorkOptions): Promise<void> {
  const { jobs, signal, onProblem, rhythm = 1_000 } = options
  const kinds = jobs.map(({ kind }) => kind)
  for (;;) {
    signal?.throwIfAborted()
    let claim: Claim | undefined
    try {
      const isOld = await isSuperseded(services.store.db)
      claim = isOld ? undefined : await services.operations.claim(node, { machineId: null, kinds })
      if (claim) await doJob(services, claim, options)
    } catch (thrown) {
      signal?.throwIfAborted()
      onProblem?.(`server's own work: ${messageOf(thrown)}`)
    }
    if (!claim) await services.clock.sleep(rhythm, { signal })
  }
}

async function doJob(services: Services, claim: Claim, { jobs, signal }: ServerWorkOptions): Promise<void> {
  const { operation, epoch } = claim
  const { operations, clock } = services
  if (epoch > mostBegun) return await giveUp(services, claim)
  const ending = new AbortController()
  const both = signal ? AbortSignal.any([signal, ending.signal]) : ending.signal
  let progress: Progress | undefined
  const over = new AbortController()
  const reporting = keepReporting(services, claim, { over: over.signal, ending, progress: () => progress, clock })
  const report = (latest: Progress) => void (progress = latest)
  const outcome = await outcomeOf(async () => {
    const job = jobs.find(({ kind }) => kind === operation.kind)
    if (!job) throw new Error(`no node does "${operation.kind}"`) // only kinds of the table are claimed
    return await job.run(job.order.parse(JSON.parse(operation.order)), { services, operation, signal: both, report })
  }, both)
  over.abort()
  await reporting
  // A node that stops leaves the operation to be done again.
  if (signal?.aborted === true) return await operations.release(operation.id, epoch)
  await finish(services, claim, outcome)
}

async function giveUp(services: Services, claim: Claim): Promise<void> {
  const reason = `It was begun ${mostBegun} times, and each time the server stopped or was ended before it was done.`
  await finish(services, claim, { state: 'failed', reason })
}

async function finish({ operations }: Services, { operation, epoch }: Claim, outcome: Outcome): Promise<void> {
  await operations.finish(operation.id, epoch, outcome).catch((thrown: unknown) => {
    if (!hasCode(thrown, 'CLAIM_LOST')) throw thrown
  })
}

async function outcomeOf(run: () => Promise<Outcome>, signal: AbortSignal): Promise<Outcome> {
  try {
    return await run()
  } catch (thrown) {
    if (signal.aborted) return { state: 'cancelled', reason: 'It was ended before it was done.' }
    return {
      state: 'failed',
      reason: messageOf(thrown).slice(0, 2_000),
      code: toPlainError(thrown).code ?? 'UNEXPECTED',
    }
  }
}

interface Reporting {
  readonly over: AbortSignal
  readonly ending: AbortController
  readonly progress: () => Progress | undefined
  readonly clock: Clock
}

/** Says that the operation goes on, and ends it when somebody asked for that or when the claim is lost. */
async function keepReporting({ operations }: Services, claim: Claim, about: Reporting): Promise<void> {
  const { over, ending, progress, clock } = about
  while (!over.aborted) {
    await clock.sleep(reportEvery, { signal: over }).catch(() => undefined)
    if (over.aborted) return
    try {
      const { cancelAsked } = await operations.report(claim.operation.id, claim.epoch, progress())
      if (cancelAsked) ending.abort(new Error('somebody asked for an end'))
    } catch (thrown) {
      // A database that is away for a moment ends no work; one that comes back tells whether the claim still holds.
      if (hasCode(thrown, 'CLAIM_LOST')) ending.abort(thrown)
    }
  }
}
