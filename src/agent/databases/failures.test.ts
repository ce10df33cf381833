import assert from 'node:assert/strict'
import { test } from 'node:test'

import { failureOf } from './failures.ts'

const about = { program: 'pg_dump', engine: 'PostgreSQL', name: 'main', database: 'shop', signal: null }

test('what servers and their programs say has one code each, and the line that tells it', () => {
  const said = [
    ['pg_dump: error: aborting because of server version mismatch', 'DATABASE_CLIENT_OLD'],
    [
      'pg_dump: error: connection to server on socket "/run/.s.PGSQL.5432" failed: FATAL:  Peer authentication failed for user "x"',
      'DATABASE_LOGIN_REFUSED',
    ],
    [
      'pg_dump: error: connection to server at "db" (10.0.0.1), port 5432 failed: FATAL:  no pg_hba.conf entry for host "10.0.0.2"',
      'DATABASE_LOGIN_REFUSED',
    ],
    [
      'pg_dump: error: connection to server at "localhost" (::1), port 5432 failed: Connection refused',
      'DATABASE_SERVER_UNREACHABLE',
    ],
    ['FATAL:  the database system is starting up', 'DATABASE_SERVER_UNREACHABLE'],
    ['FATAL:  database "shop" does not exist', 'DATABASE_MISSING'],
    ['pg_dump: error: query failed: ERROR:  permission denied for table item', 'DATABASE_RIGHT_MISSING'],
    [
      'pg_dump: error: query failed: ERROR:  query would be affected by row-level security policy for table "item"',
      'DATABASE_RIGHT_MISSING',
    ],
    ['pg_dump: error: query failed: ERROR:  canceling statement due to lock timeout', 'DATABASE_LOCKED'],
    [
      'pg_dump: error: Dumping the contents of table "item" failed: PQgetCopyData() failed.\npg_dump: detail: server closed the connection unexpectedly',
      'DATABASE_SERVER_LOST',
    ],
    [
      'pg_dump: error: query failed: ERROR:  could not write to file "base/pgsql_tmp/1.0": No space left on device',
      'DATABASE_DISK_FULL',
    ],
    [
      "mysqldump: Got error: 1045: Access denied for user 'u'@'localhost' (using password: YES) when trying to connect\nERROR 1045 (28000)",
      'DATABASE_LOGIN_REFUSED',
    ],
    [
      "mariadb-dump: Couldn't execute 'show events': Access denied for user 'u'@'localhost' to database 'shop' (1044)",
      'DATABASE_RIGHT_MISSING',
    ],
    [
      'mariadb-dump: Error 2013: Lost connection to server during query when dumping table `item` at row: 7',
      'DATABASE_SERVER_LOST',
    ],
    [
      'mariadb-dump: Error 1412: Table definition has changed, please retry transaction when dumping table `item` at row: 0',
      'DATABASE_CHANGED',
    ],
    ['mysqldump: Error 3: Error writing file (Errcode: 28 "No space left on device")', 'DATABASE_DISK_FULL'],
    ['something that nobody has heard of', 'DATABASE_TOOL_FAILED'],
  ] as const
  for (const [stderr, code] of said) assert.equal(failureOf({ ...about, code: 1, stderr }).code, code, stderr)
})

test('a program that said nothing is told by how it ended', () => {
  assert.equal(failureOf({ ...about, code: 3, stderr: '\n' }).message, 'pg_dump ended with code 3: it said nothing.')
  const killed = failureOf({ ...about, code: null, signal: 'SIGKILL', stderr: '' })
  assert.deepEqual(
    [killed.code, killed.message],
    ['DATABASE_TOOL_KILLED', 'pg_dump was ended by SIGKILL while it dumped shop.'],
  )
})
