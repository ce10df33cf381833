import { mkdir, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { formatBytes } from '#base'
import { testRestoreOrderSchema, trialOrderSchema } from '#protocol'
import type { Outcome } from '#protocol'
import { RandomSample } from '#restorer'
import type { z } from 'zod'
import { outcomeOf, runRestores } from '../restore/run-restore.ts'
import { agentJob } from './job.ts'
import type { AgentWork } from './job.ts'
import { withRepository } from './other-repository.ts'
import { measureLine } from './measure-line.ts'
import { runOwnProgram } from './own-program.ts'
import { told } from './restore.ts'

/** Proofs on the machine itself: restored into a folder of the agent's, read again and compared, timed, and removed. */

/** A random sample of a snapshot, chosen here by the seed of the order. The line to the repository is measured as well. */
export const testRestoreJob = agentJob({
  kind: 'test-restore',
  order: testRestoreOrderSchema,
  async run(order, work) {
    return await told(work, async () => await testRestore(order, work))
  },
})

/** Everything of a snapshot, also of another machine's: this one may be the spare one. */
export const trialJob = agentJob({
  kind: 'trial',
  order: trialOrderSchema,
  async run({ snapshotId, repositoryId }, work) {
    return await told(work, async () => {
      return await withRepository(repositoryId, work, async (repository) => {
        if (repository === undefined) return passwordKept
        const foreign = repositoryId !== undefined && repositoryId !== work.repository.repositoryId
        const bytes = await bytesOf(snapshotId, repository, work)
        return await inScratch(work, bytes, async (target) => {
          const run = { snapshotId, from: '/', target, paths: [], foreign, verify: true }
          const restored = await runRestores([run], { ...work, repository })
          return outcomeOf(restored, { snapshotId, scope: 'whole' })
        })
      })
    })
  },
})

const passwordKept: Outcome = {
  state: 'failed',
  reason:
    'The server does not have the password of the repository: a restore with a yes on this machine can be given it.',
  code: 'REPOSITORY_PASSWORD_KEPT',
}

async function testRestore(order: z.output<typeof testRestoreOrderSchema>, work: AgentWork): Promise<Outcome> {
  const { snapshotId, seed } = order
  return await withRepository(undefined, work, async (repository = []) => {
    const { sample, offered } = await drawSample(order, repository, work)
    if (sample.length === 0) {
      return { state: 'failed', reason: 'The snapshot has no file that a sample may hold.', code: 'SAMPLE_EMPTY' }
    }
    const bytes = sample.reduce((sum, file) => sum + file.bytes, 0)
    return await inScratch(work, bytes, async (target) => {
      const paths = sample.map(({ path }) => path.toString('utf8'))
      const run = { snapshotId, from: '/', target, paths, foreign: false, verify: true }
      const restored = await runRestores([run], { ...work, repository })
      const line = await measureLine(work)
      return outcomeOf(restored, { snapshotId, scope: 'sample', seed, offered, ...(line && { line }) })
    })
  })
}

const longestPath = 1_000

async function drawSample(
  order: z.output<typeof testRestoreOrderSchema>,
  repository: readonly string[],
  { program, signal, report }: AgentWork,
) {
  report({ step: 'choose files' })
  const sample = new RandomSample(order)
  const { code, failure } = await runOwnProgram(program, ['ls', ...repository, '--', order.snapshotId], {
    signal,
    onMessage: (message) => {
      const { path, size, type } = message as {
        readonly path?: unknown
        readonly size?: unknown
        readonly type?: unknown
      }
      // What is chosen is named in flags: no bytes that are no UTF-8, and no more than a command line takes.
      if (type !== 'file' || typeof path !== 'string' || path.includes('\uFFFD') || path.length > longestPath) return
      sample.offer(Buffer.from(path), typeof size === 'number' ? size : 0)
    },
  })
  signal.throwIfAborted()
  if (code !== 0) throw Object.assign(new Error(failure?.message ?? `exit code ${code}`), { code: failure?.code })
  return { sample: sample.chosen(), offered: sample.offered }
}

/** What the snapshot needs on this machine, by a plan that changes nothing. */
async function bytesOf(
  snapshotId: string,
  repository: readonly string[],
  { program, signal, report, folder }: AgentWork,
): Promise<number> {
  report({ step: 'plan the restore' })
  const target = join(folder.path, 'scratch', 'nothing')
  const args = ['restore', ...repository, '--dry-run', '--target', target, '--', snapshotId]
  const { code, summary, failure } = await runOwnProgram(program, args, { signal })
  signal.throwIfAborted()
  const bytes = summary?.['total_bytes'] ?? 0
  if (code === 0 && typeof bytes === 'number') return bytes
  throw Object.assign(new Error(failure?.message ?? `exit code ${code}`), { code: failure?.code })
}

/** The share of a disk that stays free when something is tried on it: a machine that works must go on working. */
const keepFree = 0.1

/** A folder for so many bytes of something that is only tried: it is empty before, and gone after. */
async function inScratch(
  { folder }: AgentWork,
  bytes: number,
  use: (target: string) => Promise<Outcome>,
): Promise<Outcome> {
  const scratch = join(folder.path, 'scratch')
  // One thing is done at a time, so what is here is left of one that was killed.
  await rm(scratch, { recursive: true, force: true })
  const { bavail, blocks, bsize } = await statfs(folder.path)
  if ((bavail - blocks * keepFree) * bsize < bytes) {
    const reason = `It needs ${formatBytes(bytes)}, and the disk of ${folder.path} has not so much to spare.`
    return { state: 'failed', reason, code: 'SCRATCH_TOO_SMALL' }
  }
  await mkdir(scratch, { mode: 0o700 })
  try {
    return await use(scratch)
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}
