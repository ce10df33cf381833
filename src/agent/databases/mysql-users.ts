import type { Cancellable } from '#base'

import type { MysqlServer } from './mysql-server.ts'

/** The server makes these itself. */
const ownUsers = `'mysql.sys', 'mysql.session', 'mysql.infoschema', 'mariadb.sys'`

const accountsSql = `select concat(quote(User), '@', quote(Host)) from mysql.user
  where User not in (${ownUsers}) and User <> '' order by User, Host`

/** Accounts with their rights as statements, where no program of the server's writes them. */
export async function usersOf(server: Pick<MysqlServer, 'query'>, options: Cancellable = {}): Promise<string> {
  const accounts = await server.query(accountsSql, options)
  const created = accounts.map((account) => `show create user ${account};`)
  const granted = accounts.map((account) => `show grants for ${account};`)
  const statements = await server.query([...created, ...granted].join('\n'), options)
  return ['-- Accounts', ...statements.map((statement) => `${statement};`), '', '-- Dump completed', ''].join('\n')
}
