/**
 * A condition is something that is not as it should be, now. It is found by rules, has a key that stays the same as long
 * as it is the same trouble of the same thing, and says nothing about who has been told.
 */
import { printable } from '#base'
import { type ConditionKind, severities, type Severity } from '#protocol'

/** What a condition is about. */
export interface Subject {
  readonly type:
    | 'machine'
    | 'repository'
    | 'storage'
    | 'destination'
    | 'certificate'
    | 'channel'
    | 'client'
    | 'server'
    | 'person'
  readonly id: string
  readonly name: string
  /** The business it belongs to; null for what belongs to the server itself. */
  readonly client: { readonly id: string; readonly name: string } | null
}

/** What the sentence of each kind is made of. Times in milliseconds since 1970, spans in milliseconds, sizes in bytes. */
export interface Facts {
  readonly run_failed: {
    readonly policy: string
    readonly lastGood: number | null
    readonly reason: string
    readonly times: number
  }
  readonly run_missed: {
    readonly policy: string
    readonly lastRun: number | null
    readonly every: number
    /** Since when a run has been going on that does not end. */
    readonly runningSince: number | null
  }
  readonly machine_unseen: { readonly lastSeen: number | null }
  /** Host names and addresses of the agents. */
  readonly machine_used_by_two: { readonly agents: string }
  readonly backup_empty: { readonly policy: string; readonly at: number }
  readonly backup_small: {
    readonly policy: string
    readonly bytes: number
    readonly usualBytes: number
    readonly files: number
    readonly usualFiles: number
  }
  readonly success_rate: { readonly policy: string; readonly good: number; readonly runs: number }
  readonly proof_failed: { readonly proof: ProofKind; readonly reason: string }
  readonly proof_overdue: { readonly proof: ProofKind; readonly lastPassed: number | null; readonly every: number }
  readonly storage_filling: { readonly free: number; readonly capacity: number; readonly fullAt: number | null }
  /** `than`: with which clock it was compared. */
  readonly clock_wrong: { readonly ahead: number; readonly than: 'server' | 'machines' }
  readonly certificate_ending: { readonly endsAt: number; readonly ended: boolean }
  readonly ledger_disagrees: { readonly finding: LedgerFindingKind; readonly count: number }
  readonly retention_held: { readonly reason: string }
  readonly server_superseded: { readonly reason: string }
  /** `reader`: whom messages do not reach this way. */
  readonly channel_broken: { readonly reason: string; readonly reader: string | null }
  readonly alerting_missing: Readonly<Record<string, never>>
  readonly alerting_dependent: { readonly on: string; readonly how: Dependence }
  readonly outside_watch_missing: Readonly<Record<string, never>>
  readonly kit_not_stored: { readonly state: UnstoredKit }
  readonly password_kept: Readonly<Record<string, never>>
  /** `by`: who made the link; `usedAt` null: it is open. */
  readonly account_reset: { readonly by: string; readonly usedAt: number | null }
  readonly not_protected: Readonly<Record<string, never>>
  /** `repository`: its name. `lastComplete`: when the copy had everything. `reason`: why the last try failed. */
  readonly copy_behind: {
    readonly repository: string
    readonly lastComplete: number | null
    readonly reason: string | null
  }
  readonly disks_overdue: { readonly lastSeen: number | null }
  readonly tampering_not_refused: { readonly by: Tamperer }
  /** `by` null: the server asks; `happensAt` null: only when a person allows it. */
  readonly approval_waits: { readonly what: string; readonly by: string | null; readonly happensAt: number | null }
  readonly client_attacked: Readonly<Record<string, never>>
  readonly own_backup_late: { readonly lastComplete: number | null; readonly reason: string | null }
  readonly own_backup_unusable: { readonly why: OwnBackupFlaw }
}

/** With whose credentials copies could be destroyed: those that the server writes with, or a machine's. */
export type Tamperer = 'writer' | 'machine'
/** Nobody knows the password of the server's own backup; or it is lost together with the server. */
export type OwnBackupFlaw = 'no password' | 'same disk'
/** Why a recovery kit does not count as stored. */
export type UnstoredKit = 'none' | 'unconfirmed' | 'confirm-again' | 'outdated'
export type ProofKind = 'check' | 'test_restore' | 'trial'
export type LedgerFindingKind = 'missing' | 'rolled_back' | 'invented'
/** On what every way of alerting depends: a protected machine, this server, the domain of the machines; one host or domain of others. */
export type Dependence = 'machine' | 'server' | 'own_domain' | 'host' | 'domain'

interface ConditionOf<Kind extends ConditionKind> {
  readonly key: string
  readonly kind: Kind
  readonly severity: Severity
  readonly subject: Subject
  /** Milliseconds since 1970. */
  readonly since: number
  readonly facts: Facts[Kind]
}

export type Condition = { [Kind in ConditionKind]: ConditionOf<Kind> }[ConditionKind]

/**
 * What a rule says about one thing that it looks at: a condition holds; or all is well (null); or it cannot be told just now
 * ('unsure': a run is under way), and what was so before is taken to be so still.
 */
export interface Finding {
  readonly key: string
  readonly condition: Condition | null | 'unsure'
}

/** What has gone wrong, for `finding`. */
interface Trouble<Kind extends ConditionKind> {
  readonly severity: Severity
  readonly since: number
  readonly facts: Facts[Kind]
}

/** `part` tells apart what one subject has several of (its policies, its proofs). */
export function finding<Kind extends ConditionKind>(
  kind: Kind,
  subject: Subject,
  { part, trouble }: { readonly part?: string; readonly trouble: Trouble<Kind> | null | 'unsure' },
): Finding {
  const key = [kind, subject.type, subject.id, ...(part === undefined ? [] : [part])].map(encodeURIComponent).join('/')
  if (trouble === null || trouble === 'unsure') return { key, condition: trouble }
  return { key, condition: { key, kind, subject, ...trouble } as ConditionOf<Kind> as Condition }
}

/** A reason comes from a machine or from another server and is kept with the condition: nobody may make that large. */
export function asReason(text: string): string {
  return printable(text, 300)
}

/** Negative when `a` is less severe than `b`. */
export function compareSeverity(a: Severity, b: Severity): number {
  return severities.indexOf(a) - severities.indexOf(b)
}

export function isAtLeast(severity: Severity, least: Severity): boolean {
  return compareSeverity(severity, least) >= 0
}

export function moreSevere(a: Severity, b: Severity): Severity {
  return isAtLeast(a, b) ? a : b
}
