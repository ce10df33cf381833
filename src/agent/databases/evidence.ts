import { formatBytes } from '#base'
import type { UnderstudyError } from '#base'

import { DatabaseError } from './errors.ts'

/** What is known of a dump: what the report, the register and the next backup go by. Plain data. */
export interface DumpEvidence {
  readonly engine: 'postgresql' | 'mariadb' | 'mysql' | 'sqlite' | 'hook'
  /** Name of the server in the plan; for SQLite and hooks empty. */
  readonly server: string
  /** What it holds: the content of a database, how one is made, or what belongs to the server as a whole (accounts). */
  readonly kind: 'database' | 'creation' | 'server'
  /** Name of the database (for SQLite its path, for a hook its name); for `server` what it is: `roles`. */
  readonly subject: string
  /** Path in the snapshot. It is there unless the outcome is `failed`. */
  readonly path: string
  readonly outcome: 'good' | 'warnings' | 'failed'
  readonly serverVersion: string | undefined
  readonly clientVersion: string | undefined
  readonly bytes: number
  /** Milliseconds since 1970. Of a file that a hook left: when it was last written. */
  readonly takenAt: number
  /** In milliseconds. */
  readonly duration: number
  /** How the program ended; undefined when none was started or a signal ended it. */
  readonly exitCode: number | undefined
  /** It ends as a whole dump does; of a hook's: it has ended well and is not empty. */
  readonly isComplete: boolean
  /** All of it is of one moment. Undefined: only the hook knows. */
  readonly isConsistent: boolean | undefined
  /** What the content was found to have, where it was looked at (SQLite). */
  readonly counts?: ContentCounts | undefined
  readonly warnings: readonly Finding[]
  /** Why it failed. */
  readonly failure?: Finding | undefined
}

export interface ContentCounts {
  readonly tables: number
  readonly rows: number
}

/** An error as a value: its code, sentence and hint. */
export interface Finding {
  readonly code: string
  readonly message: string
  readonly hint: string
}

export function findingOf({ code, message, hint }: UnderstudyError): Finding {
  return { code, message, hint }
}

/** The last good dump of a path, to compare with. */
export interface LastDump {
  readonly path: string
  readonly bytes: number
}

/** Below half of its last size a dump has shrunk; a few rows less of a tiny one mean nothing. */
const suddenShare = 0.5
const smallest = 64 << 10

/** The warning that a dump is suddenly much smaller than the last; undefined when it is not. */
export function shrunk(subject: string, bytes: number, last: LastDump | undefined): Finding | undefined {
  if (!last || last.bytes < smallest || bytes >= last.bytes * suddenShare) return undefined
  const sizes = { bytes: formatBytes(bytes), before: formatBytes(last.bytes) }
  return findingOf(new DatabaseError('DATABASE_SHRANK', { database: subject, ...sizes }))
}

/** What the operation ends with: `done` only when every dump is good. */
export function outcomeOf(dumps: readonly DumpEvidence[]): 'done' | 'warnings' | 'failed' {
  const databases = dumps.filter(({ kind }) => kind === 'database')
  if (databases.every(({ outcome }) => outcome === 'failed')) return 'failed'
  return dumps.every(({ outcome }) => outcome === 'good') ? 'done' : 'warnings'
}
