import { mergeOutcomes } from './merge-outcomes.ts'
import { idSchema } from '#protocol'
import type { Outcome } from '#protocol'
import type { BackupPolicy } from '#policy'
import { z } from 'zod'
import { betweenHooks } from '../hooks/index.ts'
import { messageOf, throwIfBug, toPlainError } from '#base'
import { dumpByPolicy, hasDumps } from './dump-databases.ts'
import { figuresOf, progressOf } from './figures.ts'
import { agentJob, followed } from './job.ts'
import type { AgentWork, BackupWork } from './job.ts'
import { keepLimits } from './keep-limits.ts'
import { runOwnProgram } from './own-program.ts'
import { isTryDue, tryDumpsOf } from './try-dumps.ts'

/** A backup by a policy that the machine follows. The snapshots that it makes are signed. */
export const backupJob = agentJob({
  kind: 'backup',
  order: z.object({ policyId: idSchema }),
  async run({ policyId: id }, work) {
    const policy = followed(work, id)
    if (!policy)
      return { state: 'failed', reason: 'The machine does not follow this backup policy.', code: 'NOT_FOUND' }
    return await backUpByPolicy({ id, policy }, work)
  },
})

type Followed = { readonly id: string; readonly policy: BackupPolicy }

/** Why a work between hooks is over: its hook for failures has to hear of it. */
class EndedBadly extends Error {
  readonly outcome: Outcome

  constructor(outcome: Outcome) {
    super(outcome.reason)
    this.outcome = outcome
  }
}

/** A backup; then, once a week, its dumps are loaded to try them. */
async function backUpByPolicy(followedPolicy: Followed, work: AgentWork): Promise<Outcome> {
  const { id, policy } = followedPolicy
  const outcome = await backUpBetweenHooks(followedPolicy, work)
  const isGood = outcome.state !== 'failed' && outcome.state !== 'cancelled'
  if (!isGood || !hasDumps(policy) || !(await isTryDue(id, work))) return outcome
  const tried = await tryDumpsOf(id, work)
  return tried.state === 'cancelled' ? tried : mergeOutcomes([outcome, ...complaintOfTry(tried)])
}

/** Hook before → dumps → files → hook on failure → hook after. */
export async function backUpBetweenHooks(followedPolicy: Followed, work: BackupWork): Promise<Outcome> {
  const { policy } = followedPolicy
  const { before, after, onFailure: failure } = policy.what.hooks ?? {}
  const complaints: Outcome[] = []
  const onHookFailed = (thrown: unknown) => void complaints.push(hookComplaint(thrown))
  const outcome = await betweenHooks(
    { before, after, failure },
    async () => {
      const made = await makeSnapshots(followedPolicy, work)
      if (made.state === 'failed' || made.state === 'cancelled') throw new EndedBadly(made)
      return made
    },
    { folder: work.hooksFolder, signal: work.signal, facts: { POLICY: policy.name }, onHookFailed },
  ).catch((thrown: unknown) => {
    if (thrown instanceof EndedBadly) return thrown.outcome
    if (work.signal.aborted) return cancelled
    throwIfBug(thrown)
    return failedBy(thrown)
  })
  return outcome.state === 'cancelled' ? outcome : mergeOutcomes([outcome, ...complaints])
}

const cancelled: Outcome = { state: 'cancelled', reason: 'It was ended before it was done.' }

function failedBy(thrown: unknown): Outcome {
  const code = toPlainError(thrown).code ?? 'UNEXPECTED'
  return { state: 'failed', reason: messageOf(thrown).slice(0, 2_000), code }
}

// The backup is as good as it is; but what was brought to rest may still be so.
function hookComplaint(thrown: unknown): Outcome {
  throwIfBug(thrown)
  return { ...failedBy(thrown), state: 'warnings' }
}

/** That dumps cannot be tried on this machine is told with the evidence, not with every backup. */
function complaintOfTry({ state, reason, code }: Outcome): Outcome[] {
  if (state !== 'failed') return []
  return [
    { state: 'warnings', reason: `Dumps could not be loaded again: ${reason}`, ...(code !== undefined && { code }) },
  ]
}

async function makeSnapshots(followedPolicy: Followed, work: BackupWork): Promise<Outcome> {
  const { policy } = followedPolicy
  await using limits = await keepLimits(policy, work)
  const outcomes: Outcome[] = []
  if (hasDumps(policy)) {
    const { outcome, dumps } = await dumpByPolicy(followedPolicy, work, limits.flags)
    if (outcome.state === 'cancelled') return outcome
    const { snapshotId, bytes } = outcome.result ?? {}
    const databases = dumps.filter(({ kind }) => kind === 'database')
    const result = {
      dumps: {
        snapshotId: snapshotId ?? null,
        bytes: bytes ?? null,
        databases: databases.map(({ engine, subject, outcome: state, bytes: size }) => ({
          engine,
          subject,
          state,
          bytes: size,
        })),
      },
    }
    outcomes.push({ ...outcome, result })
  }
  if (policy.what.include.length > 0) outcomes.push(await backUpFiles(policy, work, limits.flags))
  const ended = outcomes.find(({ state }) => state === 'cancelled')
  return ended ?? mergeOutcomes(outcomes)
}

async function backUpFiles(policy: BackupPolicy, work: BackupWork, limitFlags: readonly string[]): Promise<Outcome> {
  const { program, report, signal } = work
  const args = [
    'backup',
    ...(await work.flags()),
    ...coverageFlags(policy),
    ...limitFlags,
    '--tag',
    'understudy',
    '--',
    ...policy.what.include,
  ]
  const { code, summary, failure, words } = await runOwnProgram(program, args, {
    signal,
    onStatus: (status) => report(progressOf(status)),
  })
  const result = summary && figuresOf(summary)
  if (result && typeof result['snapshotId'] === 'string') await work.sign(result['snapshotId'])
  if (code === 0 && result) return { state: 'done', result }
  if (code === 3 && result) return { state: 'warnings', reason: 'Some files could not be read.', result }
  if (signal.aborted) return cancelled
  return {
    state: 'failed',
    reason: failure?.message ?? (words.trim().split('\n').at(-1) || `The backup ended with exit code ${code}.`),
    code: failure?.code ?? 'UNEXPECTED',
  }
}

function coverageFlags({ what }: BackupPolicy): string[] {
  const { exclude = [], excludeCaches, excludeLargerThan, oneFileSystem, volumeSnapshot } = what
  return [
    ...exclude.flatMap((pattern) => ['--exclude', pattern]),
    ...(excludeCaches === true ? ['--exclude-caches'] : []),
    ...(excludeLargerThan === undefined ? [] : ['--exclude-larger-than', excludeLargerThan]),
    ...(oneFileSystem === true ? ['--one-file-system'] : []),
    ...(volumeSnapshot === 'never' ? [] : [`--fs-snapshot=${volumeSnapshot === 'required' ? 'any' : 'auto'}`]),
  ]
}
