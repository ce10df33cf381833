import { DatabaseSync } from 'node:sqlite'
import type { SQLInputValue } from 'node:sqlite'
import { SqliteAdapter, SqliteDialect } from 'kysely'
import type { SqliteDatabase } from 'kysely'

/** Kysely's dialect for SQLite over Node's own module. A step of the schema that fails is taken back whole. */
export class NodeSqliteDialect extends SqliteDialect {
  constructor(file: string) {
    super({ database: () => Promise.resolve(openNodeSqlite(file)) })
  }

  override createAdapter(): SqliteAdapter {
    return new TransactionalAdapter()
  }
}

// Kysely assumes that SQLite cannot change tables in a transaction. It can: https://www.sqlite.org/lang_transaction.html
class TransactionalAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true
  }
}

/**
 * Opens a file (or ':memory:') as what Kysely's dialect for SQLite expects. Write-ahead logging, and every commit is on the
 * disk before it is answered: what an agent was told is stored must survive a power cut.
 */
function openNodeSqlite(file: string): SqliteDatabase {
  const database = new DatabaseSync(file, { enableForeignKeyConstraints: true, timeout: 5_000 })
  if (file !== ':memory:') database.exec('pragma journal_mode = wal')
  database.exec('pragma synchronous = full; pragma trusted_schema = off')
  return {
    close: () => database.close(),
    prepare: (query) => {
      // A transaction that reads first could find, when it comes to write, that a command beside the server has written.
      const statement = database.prepare(query === 'begin' ? 'begin immediate' : query)
      const values = (parameters: readonly unknown[]) => parameters as SQLInputValue[]
      return {
        reader: statement.columns().length > 0,
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
