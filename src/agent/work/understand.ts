import { backupPolicySchema, idSchema, readDeviceSchema, welcomeSchema } from '#protocol'
import type { FollowedDevice, FollowedPolicy } from '../state.ts'
import { z } from 'zod'

/**
 * What a server says that is newer than this agent: what of it the agent cannot read it does not follow half. It goes on with
 * what it has, and names it to the server.
 */

/** An answer to a hello, of whatever version. */
export const heardSchema = z.object({
  policies: z.array(z.looseObject({ id: idSchema, revision: z.int(), policy: z.unknown() })).optional(),
  devices: z.array(z.looseObject({ id: idSchema })).optional(),
  ...welcomeSchema.pick({ usedByTwo: true, epoch: true, receipt: true }).shape,
})

/** What the agent goes by from now on. */
export interface Understood<One> {
  readonly all: readonly One[]
  /** Ids of what it cannot read; where it has an older revision, that is among `all`. */
  readonly notUnderstood: readonly string[]
}

/** `now`: since when what is new is followed, in milliseconds since 1970. */
export function understandPolicies(
  said: NonNullable<z.output<typeof heardSchema>['policies']>,
  before: readonly FollowedPolicy[],
  now: number,
): Understood<FollowedPolicy> {
  const known = new Map(before.map((policy) => [policy.id, policy]))
  return sortOut(said, known, ({ id, revision, policy: given }) => {
    const { data: policy } = backupPolicySchema.safeParse(given)
    return policy && { id, revision, policy, since: known.get(id)?.since ?? now }
  })
}

export function understandDevices(
  said: NonNullable<z.output<typeof heardSchema>['devices']>,
  before: readonly FollowedDevice[],
  now: number,
): Understood<FollowedDevice> {
  const known = new Map(before.map((device) => [device.id, device]))
  return sortOut(said, known, (given) => {
    const { data: device } = readDeviceSchema.safeParse(given)
    if (!device) return undefined
    const since = device.policies.map(({ id }) => [id, known.get(device.id)?.since[id] ?? now] as const)
    return { ...device, since: Object.fromEntries(since) }
  })
}

function sortOut<Said extends { readonly id: string }, One>(
  said: readonly Said[],
  known: ReadonlyMap<string, One>,
  read: (one: Said) => One | undefined,
): Understood<One> {
  const sorted = said.map((one) => ({ id: one.id, one: read(one) }))
  return {
    all: sorted.flatMap(({ id, one }) => one ?? known.get(id) ?? []),
    notUnderstood: sorted.flatMap(({ id, one }) => (one ? [] : [id])),
  }
}
