import type { ColumnType, Generated, Insertable, Selectable } from 'kysely'
import type { PasskeysTable, RenewedPeopleTable, SessionsTable } from './account-tables.ts'
import type { AgentRunsTable } from './agent-tables.ts'
import type { Fixed, Flag, Later } from './column-types.ts'
import type { CopiesTable, CopyCareTable, DestinationDisksTable, DestinationsTable } from './copy-tables.ts'

/**
 * The control data, as tables. Times are milliseconds since 1970; flags are 0 or 1; what is JSON is text; what is sealed
 * says so in its name. Columns are snake_case in the database and camelCase here.
 */

/** A person who may sign in. Written by better-auth, as are sessions, accounts, verifications, twoFactors and passkeys. */
export interface PeopleTable {
  readonly id: Fixed<string>
  readonly name: string
  readonly email: string
  readonly twoFactorEnabled: Flag | boolean | null
  /** As better-auth and the engine have it: a Date, or RFC 3339. */
  readonly createdAt: ColumnType<Date | string, never, Date | string>
}

/** A role that a person has with a client, or with every client and the server itself (`clientId` "*"). */
export interface RoleGrantsTable {
  readonly personId: Fixed<string>
  readonly clientId: Fixed<string>
  readonly role: string
}

/** A secret that acts for a person, with less than the person may do. Only its hash is kept. */
export interface ApiTokensTable {
  readonly id: Fixed<string>
  readonly personId: Fixed<string>
  readonly name: string
  readonly hash: Fixed<string>
  /** JSON: names of rights. */
  readonly scopes: string
  readonly createdAt: Fixed<number>
  readonly expiresAt: number | null
  readonly lastUsedAt: number | null
}

/** A link that works once: the first owner's, and those by which people are invited. */
export interface SetUpLinksTable {
  readonly hash: Fixed<string>
  readonly kind: Fixed<string>
  /** JSON: e-mail address, roles. */
  readonly invites: string
  readonly createdAt: Fixed<number>
  readonly expiresAt: number
  readonly usedAt: number | null
}

/** A business. */
export interface ClientsTable {
  readonly id: Fixed<string>
  readonly name: string
  /** 'normal', or 'attacked': nothing is deleted then. */
  readonly state: string
  readonly stateSince: number
  readonly createdAt: Fixed<number>
}

export interface MachinesTable {
  readonly id: Fixed<string>
  readonly clientId: Fixed<string>
  readonly name: string
  /** 'server', 'pc', 'laptop', 'appliance'. */
  readonly kind: string
  /** Ed25519, SPKI in base64; null for a machine without our agent. */
  readonly publicKey: string | null
  /** 'waiting', 'approved', 'revoked'. */
  readonly state: string
  /** JSON: platform, agent version, addresses; as the agent says. */
  readonly about: string
  readonly createdAt: Fixed<number>
  readonly lastSeenAt: number | null
  /** When it was first heard after it had been silent for a while: since then it has been switched on. */
  readonly heardSince: Later<number>
  readonly awayUntil: number | null
  /** How far the machine's clock was ahead when it was last seen, in milliseconds. */
  readonly clockAheadMs: number | null
  /** JSON: what was found on it, or null. */
  readonly discovery: string | null
  /** 1: it has taken the place of another and is to be given the repository's password, once it shows that it has it. */
  readonly handover: Flag | null
  /** JSON: two agents that work with its key; null: there is one. */
  readonly usedByTwo: Later<string>
}

/** An enrolment line: who has it may have so many machines wait for approval until a date. Only its hash is kept. */
export interface EnrolmentLinesTable {
  readonly id: Fixed<string>
  readonly clientId: Fixed<string>
  readonly hash: Fixed<string>
  readonly machineKind: string
  readonly usesLeft: number
  /** 1: machines are approved as they come, for the machine that the server itself runs on. */
  readonly approves: Flag
  readonly createdAt: Fixed<number>
  readonly expiresAt: number
  /** The machine whose place is taken by the one that uses the line; null: it is for machines that are new. */
  readonly replaces: Fixed<string | null>
}

export interface PoliciesTable {
  readonly id: Fixed<string>
  readonly clientId: Fixed<string>
  readonly name: string
  /** JSON, as the policy room describes it. */
  readonly document: string
  /** Grows with each change; agents say which one they follow. */
  readonly revision: number
  readonly createdAt: Fixed<number>
  /** When it was last changed: runs that were planned before are not expected. */
  readonly changedAt: Later<number>
}

