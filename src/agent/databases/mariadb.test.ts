import assert from 'node:assert/strict'
import { chmodSync, readdirSync, writeFileSync } from 'node:fs'
import { after, test } from 'node:test'

import { backUpDatabases } from '../../../test/helpers/database-dumps.ts'
import { missingMariadb, startMariadb } from '../../../test/helpers/mariadb.ts'
import { run, runOk } from '../../../test/helpers/run.ts'
import { tempFolder } from '../../../test/helpers/temp.ts'
import { until } from '../../../test/helpers/until.ts'
import { outcomeOf } from './evidence.ts'
import type { DumpEvidence, Finding } from './evidence.ts'
import { loadAccounts, loadDump } from './load.ts'
import { openMysql } from './mysql-server.ts'
import { usersOf } from './mysql-users.ts'
import type { Connection, ServerPlan } from './plan.ts'
import { listDatabases } from './survey-server.ts'
import { tryLoad } from './trial.ts'

const skip = missingMariadb()
const server = skip ? undefined : await startMariadb()
after(async () => await server?.[Symbol.asyncDispose]())
const host = server?.socket ?? ''
const sql = (text: string) => server?.sql(text) ?? ''

const planOf = (connection: Connection = { host }, more: Partial<ServerPlan> = {}): ServerPlan => ({
  engine: 'mysql',
  name: 'main',
  connection,
  ...more,
})

const shop = 'create database `shop.1` character set utf8mb4 collate utf8mb4_bin; use `shop.1`;'
const content = `
create table item (id int primary key, name text, data blob);
insert into item select seq, concat('row (', seq, ')\\n''\\\\;'), unhex('00ff27') from seq_1_to_2000;
create table \`odd \`\`name(\` (a int, b int as (a * 2));
insert into \`odd \`\`name(\` (a) values (1), (null);
create table empty_one (a int);
create view cheap as select id from item where id < 10;
delimiter //
create trigger filled before insert on empty_one for each row begin
insert into item values (-new.a, 'x', '');
end //
create function twice(a int) returns int deterministic return a * 2 //
create event often on schedule every 1 second do begin
delete from item;
end //
delimiter ;
create user clerk@localhost identified by 'canary'; grant select on \`shop.1\`.* to clerk@localhost;`

test(
  'a server becomes one snapshot: accounts, and of each database how it is made and what is in it',
  { skip },
  async () => {
    sql(shop + content)
    await using one = await backUpDatabases({ servers: [planOf()] })
    assert.deepEqual(one.result.problems, [])
    assert.equal(outcomeOf(one.evidence), 'done', JSON.stringify(one.evidence))
    const { clientVersion, serverVersion, isConsistent, engine } = one.evidenceOf('mariadb/main/shop%2E1.sql')
    assert.deepEqual(
      [engine, isConsistent, serverVersion?.startsWith(`${clientVersion}-MariaDB`)],
      ['mariadb', true, true],
    )
    assert.match(
      await one.text('mariadb/main/globals.users.sql'),
      /CREATE USER `clerk`@`localhost`[^]*GRANT SELECT ON `shop\.1`/,
    )
    const text = await one.text('mariadb/main/shop%2E1.sql')
    for (const part of [/TRIGGER filled/i, /FUNCTION `?twice/, /EVENT `?often/, /VIEW `cheap`/])
      assert.match(text, part)
    await using again = await backUpDatabases({ servers: [planOf()] })
    assert.equal(await again.text('mariadb/main/shop%2E1.sql'), text) // what has not changed takes no room
  },
)

test(
  'a dump is loaded as a new database and compared row by row; one that is there is left alone unless asked',
  { skip },
  async () => {
    await using one = await backUpDatabases({ servers: [planOf()] })
    const dump = await one.dump('mariadb/main/shop%2E1.sql')
    const { tables, rows } = await loadDump(dump, planOf(), { as: 'again' })
    assert.deepEqual([tables, rows], [3, 2002])
    assert.equal(
      sql(
        'select again.twice(21), (select sum(crc32(name)) from again.item) = (select sum(crc32(name)) from `shop.1`.item)',
      ),
      '42\t1',
    )
    assert.match(sql('show create database again'), /utf8mb4_bin/)
    await assert.rejects(loadDump(dump, planOf(), { as: 'again' }), { code: 'DATABASE_EXISTS' })
    sql('delete from again.item; create table again.extra (a int)')
    const bad = {
      ...dump,
      pour: async (write: (bytes: Uint8Array) => Promise<void>) => await write(Buffer.from('create tible x;')),
    }
    await assert.rejects(loadDump(bad, planOf(), { as: 'again', replace: true }), { code: 'DATABASE_LOAD_FAILED' })
    assert.equal(sql("show tables from again like 'extra'"), 'extra')
    await loadDump(dump, planOf(), { as: 'again', replace: true })
    assert.equal(sql('select count(*) from again.item'), '2000')
    assert.doesNotMatch(sql('show databases'), /understudy/)
    sql('drop database again')
  },
)

