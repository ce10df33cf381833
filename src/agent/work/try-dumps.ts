import { z } from 'zod'
import { idSchema } from '#protocol'
import type { Outcome } from '#protocol'
import { agentJob } from './job.ts'
import type { AgentWork } from './job.ts'
import { runOwnProgram } from './own-program.ts'
import { repositoryFlags } from './repository-flags.ts'

/** Milliseconds between two times that the dumps of a policy are loaded without anybody asking. */
const tryEvery = 7 * 24 * 3_600_000

/** Loads the last dumps of a policy, to try them. */
export const tryDumpsJob = agentJob({
  kind: 'try-dumps',
  order: z.object({ policyId: idSchema }),
  run: async ({ policyId }, work) => await tryDumpsOf(policyId, work),
})

/** Whether the dumps of the policy have not been loaded for a week. */
export async function isTryDue(policyId: string, { folder, now }: AgentWork): Promise<boolean> {
  const { snapshotId, triedAt = 0 } = (await folder.readDumps())[policyId] ?? {}
  return snapshotId !== undefined && Math.abs(now - triedAt) >= tryEvery
}

export async function tryDumpsOf(policyId: string, work: AgentWork): Promise<Outcome> {
  const { folder, program, repository, certificateFile, signal, report, tell, now } = work
  const { snapshotId } = (await folder.readDumps())[policyId] ?? {}
  if (snapshotId === undefined) {
    return { state: 'failed', reason: 'The machine has made no dumps by this backup policy.', code: 'NOT_FOUND' }
  }
  report({ step: 'load dumps, to try them' })
  const flags = await repositoryFlags(folder, repository, certificateFile)
  const loads: Readonly<Record<string, unknown>>[] = []
  const ended = await runOwnProgram(program, ['agent', 'try-dumps', ...flags, '--', snapshotId], {
    signal,
    onMessage: ({ message_type: type, ...load }) => void (type === 'dump_load' && loads.push(load)),
  })
  if (signal.aborted) return { state: 'cancelled', reason: 'It was ended before it was done.' }
  await tell(
    loads.map((load) => ({
      kind: 'dump-load',
      subject: String(load['path']),
      measuredAt: now,
      measured: { ...load, policyId, snapshotId, repositoryId: repository.repositoryId },
    })),
  )
  const all = await folder.readDumps()
  await folder.writeDumps({ ...all, [policyId]: { ...(all[policyId] ?? { last: [] }), triedAt: now } })
  return outcomeOfLoads(loads, ended)
}

function outcomeOfLoads(
  loads: readonly Readonly<Record<string, unknown>>[],
  { code, failure, words }: Awaited<ReturnType<typeof runOwnProgram>>,
): Outcome {
  const with_ = (outcome: string) => loads.filter((load) => load['outcome'] === outcome)
  const [good, failed, impossible] = [with_('good'), with_('failed'), with_('impossible')]
  const result = { good: good.length, failed: failed.length, impossible: impossible.length }
  if (code !== 0 && failed.length === 0) {
    return {
      state: 'failed',
      reason: failure?.message ?? words.trim().slice(0, 2_000),
      code: failure?.code ?? 'UNEXPECTED',
    }
  }
  const why = [...failed, ...impossible].map(
    (load) => `${String(load['subject'])}: ${(load['failure'] as { message?: string } | undefined)?.message ?? ''}`,
  )
  const reason = why.join(' ').slice(0, 2_000)
  if (failed.length > 0) return { state: 'failed', reason, code: 'DUMPS_NOT_LOADED', result }
  return impossible.length > 0 ? { state: 'warnings', reason, result } : { state: 'done', result }
}