export interface MachinePoliciesTable {
  readonly machineId: Fixed<string>
  readonly policyId: Fixed<string>
  /** Since when the machine follows it. */
  readonly since: Later<number>
}

export interface RepositoriesTable {
  readonly id: Fixed<string>
  readonly clientId: Fixed<string>
  readonly machineId: string | null
  readonly name: string
  /** Where its bytes lie, as for `--repo`; sealed, because such a location may hold credentials. */
  readonly sealedLocation: string
  /** Its password, sealed; null when the client keeps it from the server. */
  readonly sealedPassword: string | null
  /** The id of its config, once it is known. */
  readonly configId: string | null
  readonly quotaBytes: number | null
  readonly createdAt: Fixed<number>
  /** 1: retention removes nothing until a person says otherwise. */
  readonly held: Flag
  readonly heldBecause: string | null
}

/** What the server's own care of a repository remembers. */
export interface RepositoryCareTable {
  readonly repositoryId: Fixed<string>
  /** Since when it is held; what holds it stands in the repository's row. */
  readonly heldSince: number | null
  /** Unusual runs and floods up to here are known to a person. */
  readonly lookedAtUntil: number | null
  /** JSON: by which policies retention went last, with their keep. */
  readonly keeps: string | null
  /** SHA-256 of the config file, as it was first seen. */
  readonly configHash: string | null
  readonly lastRetentionAt: number | null
  readonly lastPruneAt: number | null
  /** Packs that the last prune has marked: the next one deletes them. */
  readonly waitingPacks: number | null
  /** When the figures below were taken from the storage. */
  readonly measuredAt: number | null
  readonly usedBytes: number | null
  readonly snapshots: number | null
  readonly softDeletedBytes: number | null
  /** The day of what was set aside first, in UTC: `2026-07-31`. */
  readonly softDeletedSince: string | null
  /** When all of it was set aside; null: it is in use. */
  readonly deletedAt: number | null
}

/** Backup runs that were held against what is usual for their machine. */
export interface JudgedRunsTable {
  readonly operationId: Fixed<string>
  readonly repositoryId: Fixed<string>
  /** 'usual', 'unusual' or 'not known'. */
  readonly answer: Fixed<string>
  /** Sentences. */
  readonly because: Fixed<string>
  readonly judgedAt: Fixed<number>
}

/** What a machine shows at the repository endpoint. */
export interface RepositoryCredentialsTable {
  readonly id: Fixed<string>
  readonly repositoryId: Fixed<string>
  readonly machineId: Fixed<string>
  readonly hash: string
  readonly createdAt: Fixed<number>
  readonly revokedAt: number | null
  /** It only reads, and only while this operation runs; null: the machine's own. */
  readonly operationId: Fixed<string | null>
}

/** Everything that runs, has run or is to run. */
export interface OperationsTable {
  readonly id: Fixed<string>
  readonly clientId: Fixed<string | null>
  readonly machineId: Fixed<string | null>
  readonly kind: Fixed<string>
  readonly state: string
  /** JSON: what is to be done. */
  readonly order: Fixed<string>
  /** JSON, or null. */
  readonly progress: string | null
  /** JSON, or null. */
  readonly result: string | null
  /** A sentence: why it failed, or what the warnings are. */
  readonly reason: string | null
  readonly code: string | null
  /** A person's id, or 'schedule', 'server', 'agent'. */
  readonly requestedBy: Fixed<string>
  /** What may exist only once, such as a policy's run of one moment; null: no such thing. */
  readonly onceKey: Fixed<string | null>
  readonly createdAt: Fixed<number>
  readonly runAt: number
  readonly startedAt: number | null
  readonly endedAt: number | null
  readonly cancelAskedAt: number | null
  /** The server node or machine that runs it, and until when it must have said again that it does. */
  readonly claimedBy: string | null
  readonly claimedUntil: number | null
  /** Grows with each claim: who reports with an older one has lost it. */
  readonly claimEpoch: number
}

/** The heads of the hash chains (audit log, ledgers): locked by whoever appends. */
export interface ChainsTable {
  readonly name: Fixed<string>
  readonly seq: number
  readonly hash: string
}

export interface AuditTable {
  readonly seq: Fixed<number>
  readonly at: Fixed<number>
  readonly who: Fixed<string>
  readonly what: Fixed<string>
  readonly clientId: Fixed<string | null>
  /** Network address, or 'terminal'. */
  readonly fromWhere: Fixed<string>
  /** JSON. */
  readonly details: Fixed<string>
  readonly hash: Fixed<string>
}