test('a trial loads a dump into a server of its own, where no event runs, and leaves nothing', { skip }, async () => {
  await using one = await backUpDatabases({ servers: [planOf()] })
  await using folder = await tempFolder()
  chmodSync(folder.path, 0o755)
  const dump = await one.dump('mariadb/main/shop%2E1.sql')
  const { tables, rows, bytes } = await tryLoad(dump, { workFolder: folder.path })
  assert.deepEqual([tables, rows, bytes], [3, 2002, dump.bytes])
  assert.deepEqual(readdirSync(folder.path), [])
})

/** The evidence of a dump that is not in the snapshot. */
async function failing(plan: ServerPlan, path: string): Promise<Finding> {
  let evidence: readonly DumpEvidence[] = []
  const onEvidence = (dumps: readonly DumpEvidence[]) => (evidence = dumps)
  await using one = await backUpDatabases({ servers: [plan] }, { onEvidence }).catch((thrown: unknown) => {
    assert.equal((thrown as { code?: string }).code, 'DATABASE_NONE_DUMPED', String(thrown))
    return undefined
  })
  assert.notEqual(outcomeOf(evidence), 'done')
  const found = evidence.find((dump) => dump.path === `databases/${path}`)
  assert.equal(found?.outcome, 'failed', JSON.stringify(evidence))
  if (one) await assert.rejects(one.text(path), { code: 'DUMP_NOT_FOUND' })
  return found?.failure as Finding
}

test(
  'an account that may not see everything gives no dump: what it cannot see would be missing without a word',
  { skip },
  async () => {
    await using folder = await tempFolder()
    const passwordFile = folder.join('password')
    writeFileSync(passwordFile, `canary "\\#'pass`, { mode: 0o600 })
    sql(
      `create user partly@localhost identified by 'canary "\\\\#''pass'; grant select, show view, event on \`shop.1\`.* to partly@localhost;`,
    )
    const partly = planOf({ host, user: 'partly', passwordFile }, { databases: ['shop.1'] })
    const { code, message } = await failing(partly, 'mariadb/main/shop%2E1.sql')
    assert.deepEqual([code, /it lacks TRIGGER/.test(message)], ['DATABASE_RIGHT_MISSING', true])
    // Rights of two patterns do not add up: the program itself ends well, and the trigger is not in what it printed.
    sql('grant trigger on `shop._`.* to partly@localhost')
    const args = [
      '--no-defaults',
      '-S',
      host,
      '-u',
      'partly',
      `--password=canary "\\#'pass`,
      '--single-transaction',
      'shop.1',
    ]
    assert.doesNotMatch(await runOk('mariadb-dump', args), /TRIGGER filled/i)
    assert.equal((await failing(partly, 'mariadb/main/shop%2E1.sql')).code, 'DATABASE_RIGHT_MISSING')
    sql('grant trigger on `shop.1`.* to partly@localhost')
    await using one = await backUpDatabases({ servers: [partly] })
    assert.equal(one.evidenceOf('mariadb/main/shop%2E1.sql').outcome, 'good')
    assert.match(await one.text('mariadb/main/shop%2E1.sql'), /TRIGGER filled/i)
  },
)

test('a wrong password, no server and clients that do not fit have a code each', { skip }, async () => {
  await using folder = await tempFolder()
  const passwordFile = folder.join('password')
  writeFileSync(passwordFile, 'canary-wrong', { mode: 0o600 })
  const refused = await failing(planOf({ host, user: 'partly', passwordFile }), 'mariadb/main')
  assert.equal(refused.code, 'DATABASE_LOGIN_REFUSED')
  assert.doesNotMatch(JSON.stringify(refused), /canary/)
  assert.equal(
    (await failing(planOf({ host: folder.join('none') }), 'mariadb/main')).code,
    'DATABASE_SERVER_UNREACHABLE',
  )
  await runOk('sh', ['-c', `ln -s "$(command -v mariadb)" ${folder.join('mariadb')}`])
  const plan = planOf({ host }, { programs: folder.path })
  assert.equal((await failing(plan, 'mariadb/main')).code, 'DATABASE_TOOL_MISSING')
  const versions = [
    ['mariadb-dump  Ver 10.19 Distrib 10.5.23-MariaDB, for debian-linux-gnu (x86_64)', 'DATABASE_CLIENT_OLD'],
    ['mysqldump  Ver 8.0.36 for Linux on x86_64 (MySQL Community Server - GPL)', 'DATABASE_CLIENT_FOREIGN'],
  ] as const
  for (const [version, code] of versions) {
    writeFileSync(folder.join('mariadb-dump'), `#!/bin/sh\necho "${version}"\n`, { mode: 0o755 })
    assert.equal((await failing(plan, 'mariadb/main')).code, code)
  }
})

