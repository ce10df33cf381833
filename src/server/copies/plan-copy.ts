import type { BackupPolicy, ReceivedSnapshot, RetentionPlan } from '#policy'
import { originalOf } from '#repository'
import type { NamedSnapshot } from '#repository'
import type { Services } from '../app/services.ts'
import { readSafety } from '../approvals/settings.ts'
import { policiesOf } from '../fleet/policies.ts'
import { planByPolicies } from '../retention/plan.ts'
import { receivedAs } from '../retention/subject.ts'
import type { Row } from '../store/tables.ts'
import { isMeant } from './destinations.ts'

/**
 * What a copy keeps: by the same rules as the repository that it is of (the server's time of receipt, suspect snapshots take no
 * place of another, the newest good one stays), with the copy's own `keep`. What a place elsewhere deletes nobody puts back, so
 * a snapshot goes only when no policy has kept it for as many days as what is removed here can be put back.
 */

const day = 86_400_000

/** How long nobody must have kept a snapshot before a copy loses it, in milliseconds. */
export async function waitBeforeThinning({ store }: Services): Promise<number> {
  return (await readSafety(store.db)).softDeleteDays * day
}

/** The policies that name the destination, each with what it keeps there. Without any, a copy keeps everything. */
export async function policiesForCopy(
  services: Services,
  destination: Row<'destinations'>,
  { machineId }: Row<'repositories'>,
): Promise<readonly BackupPolicy[]> {
  if (machineId === null) return []
  return (await policiesOf(services, machineId)).flatMap(({ policy }) => {
    const copies = (policy.to.copies ?? []).filter(({ repository }) => isMeant(destination, repository))
    return copies.map(({ keep = policy.keep }) => ({ ...policy, keep }))
  })
}

export type CopyPlan = RetentionPlan<ReceivedSnapshot>

/** What the policies keep of these snapshots, which lie in the repository or in its copy. Those that the server never received are not in it. */
export async function planCopy(
  services: Services,
  snapshots: readonly NamedSnapshot[],
  { repository, policies }: { readonly repository: Row<'repositories'>; readonly policies: readonly BackupPolicy[] },
): Promise<CopyPlan> {
  const received = await receivedAs(services, repository, snapshots, originalOf)
  return planByPolicies(policies, received, services.clock.now())
}

/** Snapshots of the repository that its copy would lose again at once, by their ids: they are not copied. */
export async function notCopied(
  services: Services,
  snapshots: readonly NamedSnapshot[],
  { destination, repository }: Pick<CopyOf, 'destination' | 'repository'>,
): Promise<ReadonlySet<string>> {
  const policies = await policiesForCopy(services, destination, repository)
  if (policies.length === 0) return new Set()
  const { groups } = await planCopy(services, snapshots, { repository, policies })
  const newest = services.clock.now() - (await waitBeforeThinning(services))
  return new Set(groups.flatMap(({ remove }) => remove.flatMap(({ id, received }) => (received < newest ? [id] : []))))
}

interface CopyOf {
  readonly destination: Row<'destinations'>
  readonly repository: Row<'repositories'>
}