/** Snapshots as the server received them, each repository a chain of its own. */
export interface LedgerTable {
  readonly repositoryId: Fixed<string>
  readonly seq: Fixed<number>
  /** As `LedgerEntry` has it. */
  readonly what: Fixed<string>
  readonly snapshotId: Fixed<string>
  readonly machineId: Fixed<string | null>
  readonly at: Fixed<number>
  /** JSON: the machine's signature and what it signed, or why there is none. */
  readonly details: Fixed<string>
  readonly hash: Fixed<string>
}

/** What was measured: by whom, when, and until when it holds. */
export interface EvidenceTable {
  readonly id: Fixed<string>
  readonly clientId: Fixed<string>
  readonly machineId: Fixed<string | null>
  readonly repositoryId: Fixed<string | null>
  readonly kind: Fixed<string>
  readonly measuredBy: Fixed<string>
  readonly measuredAt: Fixed<number>
  readonly holdsUntil: Fixed<number | null>
  /** JSON. */
  readonly measured: Fixed<string>
}

/** What one person asked for and another must allow, or what waits for its delay. */
export interface ApprovalsTable {
  readonly id: Fixed<string>
  readonly clientId: Fixed<string | null>
  readonly action: Fixed<string>
  /** JSON. */
  readonly details: Fixed<string>
  readonly askedBy: Fixed<string>
  readonly askedAt: Fixed<number>
  readonly notBefore: Fixed<number>
  readonly expiresAt: Fixed<number>
  readonly decidedBy: string | null
  readonly decidedAt: number | null
  /** 'waiting', 'allowed', 'refused', 'withdrawn', 'expired', 'done', 'failed'. */
  readonly state: string
}

/** What changed, for those who watch; kept for a day. */
export interface EventsTable {
  readonly seq: Generated<number>
  readonly at: Fixed<number>
  readonly clientId: Fixed<string | null>
  readonly kind: Fixed<string>
  readonly subject: Fixed<string>
}

/** Which machine wrote which lock of a repository: only that one may delete it. */
export interface LockOwnersTable {
  readonly repositoryId: Fixed<string>
  readonly lock: Fixed<string>
  readonly machineId: string
  readonly at: number
}

/** Files that lie in a storage which cannot set anything aside, and count as deleted. */
export interface TombstonesTable {
  readonly repositoryId: Fixed<string>
  readonly type: Fixed<string>
  readonly name: Fixed<string>
  readonly size: Fixed<number>
  /** In UTC: `2026-07-31`. */
  readonly day: string
}

/** What server nodes do again and again. */
export interface RoundsTable {
  readonly name: Fixed<string>
  /** When it was begun last. */
  readonly lastAt: number
}

/** What was found on a machine, and how far its policies reach: the last report of its agent. */
export interface LooksTable {
  readonly machineId: Fixed<string>
  readonly reportedAt: number
  /** JSON, as `lookReportSchema` describes it. */
  readonly report: string
  /** JSON: what the first policy that the server made leaves out, by path, with the reasons. */
  readonly leftOut: string
}

/** A machine that takes no software: which machine's agent reads it, and how. */
export interface DevicesTable {
  readonly machineId: Fixed<string>
  readonly readerId: string
  /** JSON, as `deviceAccessSchema` describes it, sealed: it has the device's password. */
  readonly sealedAccess: string
  /** Grows with each change. */
  readonly revision: number
}

/** Small things of the server itself, by name; JSON. */
export interface SettingsTable {
  readonly name: Fixed<string>
  readonly value: string
}

/** How far the search index of a repository is that one server node has on its disk. */
export interface SearchIndexesTable {
  /** Host and folder of the node: outside of the folder, so that who puts an older copy in its place is noticed. */
  readonly serverNode: Fixed<string>
  readonly repositoryId: Fixed<string>
  /** The state of the index that was reached; an older one on the disk is not believed. */
  readonly generation: number
  /** The entry of the repository's ledger up to which it was updated; -1 asks for an update whatever the ledger says. */
  readonly ledgerSeq: number
  readonly triedAt: number
  /** Why the last update failed, or null. */
  readonly problemCode: string | null
  readonly problem: string | null
}

