import type { FileType } from '#backend'

/** A file that the endpoint has stored. */
export interface StoredFile {
  readonly repository: string
  readonly machine: string
  readonly type: FileType
  /** Empty for the config. */
  readonly name: string
  /** Bytes. */
  readonly size: number
  /** When it was received, by the server's clock, in milliseconds since 1970. */
  readonly at: number
}

export type RefusalKind =
  /** A file other than a lock, or the repository, was to be deleted. */
  | 'delete'
  /** A lock of somebody else was to be deleted. */
  | 'delete foreign lock'
  /** Other bytes came for a file that is there. */
  | 'overwrite'
  /** A repository of somebody else was asked for. */
  | 'foreign repository'
  /** Something was to be added to a repository that takes nothing, or was wanted from one that is closed. */
  | 'not open'
  | 'wrong credential'

/** What a machine that does its work never asks for: a sign of an attack, or of a credential in the wrong place. */
export interface Refusal {
  readonly kind: RefusalKind
  /** Of the network. */
  readonly address: string
  /** The user name as it was given. */
  readonly account: string
  /** Absent for a wrong credential. */
  readonly repository?: string | undefined
  readonly machine?: string | undefined
  readonly type?: FileType | undefined
  readonly name?: string | undefined
  /** By the server's clock, in milliseconds since 1970. */
  readonly at: number
}

/** Bytes of files that one request has moved. */
export interface Transfer {
  readonly repository: string
  readonly machine: string
  readonly received: number
  readonly sent: number
}

export interface EndpointHooks {
  /**
   * Awaited before a success is answered; when it fails, the machine hears of a failure and sends the file again. It may be told
   * of one file more than once (an answer was lost), for snapshots each time.
   */
  readonly onStored?: ((file: StoredFile) => Promise<void>) | undefined
  /** Must be cheap, and bounded: an attacker decides how often it is called. */
  readonly onRefused?: ((refusal: Refusal) => void) | undefined
  readonly onTransfer?: ((transfer: Transfer) => void) | undefined
}
