import type { ProgramOrder } from '../programs/start-program.ts'
import type { DumpEvidence, Finding } from './evidence.ts'

/** What a server was found to have, and how each part of it is dumped: the plan that is carried out then. */
export interface Survey extends AsyncDisposable {
  readonly engine: 'postgresql' | 'mariadb' | 'mysql'
  /** Name in the policy. */
  readonly name: string
  readonly serverVersion: string
  readonly clientVersion: string
  readonly dumps: readonly PlannedDump[]
  /** What was to be dumped and cannot be. */
  readonly absent: readonly AbsentDump[]
}

export interface DumpSubject {
  readonly kind: DumpEvidence['kind']
  readonly subject: string
  /** In the snapshot, without a slash in front. */
  readonly path: string
}

export interface AbsentDump extends DumpSubject {
  readonly error: Error
}

export interface PlannedDump extends DumpSubject {
  /** A program that prints it, or what makes its text. */
  readonly from: ProgramOrder | (() => Promise<string>)
  /** Whether these are the last lines of a whole dump. */
  isWhole(tail: string): boolean
  readonly isConsistent: boolean
  /** What is known to be wrong with it before it is made. */
  readonly warnings: readonly Finding[]
}
