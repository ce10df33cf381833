import pg from 'pg'
import { messageOf } from '#base'

/** SQLite: busy, out of memory, read-only, input/output, damaged, full, cannot open. https://www.sqlite.org/rescode.html */
const sqliteCodes: readonly number[] = [5, 7, 8, 10, 11, 13, 14]
/** PostgreSQL: connections, resources (a full disk), an operator's doing, read-only. Appendix A of its manual. */
const postgresStates = /^(08...|53...|57P0.|58...|25006)$/
/** Of a connection that is there; one that cannot be made is known by its call. */
const lines: readonly string[] = ['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND']
/** What `pg` says, without a code, of a connection that breaks or is not made in time. */
const words =
  /^(Connection terminated|Client was closed|timeout exceeded when trying to connect|Client has encountered a connection error)/

/**
 * Why the control database cannot do anything just now, if that is what an error says: it is away, full, read-only or busy.
 * Undefined: it says something else. The same call may be tried again.
 */
export function databaseFailure(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error)) return undefined
  const { code, errcode, syscall } = thrown as {
    readonly code?: unknown
    readonly errcode?: unknown
    readonly syscall?: unknown
  }
  // The lower byte of what SQLite calls an extended code is the code.
  const isSqlite = typeof errcode === 'number' && sqliteCodes.includes(errcode & 0xff)
  const isPostgres = thrown instanceof pg.DatabaseError && postgresStates.test(thrown.code ?? '')
  const isLine = syscall === 'connect' || (typeof code === 'string' && lines.includes(code))
  return isSqlite || isPostgres || isLine || words.test(thrown.message) ? messageOf(thrown) : undefined
}
