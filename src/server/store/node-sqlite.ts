import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import type { SQLInputValue, StatementSync } from 'node:sqlite'
import { SqliteAdapter, SqliteDialect, SqliteDriver } from 'kysely'
import type { DatabaseConnection, Driver, SqliteDatabase } from 'kysely'
import { WriteAheadLog } from './write-ahead-log.ts'
import type { LogFile } from './write-ahead-log.ts'

/**
 * Kysely's dialect for SQLite over Node's own module. A step of the schema that fails is taken back whole. Every commit is on
 * the disk before it is answered: what an agent was told is stored must survive a power cut.
 */
export class NodeSqliteDialect extends SqliteDialect {
  readonly #file: string

  constructor(file: string) {
    super({ database: () => Promise.reject(new TypeError('its driver opens the database')) })
    this.#file = file
  }

  override createAdapter(): SqliteAdapter {
    return new NodeSqliteAdapter()
  }

  override createDriver(): Driver {
    return new NodeSqliteDriver(openNodeSqlite(this.#file))
  }
}

class NodeSqliteAdapter extends SqliteAdapter {
  // Kysely assumes that SQLite cannot change tables in a transaction. It can: https://www.sqlite.org/lang_transaction.html
  override get supportsTransactionalDdl(): boolean {
    return true
  }

  // There is one connection, but the driver itself has those who want it wait: Kysely would let go of it too late.
  override get supportsMultipleConnections(): boolean {
    return true
  }
}

interface OpenedSqlite {
  readonly database: SqliteDatabase
  /** True once after something was written. */
  readonly takeTouched: () => boolean
  /** Undefined when each commit waits for the disk by itself, or there is none. */
  readonly log: WriteAheadLog | undefined
}

/** One connection, for one at a time. Whoever gives it back waits for the disk, while the next has it already. */
class NodeSqliteDriver extends SqliteDriver {
  readonly #opened: OpenedSqlite
  #turn: Promise<void> = Promise.resolve()
  #giveBack: () => void = () => undefined

  constructor(opened: OpenedSqlite) {
    super({ database: opened.database })
    this.#opened = opened
  }

  override async acquireConnection(): Promise<DatabaseConnection> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const before = this.#turn
    this.#turn = promise
    await before
    this.#giveBack = resolve
    return await super.acquireConnection()
  }

  override async releaseConnection(): Promise<void> {
    const { log, takeTouched } = this.#opened
    if (takeTouched()) log?.wrote()
    this.#giveBack()
    await log?.durable()
  }

  override async destroy(): Promise<void> {
    await this.#opened.log?.close()
    await super.destroy()
  }
}

/** Opens a file (or ':memory:') as what Kysely's dialect for SQLite expects. */
function openNodeSqlite(file: string): OpenedSqlite {
  const database = new DatabaseSync(file, { enableForeignKeyConstraints: true, timeout: 5_000 })
  const { journal_mode: mode } = database.prepare('pragma journal_mode = wal').get() ?? {}
  // Without a log (in memory; some network shares) each commit has to be made durable by SQLite itself.
  const log = mode === 'wal' ? new WriteAheadLog(new SqliteLogFile(file, database)) : undefined
  database.exec(`pragma synchronous = ${log ? 'normal' : 'full'}; pragma trusted_schema = off`)
  let touched = false
  const takeTouched = () => {
    const was = touched
    touched = false
    return was
  }
  return { database: sqliteDatabase(database, () => (touched = true)), takeTouched, log }
}

const reads = /^\s*(select|begin|commit|rollback|savepoint|release)\b/i
/** Statements that are kept, so that SQLite need not parse them again; more drive out the oldest. */
const mostStatements = 200

interface Statement {
  readonly statement: StatementSync
  readonly reader: boolean
}

function sqliteDatabase(database: DatabaseSync, wrote: () => void): SqliteDatabase {
  const statements = new Map<string, Statement>()
  const prepare = (query: string): Statement => {
    const known = statements.get(query)
    if (known) return known
    // A transaction that reads first could find, when it comes to write, that a command beside the server has written.
    const statement = database.prepare(query === 'begin' ? 'begin immediate' : query)
    const prepared = { statement, reader: statement.columns().length > 0 }
    const [oldest] = statements.keys()
    if (oldest !== undefined && statements.size >= mostStatements) statements.delete(oldest)
    statements.set(query, prepared)
    return prepared
  }
  const values = (parameters: readonly unknown[]) => parameters as SQLInputValue[]
  return {
    close: () => database.close(),
    prepare: (query) => {
      const { statement, reader } = prepare(query)
      if (!reads.test(query)) wrote()
      return {
        reader,
        all: (parameters) => statement.all(...values(parameters)),
        run: (parameters) => {
          // SQLite takes a transaction back by itself when the disk is full or fails; the error that says so is the one to tell.
          if (query === 'rollback' && !database.isTransaction) return { changes: 0, lastInsertRowid: 0 }
          return statement.run(...values(parameters))
        },
        iterate: (parameters) => statement.iterate(...values(parameters)),
      }
    },
  }
}

/** The `-wal` beside a database. SQLite keeps no locks on it, so that it may be opened and closed by others. */
class SqliteLogFile implements LogFile {
  readonly #path: string
  readonly #database: DatabaseSync
  #handle: FileHandle | undefined

  constructor(file: string, database: DatabaseSync) {
    this.#path = `${file}-wal`
    this.#database = database
  }

  async sync(): Promise<void> {
    this.#handle ??= await open(this.#path, 'r+') // it is there as long as the database is open
    await this.#handle.datasync()
  }

  async empty(): Promise<void> {
    const { busy } = this.#database.prepare('pragma wal_checkpoint(truncate)').get() ?? {}
    if (busy !== 0) throw new Error('somebody else is using it')
  }

  async close(): Promise<void> {
    await this.#handle?.close()
  }
}