/** A folder of client programs whose dump program does something else for a database. */
async function tampered(folder: string, script: string): Promise<string> {
  await runOk('sh', ['-c', `ln -s "$(command -v mariadb)" ${folder}/mariadb`])
  const text = `#!/bin/sh\nREAL=/usr/bin/mariadb-dump\ncase "$*" in *--version*|*--system*) exec $REAL "$@";; esac\n${script}\n`
  writeFileSync(`${folder}/mariadb-dump`, text, { mode: 0o755 })
  return folder
}

test('a dump that is cut, or whose program fails after its last line, is not in the snapshot', { skip }, async () => {
  const spoiled = [
    ['$REAL "$@" | head -c 30000', 'DATABASE_DUMP_CUT'],
    ['$REAL "$@" | head -n -1', 'DATABASE_DUMP_CUT'],
    ['$REAL "$@"; exit 2', 'DATABASE_TOOL_FAILED'],
  ] as const
  for (const [script, code] of spoiled) {
    await using folder = await tempFolder()
    const plan = planOf({ host }, { programs: await tampered(folder.path, script) })
    assert.equal((await failing(plan, 'mariadb/main/shop%2E1.sql')).code, code, script)
  }
})

test(
  'tables without transactions are told, unless they are locked; a view of nothing makes a dump fail',
  { skip },
  async () => {
    sql('create database mixed; use mixed; create table old (a int) engine=Aria; create table new (a int)')
    const mixed = planOf({ host }, { databases: ['mixed'] })
    await using one = await backUpDatabases({ servers: [mixed] })
    const { outcome, isConsistent, warnings } = one.evidenceOf('mariadb/main/mixed.sql')
    assert.deepEqual(
      [outcome, isConsistent, warnings.map(({ code }) => code)],
      ['warnings', false, ['DATABASE_INCONSISTENT']],
    )
    await using locked = await backUpDatabases({ servers: [{ ...mixed, lockTables: true }] })
    assert.equal(locked.evidenceOf('mariadb/main/mixed.sql').outcome, 'good')
    sql('use mixed; create view broken as select * from new; drop table new')
    assert.equal((await failing(planOf(), 'mariadb/main/mixed.sql')).code, 'DATABASE_TOOL_FAILED')
    sql('drop database mixed')
  },
)

test(
  'accounts are written by statements too, for servers whose program does not, and can be made anew',
  { skip },
  async () => {
    await using open = await openMysql(planOf())
    const statements = await usersOf(open)
    assert.match(
      statements,
      /CREATE USER `clerk`@`localhost`[^;]*;[^]*GRANT SELECT ON `shop\.1`\.\* TO `clerk`@`localhost`;[^]*-- Dump completed\n$/,
    )
    sql('drop user clerk@localhost')
    assert.deepEqual(await loadAccounts(statements, planOf()), [])
    assert.match(sql('show grants for clerk@localhost'), /GRANT SELECT ON `shop\.1`/)
    const { databases, engine } = await listDatabases(planOf())
    assert.deepEqual([engine, databases], ['mariadb', [{ name: 'shop.1', problem: undefined }]])
  },
)

test('a table that is altered while its database is dumped makes the dump fail', { skip }, async () => {
  await using folder = await tempFolder()
  sql(
    'use `shop.1`; create table zz_last (a int); create table large as select seq, repeat(md5(seq), 20) as text from seq_1_to_20000',
  )
  const { path } = folder
  const wait = `touch ${path}/half; until [ -e ${path}/altered ]; do sleep 0.05; done`
  const programs = await tampered(
    path,
    `$REAL "$@" 2>${path}/said | { head -c 30000; ${wait}; cat; }; cat ${path}/said >&2; exit 3`,
  )
  const ended = failing(planOf({ host }, { programs }), 'mariadb/main/shop%2E1.sql')
  await until(() => readdirSync(path).includes('half'))
  sql('alter table `shop.1`.zz_last add column b int, algorithm=copy')
  await run('touch', [folder.join('altered')])
  const { code, message } = await ended
  assert.equal(code, 'DATABASE_CHANGED', message)
})

test('a server that is killed in the middle leaves no dump that counts', { skip }, async () => {
  await using folder = await tempFolder()
  const { path } = folder
  const wait = `touch ${path}/half; until [ -e ${path}/gone ]; do sleep 0.05; done`
  const programs = await tampered(path, `$REAL "$@" | { head -c 30000; ${wait}; cat; }; exec $REAL "$@"`)
  const ended = failing(planOf({ host }, { programs }), 'mariadb/main/shop%2E1.sql')
  await until(() => readdirSync(path).includes('half'))
  await server?.kill()
  await run('touch', [folder.join('gone')])
  assert.match((await ended).code, /^DATABASE_SERVER_(?:LOST|UNREACHABLE)$/)
})
