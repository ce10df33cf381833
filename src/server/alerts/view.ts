/**
 * What the rules look at: the state of everything that is watched, at one moment, as plain values. Whoever has the
 * machines, runs and proofs fills it in. Times in milliseconds since 1970 by the server's clock, never by one that a machine
 * claims; spans in milliseconds, sizes in bytes.
 */
import type { ChannelKind } from '#protocol'
import type { LedgerFindingKind, ProofKind, Tamperer, UnstoredKit } from './condition.ts'

export interface AlertView {
  /** The businesses whose people expect to hear of trouble. */
  readonly clients: readonly ClientRef[]
  readonly machines: readonly MachineView[]
  readonly protections: readonly ProtectionView[]
  readonly proofs: readonly ProofView[]
  readonly storages: readonly StorageView[]
  readonly certificates: readonly CertificateView[]
  readonly repositories: readonly RepositoryView[]
  readonly kits: readonly KitView[]
  readonly copies: readonly CopyView[]
  readonly disks: readonly DisksView[]
  readonly tampering: readonly TamperView[]
  readonly approvals: readonly ApprovalView[]
  readonly attacks: readonly AttackView[]
  readonly ways: readonly WayView[]
  readonly accounts: readonly AccountView[]
  readonly server: ServerView
}

export interface ClientRef {
  readonly id: string
  readonly name: string
}

export type MachineKind = 'server' | 'pc' | 'laptop' | 'appliance'

export interface MachineView {
  readonly id: string
  readonly name: string
  readonly client: ClientRef
  readonly kind: MachineKind
  readonly enrolledAt: number
  readonly lastSeen: number | null
  /** When it was first heard after it had last been silent: since then it has been switched on. */
  readonly heardSince?: number | undefined
  /** Instead of the limit of its kind. */
  readonly unseenLimit?: number | undefined
  /** Nobody expects to hear from it until then. */
  readonly awayUntil?: number | undefined
  /** Its clock minus the server's, when it was last heard. */
  readonly clockAhead?: number | undefined
  /** Two agents that work with its key, each a host name and an address; and since when. */
  readonly usedByTwo?: { readonly since: number; readonly agents: readonly string[] } | undefined
  /** It follows no backup policy, nor was a script made for it. */
  readonly isUnprotected?: boolean | undefined
  /** Names and IP addresses under which it is reached: what an alert must not depend on. */
  readonly addresses: readonly string[]
}

/** One backup policy on one machine. */
export interface ProtectionView {
  readonly id: string
  readonly policy: string
  readonly machine: string
  /** The time between two planned runs, the longest where they differ. */
  readonly every: number
  /**
   * The planned runs that follow the last one that was made, oldest first, of which as many as `limits.missedCriticallyRuns`.
   * Undefined where the schedule is somebody else's (stock restic by cron): then `every` has to do.
   */
  readonly planned?: readonly number[] | undefined
  /** Since when it has been expected to run: set up, or switched on again. */
  readonly activeSince: number
  /** Switched off by a person: nothing is expected. */
  readonly paused: boolean
  /** Runs that have ended, newest first; those of the last two weeks at least, and the last good one. */
  readonly runs: readonly RunView[]
  /** Since when one has been running. */
  readonly runningSince?: number | undefined
}

export interface RunView {
  readonly endedAt: number
  readonly outcome: 'done' | 'warnings' | 'failed' | 'cancelled'
  /** What the snapshot holds (not what was new). Of good runs only. */
  readonly bytes?: number | undefined
  readonly files?: number | undefined
  /** One sentence; of failed runs. */
  readonly reason?: string | undefined
}

export interface ProofView {
  readonly id: string
  readonly kind: ProofKind
  readonly subject: {
    readonly type: 'machine' | 'repository'
    readonly id: string
    readonly name: string
    readonly client: ClientRef
  }
  readonly every: number
  readonly activeSince: number
  readonly lastPassed: number | null
  /** The newest that failed, when none has passed since. */
  readonly failed?: { readonly at: number; readonly reason: string } | undefined
}

export interface StorageView {
  readonly id: string
  readonly name: string
  /** Null when several clients share it. */
  readonly client: ClientRef | null
  /** Unknown for storage that is sold by use: it does not fill. */
  readonly space?: { readonly capacity: number; readonly free: number } | undefined
  /** Used bytes over time, oldest first; of the last month. */
  readonly used: readonly { readonly at: number; readonly bytes: number }[]
  /** Its clock minus the server's, when it was last asked. */
  readonly clockAhead?: number | undefined
}

export interface CertificateView {
  readonly id: string
  /** What it is for: `https://backup.example.com`. */
  readonly name: string
  readonly client: ClientRef | null
  readonly endsAt: number
  /** A program renews it, usually a month before its end. */
  readonly renewsItself: boolean
}

