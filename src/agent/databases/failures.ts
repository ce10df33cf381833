import type { ProgramEnd } from '../programs/start-program.ts'
import { DatabaseError } from './errors.ts'
import type { databaseErrors } from './errors.ts'

type Code = keyof typeof databaseErrors

export interface FailedProgram extends Pick<ProgramEnd, 'code' | 'signal' | 'stderr'> {
  readonly program: string
  readonly engine: string
  /** Name of the server. */
  readonly name: string
  /** What it was about. */
  readonly database: string
}

/**
 * What a program's words mean, the most telling first: a server that ends tells so in the same breath as the table that could
 * not be read because of it. Programs run with English messages.
 */
const meanings: readonly (readonly [RegExp, Code])[] = [
  [/^setpriv: /m, 'DATABASE_TOOL_FAILED'],
  [/no space left on device|disk quota exceeded|\b(?:errno|errcode):? ?"?28\b|disk full/i, 'DATABASE_DISK_FULL'],
  [/server version mismatch/i, 'DATABASE_CLIENT_OLD'],
  [
    /authentication failed|no password supplied|pg_hba\.conf|password retrieved from file|role "[^"]*" does not exist|\((?:1045|1698|1524)\)|ERROR (?:1045|1698|1524)\b/i,
    'DATABASE_LOGIN_REFUSED',
  ],
  [/database "[^"]*" does not exist|unknown database/i, 'DATABASE_MISSING'],
  [/not currently accepting connections/i, 'DATABASE_CLOSED'],
  [
    /server closed the connection|terminating connection|lost connection|gone away|connection to server was lost|could not receive data|server shutdown in progress|SSL SYSCALL error/i,
    'DATABASE_SERVER_LOST',
  ],
  [
    /connection to server .*failed|could not connect|can't connect|connection refused|could not translate host name|unknown (?:mysql |mariadb )?server host|the database system is/i,
    'DATABASE_SERVER_UNREACHABLE',
  ],
  [/lock timeout|lock wait timeout|canceling statement due to lock/i, 'DATABASE_LOCKED'],
  [/table definition has changed|\(1412\)|cache lookup failed|could not open relation with OID/i, 'DATABASE_CHANGED'],
  [
    /permission denied|must be (?:superuser|owner)|row-level security|access denied|command denied|insufficient privileges|need .*privilege|lacks? .*privilege/i,
    'DATABASE_RIGHT_MISSING',
  ],
]

/** The error that a program which did not end well stands for. */
export function failureOf({ program, engine, name, database, code, signal, stderr }: FailedProgram): DatabaseError {
  const reason = tellingLine(stderr)
  const about = { program, engine, name, server: name, client: 'too old', database, code, signal, reason }
  const meaning = meanings.find(([pattern]) => pattern.test(stderr))
  if (meaning) return new DatabaseError(meaning[1], about)
  return new DatabaseError(signal ? 'DATABASE_TOOL_KILLED' : 'DATABASE_TOOL_FAILED', about)
}

/** The line that says what is wrong: the first error, else the last line that is not empty. */
export function tellingLine(stderr: string): string {
  const lines = stderr
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
  return lines.find((line) => /error|fatal|denied/i.test(line)) ?? lines.at(-1) ?? 'it said nothing'
}
