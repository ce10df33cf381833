import { idSchema } from '#protocol'
import type { Outcome, Progress } from '#protocol'
import { limitAt } from '#policy'
import type { BackupPolicy } from '#policy'
import { z } from 'zod'
import type { AgentFolder, OwnRepository } from '../state.ts'
import { agentJob, followed } from './job.ts'
import type { AgentWork } from './job.ts'
import { runOwnProgram } from './own-program.ts'

/**
 * Where the program finds the repository and its password: files that only the agent's user may read. `name` is what they
 * are called, for a repository that is not the machine's own.
 */
export async function repositoryFlags(
  folder: AgentFolder,
  { url, user, secret, password }: OwnRepository,
  certificateFile: string | undefined,
  { name = 'repository' }: { readonly name?: string } = {},
): Promise<string[]> {
  const location = new URL(url)
  location.username = user
  location.password = secret
  const locationFile = await folder.writeSecretFile(`${name}.location`, `rest:${location.href}\n`)
  const passwordFile = await folder.writeSecretFile(`${name}.password`, `${password}\n`)
  const trust = certificateFile === undefined ? [] : ['--cacert', certificateFile]
  return ['--repository-file', locationFile, '--password-file', passwordFile, ...trust]
}

/** A backup by a policy that the machine follows. The snapshot that it makes is signed. */
export const backupJob = agentJob({
  kind: 'backup',
  order: z.object({ policyId: idSchema }),
  async run({ policyId }, work) {
    const policy = followed(work, policyId)
    if (!policy)
      return { state: 'failed', reason: 'The machine does not follow this backup policy.', code: 'NOT_FOUND' }
    const outcome = await backUp(policy, work)
    const snapshotId = outcome.result?.['snapshotId']
    if (typeof snapshotId === 'string') await work.sign(snapshotId)
    return outcome
  },
})

async function backUp(policy: BackupPolicy, work: AgentWork): Promise<Outcome> {
  const { program, folder, repository, certificateFile, now, report, signal } = work
  // A pause (0) keeps planned runs from beginning; who orders one now wants it now.
  const { upload = 0 } = limitAt(policy.limits ?? {}, now, policy.when.timeZone)
  const args = [
    'backup',
    ...(await repositoryFlags(folder, repository, certificateFile)),
    ...coverageFlags(policy),
    ...(upload > 0 ? ['--limit-upload', String(upload)] : []),
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
  if (code === 0 && result) return { state: 'done', result }
  if (code === 3 && result) return { state: 'warnings', reason: 'Some files could not be read.', result }
  if (signal.aborted) return { state: 'cancelled', reason: 'It was ended before it was done.' }
  return {
    state: 'failed',
    reason: failure?.message ?? (words.trim().split('\n').at(-1) || `The backup ended with exit code ${code}.`),
    code: failure?.code ?? 'UNEXPECTED',
  }
}

function coverageFlags({ what }: BackupPolicy): string[] {
  const { exclude = [], excludeCaches, excludeLargerThan, oneFileSystem } = what
  return [
    ...exclude.flatMap((pattern) => ['--exclude', pattern]),
    ...(excludeCaches === true ? ['--exclude-caches'] : []),
    ...(excludeLargerThan === undefined ? [] : ['--exclude-larger-than', excludeLargerThan]),
    ...(oneFileSystem === true ? ['--one-file-system'] : []),
  ]
}

type Message = Readonly<Record<string, unknown>>

function progressOf(status: Message): Progress {
  const number = (name: string) => (typeof status[name] === 'number' ? { value: status[name] } : undefined)
  const [done, total, left] = [number('bytes_done'), number('total_bytes'), number('seconds_remaining')]
  return {
    step: 'back up',
    unit: 'bytes',
    ...(done && { done: done.value }),
    ...(total && { total: total.value }),
    ...(left && { secondsLeft: left.value }),
  }
}

/** What evidence and history are made of. */
const figures = {
  snapshotId: 'snapshot_id',
  filesNew: 'files_new',
  filesChanged: 'files_changed',
  filesUnmodified: 'files_unmodified',
  foldersNew: 'dirs_new',
  foldersChanged: 'dirs_changed',
  foldersUnmodified: 'dirs_unmodified',
  files: 'total_files_processed',
  bytes: 'total_bytes_processed',
  bytesAdded: 'data_added_packed',
  seconds: 'total_duration',
} as const

function figuresOf(summary: Message): Record<string, unknown> {
  return Object.fromEntries(Object.entries(figures).map(([ours, theirs]) => [ours, summary[theirs] ?? null]))
}
