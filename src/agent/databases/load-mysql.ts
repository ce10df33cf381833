import type { Cancellable } from '#base'

import { InsertCounter } from './count-dump.ts'
import { DatabaseError } from './errors.ts'
import { complaintsOf, fill } from './loader.ts'
import type { Loader } from './loader.ts'
import { mysqlName, mysqlPackages, openMysql } from './mysql-server.ts'
import type { ServerPlan } from './plan.ts'
import { longestCount } from './programs.ts'
import type { StoredDump } from './stored-dump.ts'

const clientArgs = [
  '--connect-timeout=15',
  '--default-character-set=utf8mb4',
  '--max-allowed-packet=1G',
  '--binary-mode',
]

/** Throws as `openMysql`. */
export async function openMysqlLoader(
  plan: Pick<ServerPlan, 'name' | 'connection' | 'programs'>,
  options: Cancellable = {},
): Promise<Loader> {
  const server = await openMysql(plan, options)
  const run = async (sql: string) => await server.query(sql, options)
  // Whatever was cancelled: what is to go, goes.
  const drop = async (database: string) => void (await server.query(`drop database if exists ${mysqlName(database)}`))
  const tolerant = server.clientOrder([...clientArgs, '--force'])
  const about = mysqlPackages[server.flavour]
  const loader: Loader = {
    loadAccounts: async (input) => await complaintsOf(tolerant, about, { input, ...options }),
    exists: async (database) =>
      (await run('show databases')).some((name) => name.toLowerCase() === database.toLowerCase()),
    create: async (dump, as) => void (await run(creationAs(dump, as))),
    order: (database) => server.clientOrder([...clientArgs, `--database=${database}`]),
    counter: () => new InsertCounter(),
    countRows: async (database, tables) => {
      const counts = tables.map((table) => `select count(*) from ${mysqlName(database)}.${table};`)
      const rows = await server.query(counts.join('\n'), { ...options, timeout: longestCount })
      return rows.map(Number)
    },
    complete: async () => undefined, // rights are the accounts', who have a file of their own
    drop,
    // No server renames a database with its triggers and routines. So the same dump, which has just been proven to load, is
    // loaded once more.
    replace: async (database, by, dump) => {
      await drop(database)
      await run(creationAs(dump, database))
      await fill(loader, dump, { database, signal: options.signal })
      await drop(by)
      return undefined
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
  return loader
}

function creationAs({ create, database }: StoredDump, as: string): string {
  const found = /^CREATE DATABASE `(?:[^`]|``)+` (CHARACTER SET \w+ COLLATE \w+);\s*$/.exec(create)
  if (found) return `CREATE DATABASE ${mysqlName(as)} ${found[1]}`
  throw new DatabaseError('DATABASE_LOAD_FAILED', { database, reason: 'it is not said how the database is made' })
}
