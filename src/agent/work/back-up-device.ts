import { idSchema } from '#protocol'
import type { Outcome } from '#protocol'
import type { BackupPolicy } from '#policy'
import { z } from 'zod'
import type { FollowedDevice } from '../state.ts'
import { figuresOf, progressOf } from './figures.ts'
import { agentJob } from './job.ts'
import type { AgentWork } from './job.ts'
import { keepLimits } from './keep-limits.ts'
import { runOwnProgram } from './own-program.ts'
import { repositoryFlags } from './repository-flags.ts'

/** A backup of a device beside this machine: a snapshot with the device's name as its host, signed by the machine that read it. */
export const deviceBackupJob = agentJob({
  kind: 'backup-device',
  order: z.object({ policyId: idSchema, deviceId: idSchema }),
  async run({ policyId, deviceId }, work) {
    const device = work.devices.find(({ id }) => id === deviceId)
    const policy = device?.policies.find(({ id }) => id === policyId)?.policy
    if (device && policy) return await backUpDevice(device, policy, work)
    return {
      state: 'failed',
      reason: 'The machine does not read this device by this backup policy.',
      code: 'NOT_FOUND',
    }
  },
})

async function backUpDevice(
  { id, name, access }: FollowedDevice,
  policy: BackupPolicy,
  work: AgentWork,
): Promise<Outcome> {
  const { folder, program, repository, certificateFile, report, signal } = work
  await using limits = await keepLimits(policy, work)
  const { include: paths, exclude: excludes = [] } = policy.what
  const order = { access, name, paths, excludes, rclone: work.rclone }
  const file = await folder.writeSecretFile(`device-${id}.order`, JSON.stringify(order))
  const flags = [...(await repositoryFlags(folder, repository, certificateFile)), ...limits.flags]
  const { code, summary, failure, words } = await runOwnProgram(
    program,
    ['agent', 'read-device', ...flags, '--', file],
    {
      signal,
      onStatus: (status) => report({ ...progressOf(status), step: `back up ${name}`.slice(0, 200) }),
    },
  )
  const figures = summary && figuresOf(summary)
  const result = figures && { ...figures, deviceId: id }
  if (typeof figures?.['snapshotId'] === 'string') await work.sign(figures['snapshotId'])
  if (code === 0 && result) return { state: 'done', result }
  if (code === 3 && result) return { state: 'warnings', reason: 'Some files could not be read.', result }
  if (signal.aborted) return { state: 'cancelled', reason: 'It was ended before it was done.' }
  const reason = failure?.message ?? (words.trim().split('\n').at(-1) || `The backup ended with exit code ${code}.`)
  return { state: 'failed', reason: reason.slice(0, 2_000), code: failure?.code ?? 'UNEXPECTED' }
}
