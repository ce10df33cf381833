import { everyClient, roleHas } from '#protocol'
import type { Right, Role } from '#protocol'
import type { Actor } from '../records/audit.ts'

/** What somebody may do: roles by client, and at most the rights of the token that was shown. */
export interface Grants {
  readonly roles: ReadonlyMap<string, Role>
  /** Undefined: all that the roles have. */
  readonly atMost?: ReadonlySet<Right> | undefined
}

/** A person who asks, by session or by token. */
export interface Caller {
  readonly personId: string
  readonly actor: Actor
  readonly grants: Grants
  /** When the password or passkey was last shown; undefined for a token. */
  readonly signedInAt: number | undefined
  /** A token that may do what a person must prove anew for. */
  readonly mayDestroy?: boolean
  /** Nobody by name: whoever may read what only the server’s own user may read. */
  readonly isLocal?: true
  /** What was shown; undefined: nothing that could be taken back. */
  readonly proof?: Proof
}

/** What a person shows with a call, as it lies in the control data. */
export interface Proof {
  readonly kind: 'session' | 'token'
  readonly id: string
  /** Milliseconds since 1970; null: it holds until it is taken back. */
  readonly endsAt: number | null
}

/** A machine that has proven with its key who it is. */
export interface MachineCaller {
  readonly machineId: string
  readonly clientId: string
  readonly actor: Actor
}

/** Whether somebody has a right for a client, or, with "*", for the server itself. */
export function may({ roles, atMost }: Grants, right: Right, clientId: string): boolean {
  if (atMost && !atMost.has(right)) return false
  const held = [roles.get(everyClient), roles.get(clientId)]
  return held.some((role) => role !== undefined && roleHas(role, right))
}

/** The clients for which somebody has a right; 'every' when it is for all there are. */
export function clientsWith(grants: Grants, right: Right): 'every' | readonly string[] {
  if (may(grants, right, everyClient)) return 'every'
  return [...grants.roles.keys()].filter((clientId) => may(grants, right, clientId))
}
