import type { Cancellable } from '#base'

import { CopyCounter } from './count-dump.ts'
import { complaintsOf } from './loader.ts'
import type { Loader } from './loader.ts'
import type { ServerPlan } from './plan.ts'
import { creationAs, postgresqlName, postgresqlText } from './postgresql-creation.ts'
import { openPostgresql, postgresqlPackage } from './postgresql-server.ts'
import { longestCount } from './programs.ts'

/** psql stops at the first error; what it says on the way is not for anybody. */
const psqlArgs = ['-X', '-q', '-w', '-v', 'ON_ERROR_STOP=1', '-f', '-']

/** Throws as `openPostgresql`. */
export async function openPostgresqlLoader(
  plan: Pick<ServerPlan, 'name' | 'connection' | 'programs'>,
  options: Cancellable = {},
): Promise<Loader> {
  const server = await openPostgresql(plan, options)
  const run = async (sql: string) => await server.query(sql, options)
  const rename = (from: string, to: string) => `alter database ${postgresqlName(from)} rename to ${postgresqlName(to)};`
  const tolerant = server.order('psql', ['-X', '-q', '-w', '-f', '-'])
  return {
    loadAccounts: async (input) => await complaintsOf(tolerant, postgresqlPackage, { input, ...options }),
    exists: async (database) =>
      (await run(`select count(*) from pg_catalog.pg_database where datname = ${postgresqlText(database)};`)) !== '0',
    create: async (dump, as) => void (await run(creationAs(dump.create, as).create)),
    order: (database) => server.order('psql', psqlArgs, database),
    counter: () => new CopyCounter(),
    countRows: async (database, tables) => {
      const counts = tables.map((table) => `select count(*) from only ${table};`)
      const rows = await server.query(counts.join('\n'), { ...options, database, timeout: longestCount })
      return rows.split('\n').map(Number)
    },
    complete: async (dump, as) => void (await run(creationAs(dump.create, as).rest)),
    // Whatever was cancelled: what is to go, goes.
    drop: async (database) =>
      void (await server.query(`drop database if exists ${postgresqlName(database)} with (force);`)),
    replace: async (database, by) => {
      const aside = `${database.slice(0, 40)}_before_${by.slice(-8)}`
      const end = `select pg_catalog.pg_terminate_backend(pid) from pg_catalog.pg_stat_activity
        where datname = ${postgresqlText(database)};`
      await run([end, 'begin;', rename(database, aside), rename(by, database), 'commit;'].join('\n'))
      return aside
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}
