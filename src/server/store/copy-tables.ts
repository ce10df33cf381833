import type { Generated } from 'kysely'
import type { Fixed } from './column-types.ts'

/** The tables of copies elsewhere. */

/** A place where copies of a client's repositories lie. */
export interface DestinationsTable {
  readonly id: Fixed<string>
  readonly clientId: Fixed<string>
  readonly name: string
  /** 'folder', 'rest', 'sftp', 's3', 'disks'. */
  readonly kind: Fixed<string>
  /** As for `--repo`: each copy lies below it. Of disks: a pattern of folders. */
  readonly sealedLocation: Fixed<string>
  /** JSON; null: the place needs none, or the location has them. */
  readonly sealedCredentials: string | null
  /** Null: each copy has the password of the repository that it is a copy of. */
  readonly sealedPassword: Fixed<string | null>
  /** JSON: disk, machine, site, account. */
  readonly place: string
  /** JSON: who can delete copies there. */
  readonly deletableBy: string
  /** How long object lock keeps what was written, in days. */
  readonly lockDays: number | null
  /** A sentence: what the bucket says of object lock. */
  readonly objectLock: string | null
  readonly remindAfterDays: number | null
  readonly remindedAt: number | null
  /** JSON: the last tamper test. */
  readonly tamperTest: string | null
  readonly createdAt: Fixed<number>
  /** 1: held to public addresses, for who made it is no administrator of the server. */
  readonly isGuarded: Generated<number>
}

/** One of the rotated disks of a destination: a person has adopted it, and it bears a mark. */
export interface DestinationDisksTable {
  readonly id: Fixed<string>
  readonly destinationId: Fixed<string>
  readonly label: string
  /** 'away', 'updating', 'may be taken away', 'pulled out'. */
  readonly state: string
  /** Where it was seen last. */
  readonly folder: string | null
  readonly adoptedBy: Fixed<string>
  readonly createdAt: Fixed<number>
  readonly lastSeenAt: number | null
  /** When everything had been copied to it and proven last. */
  readonly completeAt: number | null
}

/** How far the copy of a repository at a destination is. */
export interface CopiesTable {
  readonly destinationId: Fixed<string>
  readonly repositoryId: Fixed<string>
  /** Empty where the destination has no disks. */
  readonly diskId: Fixed<string>
  /** The id of the copy's config: another one in its place is noticed. */
  readonly configId: string | null
  /** Up to this entry of the repository's ledger everything that was received has been copied. */
  readonly ledgerSeq: number
  readonly snapshots: number
  /** When the newest snapshot in it was received. */
  readonly newestAt: number | null
  /** When it was complete and proven last. */
  readonly completeAt: number | null
  /** The last operation that copied, or is to. */
  readonly operationId: string | null
  /** Since it was complete last. */
  readonly failures: number
  readonly nextTryAt: number | null
  readonly reason: string | null
  /** Until when object lock keeps every file of it. */
  readonly lockedUntil: number | null
}

/** How far the thinning of a copy is. */
export interface CopyCareTable {
  readonly destinationId: Fixed<string>
  readonly repositoryId: Fixed<string>
  readonly diskId: Fixed<string>
  /** JSON: what it was thinned by last, each policy's keep. */
  readonly keeps: string | null
  /** JSON: its snapshots that no policy keeps, each with the moment since when. */
  readonly leaving: string
  readonly waitingPacks: number
}