/** Recovery kits that were made; what stands in them is not kept. */
export interface KitsTable {
  readonly id: Fixed<string>
  readonly clientId: Fixed<string>
  readonly codeHash: Fixed<string>
  /** A keyed digest of passwords and locations in it: it shows whether they are still the same. */
  readonly contents: Fixed<string>
  readonly madeAt: Fixed<number>
  readonly madeBy: Fixed<string>
  readonly confirmedAt: number | null
  readonly confirmedBy: string | null
}

/** The script of a machine without our agent. */
export interface ScriptsTable {
  readonly machineId: Fixed<string>
  /** JSON: what the script backs up, and when; no secret. */
  readonly settings: string
  /** Of the token with which it reports. */
  readonly tokenHash: string
  readonly madeAt: number
  readonly madeBy: string
}

/** How a client's backups are proven, where that is not as usual. */
export interface ProofSettingsTable {
  readonly clientId: Fixed<string>
  /** JSON. */
  readonly document: string
}

/** How far the checks of a repository are with reading all of its data, part by part. */
export interface ReadingTurnsTable {
  readonly repositoryId: Fixed<string>
  /** The part that was read last, from 1. */
  readonly part: number
  readonly parts: number
  readonly turnBegunAt: number
  /** Begin and end of the last turn that was made to its end. */
  readonly coveredSince: number | null
  readonly coveredAt: number | null
}

/** What the alerts keep, as a whole and by name; changed by who has read the newest revision. */
export interface AlertDocumentsTable {
  readonly name: Fixed<string>
  readonly revision: number
  /** JSON; that of the settings is sealed. */
  readonly value: string
}

/** Messages to people. They stay for a while when they have arrived. */
export interface AlertMessagesTable {
  readonly id: Fixed<string>
  /** JSON. */
  readonly message: Fixed<string>
  readonly createdAt: Fixed<number>
  /** When it is to be tried; null: it has arrived, or was given up. */
  readonly dueAt: number | null
  readonly tries: number
}

/** How the tries to deliver messages went. */
export interface AlertAttemptsTable {
  readonly seq: Generated<number>
  readonly messageId: Fixed<string>
  readonly at: Fixed<number>
  /** JSON. */
  readonly delivery: Fixed<string>
  readonly nextAt: Fixed<number | null>
}

/** How large something was: a repository, or a storage with what it can hold. */
export interface SizesTable {
  /** `repository:<id>`, `storage:<name>`. */
  readonly subject: Fixed<string>
  readonly at: Fixed<number>
  readonly bytes: Fixed<number>
  readonly capacity: Fixed<number | null>
}

export interface Tables {
  readonly people: PeopleTable
  readonly roleGrants: RoleGrantsTable
  readonly apiTokens: ApiTokensTable
  readonly setUpLinks: SetUpLinksTable
  readonly clients: ClientsTable
  readonly machines: MachinesTable
  readonly enrolmentLines: EnrolmentLinesTable
  readonly policies: PoliciesTable
  readonly machinePolicies: MachinePoliciesTable
  readonly repositories: RepositoriesTable
  readonly repositoryCredentials: RepositoryCredentialsTable
  readonly operations: OperationsTable
  readonly chains: ChainsTable
  readonly audit: AuditTable
  readonly ledger: LedgerTable
  readonly evidence: EvidenceTable
  readonly approvals: ApprovalsTable
  readonly events: EventsTable
  readonly settings: SettingsTable
  readonly rounds: RoundsTable
  readonly lockOwners: LockOwnersTable
  readonly tombstones: TombstonesTable
  readonly searchIndexes: SearchIndexesTable
  readonly kits: KitsTable
  readonly scripts: ScriptsTable
  readonly proofSettings: ProofSettingsTable
  readonly readingTurns: ReadingTurnsTable
  readonly repositoryCare: RepositoryCareTable
  readonly judgedRuns: JudgedRunsTable
  readonly alertDocuments: AlertDocumentsTable
  readonly alertMessages: AlertMessagesTable
  readonly alertAttempts: AlertAttemptsTable
  readonly sizes: SizesTable
  readonly sessions: SessionsTable
  readonly looks: LooksTable
  readonly devices: DevicesTable
  readonly destinations: DestinationsTable
  readonly destinationDisks: DestinationDisksTable
  readonly copies: CopiesTable
  readonly copyCare: CopyCareTable
  readonly passkeys: PasskeysTable
  readonly renewedPeople: RenewedPeopleTable
  readonly agentRuns: AgentRunsTable
}

export type Row<Name extends keyof Tables> = Selectable<Tables[Name]>
export type NewRow<Name extends keyof Tables> = Insertable<Tables[Name]>