export interface RepositoryView {
  readonly id: string
  readonly name: string
  readonly client: ClientRef
  /** Where the ledger and the storage say different things. */
  readonly findings: readonly { readonly kind: LedgerFindingKind; readonly count: number; readonly foundAt: number }[]
  /** An unusual run has stopped its retention. */
  readonly held?: { readonly since: number; readonly reason: string } | undefined
  /** The client keeps its password from the server, since then. */
  readonly passwordKeptSince?: number | undefined
}

/** The recovery kit of a client that has backups. */
export interface KitView {
  readonly client: ClientRef
  readonly state: UnstoredKit | 'stored'
  /** Of one that does not count as stored: since when, or, where it is outdated, since when there is that one. */
  readonly since: number
}

/** Where copies lie besides the server's own storage. */
export interface DestinationRef {
  readonly id: string
  readonly name: string
  readonly client: ClientRef
}

/** A copy that backup policies want at a destination. */
export interface CopyView {
  readonly id: string
  readonly destination: DestinationRef
  /** The name of the repository that it is a copy of. */
  readonly repository: string
  /** Since when it should have had what it lacks; undefined: it lacks nothing that is due. */
  readonly dueSince: number | undefined
  readonly lastComplete: number | null
  /** Why the last try failed; null: it did not. */
  readonly reason: string | null
  readonly isRunning: boolean
}

/** The rotated disks of a destination of which somebody wishes to be reminded. */
export interface DisksView {
  readonly destination: DestinationRef
  /** When one of them was there last. */
  readonly lastSeen: number | null
  readonly since: number
  /** So long after that it is time for one. */
  readonly remindAfter: number
}

/** The last tamper test of a place that is to keep what it has. */
export interface TamperView {
  readonly subject: DestinationRef & { readonly type: 'destination' | 'repository' }
  readonly by: Tamperer
  readonly testedAt: number
  /** It kept the file that the test tried to destroy. */
  readonly isRefused: boolean
}

/** The backup that the server makes of itself. */
export interface OwnBackupView {
  readonly since: number
  readonly lastComplete: number | null
  /** Why the last try failed; null: it did not. */
  readonly reason: string | null
  /** Somebody was shown its password. */
  readonly isPasswordKnown: boolean
  /** It lies where it is lost together with the server. */
  readonly isOnSameDisk: boolean
}

/** One way on which alerts reach somebody: a channel and a person; or the outside watch. */
export interface WayView {
  readonly channel: { readonly id: string; readonly name: string }
  readonly kind: ChannelKind | 'dead_man'
  /** Who reads what comes this way; null: the outside watch. */
  readonly person: { readonly id: string; readonly name: string } | null
  /** The clients whose alerts go this way. */
  readonly clients: 'all' | readonly string[]
  /** Hosts on the way to the reader: the mail server that sends and those that receive, or the host of the address. */
  readonly hosts: readonly string[]
  readonly broken?: { readonly since: number; readonly reason: string } | undefined
}

/** Somebody who may sign in at the server. */
export interface AccountView {
  readonly id: string
  readonly name: string
  /** The newest link by which the password is set anew. */
  readonly reset?: AccountReset | undefined
}

export interface AccountReset {
  /** The name of who made it. */
  readonly by: string
  readonly madeAt: number
  readonly expiresAt: number
  readonly usedAt: number | null
}

export interface ServerView {
  readonly name: string
  /** Names and IP addresses of the machine on which the server runs. */
  readonly addresses: readonly string[]
  /** Since when alerts could have been set up. */
  readonly since: number
  /** Since when somebody has been looking again, after the server had been away: machines may not have reported yet. */
  readonly lookingSince?: number | undefined
  /** Its clock minus those of most machines, where that is too much. */
  readonly clockAhead?: number | undefined
  readonly ownBackup?: OwnBackupView | undefined
  /** Machines follow a later state of this server: why that is thought, and since when. */
  readonly superseded?: { readonly since: number; readonly because: string } | undefined
}

/** Something that would remove backups, or let them be removed, and waits. */
export interface ApprovalView {
  readonly id: string
  /** Null: it is about the server. */
  readonly client: ClientRef | null
  /** What was asked for, in words that go on "asked to". */
  readonly what: string
  /** The name of who has asked; null: the server. */
  readonly by: string | null
  readonly askedAt: number
  /** When it happens by itself; null: only when a person allows it. */
  readonly happensAt: number | null
  /** It was decided, done or has expired, a short while ago. */
  readonly isOver: boolean
}

/** Since when a client may have been attacked; null: nobody has said so. */
export interface AttackView {
  readonly client: ClientRef
  readonly since: number | null
}
