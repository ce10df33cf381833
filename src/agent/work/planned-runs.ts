import type { FollowedDevice, FollowedPolicy } from '../state.ts'

/** Something that is to be done by a policy's schedule. */
export interface PlannedRun extends Pick<FollowedPolicy, 'revision' | 'since' | 'policy'> {
  /** Under which its runs are remembered. */
  readonly key: string
  readonly kind: string
  /** What its order says besides. */
  readonly about: Readonly<Record<string, string>>
}

/** A backup of the machine itself. */
export function runOf({ id, ...policy }: FollowedPolicy): PlannedRun {
  return { ...policy, key: id, kind: 'backup', about: { policyId: id } }
}

/** Backups of a device that the machine reads. */
export function runsOf({ id: deviceId, policies, since }: FollowedDevice): PlannedRun[] {
  return policies.map(({ id: policyId, revision, policy }) => ({
    key: `${deviceId} ${policyId}`,
    kind: 'backup-device',
    about: { policyId, deviceId },
    revision,
    policy,
    since: since[policyId] ?? 0,
  }))
}

/** Which devices the machine reads, and by which revisions: what it tells its server. */
export function readsOf(devices: readonly FollowedDevice[]) {
  return Object.fromEntries(
    devices.map(({ id, name, revision, policies }) => {
      const follows = Object.fromEntries(policies.map((policy) => [policy.id, policy.revision]))
      return [id, { name, revision, follows }]
    }),
  )
}
