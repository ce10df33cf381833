import { systemClock } from '#base'
import type { Cancellable, Clock } from '#base'
import type { BackupPolicy } from '#policy'
import type { FirstCopyPage, Outcome, Progress } from '#protocol'
import { snapshotText } from '#protocol'
import { AgentError } from '../errors.ts'
import type { AgentFolder, FollowedPolicy, OwnRepository } from '../state.ts'
import { backUpBetweenHooks } from '../work/back-up.ts'
import type { BackupWork } from '../work/job.ts'
import type { OwnProgram } from '../work/own-program.ts'
import { usualHooksFolder } from '../hooks/index.ts'
import { finishDisk, prepareDisk, travelDisk } from './disk.ts'

export interface FirstCopyOptions extends Cancellable {
  readonly program: OwnProgram
  readonly hooksFolder?: string | undefined
  readonly clock?: Clock
  readonly onProgress?: (policy: string, progress: Progress) => void
  /** Told how the backup by each policy ended. */
  readonly onEnded?: (policy: string, outcome: Outcome) => void
}

/**
 * Writes the machine's first backup, by each of its policies, into a folder on a disk, instead of over the line: a repository
 * that the server takes in as it is, because it has the machine's own keys. Until it has arrived there, the planned runs of these
 * policies wait. Interrupted, it can be given again and goes on.
 * Throws `FIRST_COPY_TOO_EARLY`, `FIRST_COPY_PLACE`, `FIRST_COPY_NOT_MADE`, and what the storages throw.
 */
export async function makeFirstCopy(
  folder: AgentFolder,
  place: string,
  options: FirstCopyOptions,
): Promise<FirstCopyPage> {
  const { signal, clock = systemClock } = options
  const { machineId, certificate } = await folder.readEnrolled()
  const { repository, policies } = await readyFor(folder)
  const key = await folder.key()
  const disk = travelDisk(place)
  const certificateFile = certificate && (await folder.writeSecretFile('first-copy.crt', certificate))
  const passwordFile = await folder.writeSecretFile('first-copy.password', `${repository.password}\n`)
  try {
    const configHash = await prepareDisk(disk, repository, { certificateFile, signal })
    const travelling = { policies: policies.map(({ id }) => id), since: clock.now() }
    await folder.writeFirstCopy({ ...travelling, snapshots: [] })
    const flags = ['--repo', disk.repository, '--password-file', passwordFile]
    const { repositoryId } = repository
    const sign = async (snapshotId: string) =>
      await folder.appendSigned({
        repositoryId,
        snapshotId,
        signature: key.sign(snapshotText({ repositoryId, snapshotId })),
      })
    for (const followed of policies) await backUp(followed, { ...options, folder, repository, flags, sign, clock })
    const about = { machineId, repositoryId, configHash, key, signed: await folder.readSigned() }
    const page = await finishDisk(disk, { ...about, signal })
    await folder.writeFirstCopy({ ...travelling, snapshots: page.snapshots.map(({ snapshotId }) => snapshotId) })
    return page
  } finally {
    for (const name of ['first-copy.crt', 'first-copy.password']) await folder.removeSecretFile(name)
  }
}

async function readyFor(
  folder: AgentFolder,
): Promise<{ readonly repository: OwnRepository; readonly policies: readonly FollowedPolicy[] }> {
  const [repository, policies] = [await folder.readRepository(), await folder.readPolicies()]
  if (!repository) throw new AgentError('FIRST_COPY_TOO_EARLY', { reason: 'it has no repository at its server yet' })
  if (policies.length === 0) throw new AgentError('FIRST_COPY_TOO_EARLY', { reason: 'it follows no backup policy yet' })
  return { repository, policies }
}

interface Writing extends FirstCopyOptions {
  readonly folder: AgentFolder
  readonly repository: OwnRepository
  readonly flags: readonly string[]
  readonly sign: BackupWork['sign']
  readonly clock: Clock
}

async function backUp({ id, policy }: FollowedPolicy, writing: Writing): Promise<void> {
  const { folder, program, repository, flags, sign, clock } = writing
  const { signal = new AbortController().signal, hooksFolder = usualHooksFolder, onProgress, onEnded } = writing
  const outcome = await backUpBetweenHooks(
    { id, policy: withoutLimits(policy) },
    {
      folder,
      program,
      repository,
      flags: async () => await Promise.resolve(flags),
      now: clock.now(),
      signal,
      report: (progress) => onProgress?.(policy.name, progress),
      hooksFolder,
      // What its dumps were like is told of those that the next backup makes, at its server.
      tell: async () => await Promise.resolve(),
      sign,
    },
  )
  signal.throwIfAborted()
  onEnded?.(policy.name, outcome)
  const { state, reason = 'nobody said why.' } = outcome
  if (state === 'failed' || state === 'cancelled') {
    throw new AgentError('FIRST_COPY_NOT_MADE', { reason: `"${policy.name}": ${reason}` })
  }
}

/** They spare the line, which has nothing to do with this. */
function withoutLimits(policy: BackupPolicy): BackupPolicy {
  const { limits: _, ...rest } = policy
  return rest
}
