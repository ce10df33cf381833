import { availableParallelism } from 'node:os'
import { formatCount } from '#base'
import type { Cancellable } from '#base'
import { idSchema } from '#protocol'
import type { Outcome, Progress } from '#protocol'
import { checkRepository, lockRepository } from '#repository'
import type { CheckOptions, CheckProblem, CheckResult, Repository } from '#repository'
import { z } from 'zod'
import { openOwnRepository } from '../repositories/open-repository.ts'
import { serverJob } from '../work/job.ts'
import type { ServerJobWork } from '../work/job.ts'
import { keepEvidence } from './evidence.ts'
import { loadTurn, nextPart, noteRead, partsFor } from './reading-turn.ts'
import { loadSettings } from './settings.ts'

export const checkOrderSchema = z.object({
  repositoryId: idSchema,
  machineId: idSchema.nullable(),
  /** Everything, or the next part of the turn. */
  read: z.enum(['next part', 'everything']),
})

const day = 86_400_000
/** Threads that open and prove what was read: the API and the machines' uploads need the processor, too. */
export const proofThreads = Math.max(1, Math.min(4, availableParallelism() - 1))
/** How long a check waits for somebody who has the repository for himself, in milliseconds. */
const lockWait = 30 * 60_000

/**
 * A check: everything that the snapshots need is there and fits together, and a part of the data is right to the last byte. Damage
 * is a failed operation that names it, and evidence that says so.
 */
export const checkJob = serverJob({
  kind: 'check',
  lane: 'proofs',
  order: checkOrderSchema,
  async run({ repositoryId, machineId, read }, work) {
    const { services, operation } = work
    const clientId = operation.clientId ?? ''
    const { check: settings } = await loadSettings(services, clientId)
    const turn = nextPart(await loadTurn(services, repositoryId), partsFor(settings))
    const everything = read === 'everything'
    const part = everything ? { part: 1, parts: 1 } : turn
    const [begunAt, begun] = [services.clock.now(), services.clock.monotonic()]
    const found = await check(repositoryId, part, work)
    const seconds = (services.clock.monotonic() - begun) / 1000
    // What was read was read, whatever it held.
    const noted = everything ? { part: turn.parts, parts: turn.parts } : part
    await noteRead(services, repositoryId, { ...noted, begunAt, everything })
    const figures = figuresOf(found, { ...part, seconds })
    await keepEvidence(services, {
      id: operation.id,
      clientId,
      machineId,
      repositoryId,
      kind: 'check',
      measuredBy: 'server',
      holdsFor: settings.coverWithinDays * day,
      measured: { copy: repositoryId, ...figures },
    })
    return outcomeOf(found, figures)
  },
})

/** Looks again at what seems wrong: a disk that reads right the second time has lost nothing, and one answer may be a hiccup. */
async function check(
  repositoryId: string,
  { part, parts }: { readonly part: number; readonly parts: number },
  { services, signal, report }: ServerJobWork,
): Promise<CheckResult> {
  const repository = await openOwnRepository(services, repositoryId, { signal, cache: false })
  const readData: CheckOptions['readData'] = parts === 1 ? true : { kind: 'part', part, of: parts }
  const options = { readData, threads: proofThreads, noLock: true, onProgress: progressTo(report) }
  const first = await checkUnderLock(repository, options, { signal })
  if (first.problems.length === 0) return first
  report({ step: 'look again at what seems wrong' })
  return await checkUnderLock(repository, options, { signal })
}

// A shared lock: machines go on backing up, and nobody prunes meanwhile.
async function checkUnderLock(
  repository: Repository,
  options: CheckOptions,
  { signal }: Cancellable,
): Promise<CheckResult> {
  await using lock = await lockRepository(repository, { retryFor: lockWait, signal })
  return await checkRepository(repository, { ...options, signal: lock.signal })
}

function progressTo(report: (progress: Progress) => void): NonNullable<CheckOptions['onProgress']> {
  return (step, done, total) => {
    const unit = step === 'read data' ? ('bytes' as const) : ('steps' as const)
    report({ step, done, unit, ...(total !== undefined && { total }) })
  }
}

/** Problems and paths that are told one by one. */
const mostTold = 20

function figuresOf(
  { problems, omitted, snapshots, trees, packs, read }: CheckResult,
  about: { readonly part: number; readonly parts: number; readonly seconds: number },
) {
  return {
    ...about,
    sound: problems.length === 0,
    snapshots,
    trees,
    packs,
    packsRead: read.packs,
    bytesRead: read.bytes,
    problemCount: problems.length + omitted,
    problems: problems.slice(0, mostTold).map(describe),
  }
}

function describe({ kind, message, affected }: CheckProblem) {
  const paths = affected.paths
    .slice(0, mostTold)
    .map(({ snapshot, path }) => ({ snapshot, path: path.toString('utf8') }))
  return { kind, message, paths, pathCount: affected.total }
}

function outcomeOf({ problems }: CheckResult, figures: ReturnType<typeof figuresOf>): Outcome {
  const [first] = problems
  if (!first) return { state: 'done', result: figures }
  const touched = first.affected.total === 0 ? '' : ` It touches ${formatCount(first.affected.total, 'path')}.`
  const reason = `The repository is damaged (${formatCount(figures.problemCount, 'problem')}): ${first.message}${touched}`
  return { state: 'failed', code: 'DAMAGE_FOUND', reason: reason.slice(0, 2_000), result: figures }
}
