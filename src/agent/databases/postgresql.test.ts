import assert from 'node:assert/strict'
import { appendFileSync, chmodSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { after, test } from 'node:test'

import { backUpDatabases } from '../../../test/helpers/database-dumps.ts'
import { missingPostgres, startPostgres } from '../../../test/helpers/postgres.ts'
import { run, runOk, start } from '../../../test/helpers/run.ts'
import { tempFolder } from '../../../test/helpers/temp.ts'
import { until } from '../../../test/helpers/until.ts'
import type { Finding } from './evidence.ts'
import { outcomeOf } from './evidence.ts'
import type { DumpEvidence } from './evidence.ts'
import { loadAccounts, loadDump } from './load.ts'
import type { Connection, ServerPlan } from './plan.ts'
import { listDatabases } from './survey-server.ts'
import { tryLoad } from './trial.ts'

const skip = missingPostgres()
const server = skip ? undefined : await startPostgres()
after(async () => await server?.[Symbol.asyncDispose]())
const host = server ? (new URL(server.location()).searchParams.get('host') as string) : ''

const planOf = (connection: Connection = { host }, more: Partial<ServerPlan> = {}): ServerPlan => ({
  engine: 'postgresql',
  name: 'main',
  connection,
  ...more,
})

async function sql(text: string, database = 'postgres'): Promise<string> {
  const args = [
    '-X',
    '-A',
    '-t',
    '-q',
    '-v',
    'ON_ERROR_STOP=1',
    '-h',
    host,
    '-U',
    'postgres',
    '-d',
    database,
    '-f',
    '-',
  ]
  return (await runOk('psql', args, { input: text })).trim()
}

/** A database with what is easily lost: names that need quotes, rows with everything in them, functions, triggers, rights. */
async function makeShop(name: string): Promise<void> {
  await server?.createDatabase(name)
  await sql(
    `create table item (id int primary key, name text, price numeric);
     insert into item select i, 'row ' || i || E'\\t\\n\\\\.', i * 1.5 from generate_series(1, 2000) i;
     create table "Odd ""name" (a text); insert into "Odd ""name" values ('\\.'), (null), ('COPY x (a) FROM stdin;');
     create table empty (a int);
     create function twice(a int) returns int language sql as 'select a * 2';
     create view cheap as select * from item where price < 10;`,
    name,
  )
}

test('a server becomes one snapshot: accounts, how each database is made, and its content', { skip }, async () => {
  await makeShop('shop')
  await sql(`create role clerk login password 'canary-hash'; grant connect on database shop to clerk;
    alter database shop set search_path to 'public', '$user'; comment on database shop is 'it''s; -- a shop
CREATE DATABASE fake;'`)
  await using one = await backUpDatabases({ servers: [planOf()] })
  assert.deepEqual(one.result.problems, [])
  assert.equal(outcomeOf(one.evidence), 'done')
  assert.match(await one.text('postgresql/main/globals.roles.sql'), /CREATE ROLE clerk;[^]*SCRAM-SHA-256/)
  const shop = one.evidenceOf('postgresql/main/shop.sql')
  assert.deepEqual([shop.outcome, shop.isComplete, shop.isConsistent, shop.exitCode], ['good', true, true, 0])
  assert.match(`${shop.serverVersion} ${shop.clientVersion}`, /^\d+\.\d+ \d+\.\d+$/)
  assert.equal(shop.bytes, Buffer.byteLength(await one.text('postgresql/main/shop.sql')))
  assert.deepEqual(JSON.parse(await one.text('summary.json')), {
    version: 1,
    dumps: JSON.parse(JSON.stringify(one.evidence)),
  })
})

test('a dump is loaded as a new database with its settings and rights, and compared row by row', { skip }, async () => {
  await using one = await backUpDatabases({ servers: [planOf({ host }, { databases: ['shop'] })] })
  const dump = await one.dump('postgresql/main/shop.sql')
  const loaded = await loadDump(dump, planOf(), { as: 'shop "again"' })
  assert.deepEqual([loaded.tables, loaded.rows, loaded.putAside], [3, 2003, undefined])
  const about = `select count(*) from item; select twice(21); select shobj_description(oid, 'pg_database') from pg_database
    where datname = current_database(); show search_path; select datacl::text like '%clerk=c%' from pg_database where datname = current_database();`
  assert.equal(await sql(about, 'shop "again"'), await sql(about, 'shop'))
  await assert.rejects(loadDump(dump, planOf(), { as: 'shop' }), { code: 'DATABASE_EXISTS' })
})

test('a database is replaced only when that is asked for, and the old one is kept', { skip }, async () => {
  await using one = await backUpDatabases({ servers: [planOf({ host }, { databases: ['shop'] })] })
  const dump = await one.dump('postgresql/main/shop.sql')
  await sql('delete from item where id > 10', 'shop "again"')
  const { putAside } = await loadDump(dump, planOf(), { as: 'shop "again"', replace: true })
  assert.ok(putAside)
  assert.equal(await sql('select count(*) from item', 'shop "again"'), '2000')
  assert.equal(await sql('select count(*) from item', putAside), '10')
})

test('a trial loads a dump into a server of its own, and leaves nothing', { skip }, async () => {
  await using one = await backUpDatabases({ servers: [planOf({ host }, { databases: ['shop'] })] })
  const roles = await one.text('postgresql/main/globals.roles.sql')
  await using folder = await tempFolder()
  chmodSync(folder.path, 0o755)
  const dump = await one.dump('postgresql/main/shop.sql')
  const { tables, rows, bytes } = await tryLoad(dump, { roles, workFolder: folder.path })
  assert.deepEqual([tables, rows, bytes], [3, 2003, dump.bytes])
  assert.deepEqual(readdirSync(folder.path), [])
})

test(
  'a dump that does not load whole, or to other rows, is refused, and what was loaded of it is removed',
  { skip },
  async () => {
    await using one = await backUpDatabases({ servers: [planOf({ host }, { databases: ['shop'] })] })
    const dump = await one.dump('postgresql/main/shop.sql')
    const text = await one.text('postgresql/main/shop.sql')
    const load = async (changed: string) =>
      await loadDump({ ...dump, pour: async (write) => await write(Buffer.from(changed)) }, planOf(), { as: 'half' })
    await assert.rejects(load(text.slice(0, text.indexOf('row 900'))), { code: 'DATABASE_LOAD_FAILED' })
    const more = text.replace(
      '-- Name: item item_pkey',
      'insert into public.empty values (1);\n-- Name: item item_pkey',
    )
    await assert.rejects(load(more), { code: 'DATABASE_LOAD_DIFFERS', message: /0 rows of public\.empty, and 1 rows/ })
    // It ends long before it has read everything.
    const nonsense = Buffer.from(`nonsense;\n${'-- more\n'.repeat(20_000)}`)
    const pour: typeof dump.pour = async (write) => {
      for (let times = 0; times < 50; times++) await write(nonsense)
    }
    await assert.rejects(loadDump({ ...dump, pour }, planOf(), { as: 'half' }), { code: 'DATABASE_LOAD_FAILED' })
    const controller = new AbortController()
    const cancelled: typeof dump.pour = async (write) => {
      await write(Buffer.from(text))
      controller.abort(new Error('enough'))
    }
    const { signal } = controller
    await assert.rejects(loadDump({ ...dump, pour: cancelled }, planOf(), { as: 'half', signal }), /enough/)
    assert.equal(await sql(`select count(*) from pg_database where datname = 'half'`), '0')
  },
)

/** The evidence of a dump that is not in the snapshot, which also says so. */
async function failing(
  plan: ServerPlan,
  path: string,
  options: Parameters<typeof backUpDatabases>[1] = {},
): Promise<Finding> {
  let evidence: readonly DumpEvidence[] = []
  const onEvidence = (dumps: readonly DumpEvidence[]) => (evidence = dumps)
  await using one = await backUpDatabases({ servers: [plan] }, { ...options, onEvidence }).catch((thrown: unknown) => {
    assert.equal((thrown as { code?: string }).code, 'DATABASE_NONE_DUMPED', String(thrown))
    return undefined
  })
  assert.notEqual(outcomeOf(evidence), 'done')
  const found = evidence.find((dump) => dump.path === `databases/${path}`)
  assert.equal(found?.outcome, 'failed', JSON.stringify(evidence))
  if (one) {
    assert.ok(one.result.problems.some((problem) => problem.path.toString() === `/databases/${path}`))
    await assert.rejects(one.text(path), { code: 'DUMP_NOT_FOUND' })
  }
  return found?.failure as Finding
}

test('a right that is missing on one table makes the dump of its database fail, and only that', { skip }, async () => {
  await sql(
    `create role reader login; grant pg_read_all_data to reader; alter role reader set default_transaction_read_only to on;
    create role partly login; grant select on table item to partly;`,
    'shop',
  )
  await trustEverybody()
  const reader = planOf({ host, user: 'reader' }, { databases: ['shop'] })
  await using one = await backUpDatabases({ servers: [reader] })
  assert.equal(one.evidenceOf('postgresql/main/shop.sql').outcome, 'good')
  assert.deepEqual(
    one.evidenceOf('postgresql/main/globals.roles.sql').warnings.map(({ code }) => code),
    ['DATABASE_PASSWORDS_LEFT_OUT'],
  )
  await sql('create table secret (a int); alter table secret enable row level security', 'shop')
  for (const user of ['reader', 'partly']) {
    const { code } = await failing(
      planOf({ host, user }, { databases: ['shop', 'postgres'] }),
      'postgresql/main/shop.sql',
    )
    assert.equal(code, 'DATABASE_RIGHT_MISSING')
  }
  await sql('drop table secret', 'shop')
})

test(
  'a wrong password, a file that others can read, and no server have a code each; no password is shown',
  { skip },
  async () => {
    await using folder = await tempFolder()
    chmodSync(folder.path, 0o755)
    process.env['TMPDIR'] = folder.path
    using _ = { [Symbol.dispose]: () => void delete process.env['TMPDIR'] }
    const password = folder.join('password')
    writeFileSync(password, 'canary:pass\\word\n', { mode: 0o600 })
    await sql(`create role guarded superuser login password 'canary:pass\\word'`)
    await allow('local all guarded scram-sha-256')
    const guarded = planOf({ host, user: 'guarded', passwordFile: password }, { databases: ['shop'] })
    await using one = await backUpDatabases({ servers: [guarded] })
    assert.equal(outcomeOf(one.evidence), 'done')
    const programs = await tampered(
      folder.join('bin'),
      'env > "$0.seen"; cat /proc/$$/cmdline >> "$0.seen"; exec $REAL "$@"',
    )
    await runOk('chown', ['postgres', programs])
    await using shown = await backUpDatabases({ servers: [{ ...guarded, programs }] })
    const seen = readFileSync(join(programs, 'pg_dump.seen'), 'utf8')
    assert.match(seen, /PGPASSFILE=[^]*--no-password/) // what others can see of it
    assert.doesNotMatch(seen + JSON.stringify(shown.evidence), /canary/)
    await rm(programs, { recursive: true })
    writeFileSync(password, 'canary-wrong')
    const refused = await failing(guarded, 'postgresql/main')
    assert.equal(refused.code, 'DATABASE_LOGIN_REFUSED')
    assert.doesNotMatch(JSON.stringify(refused), /canary/)
    chmodSync(password, 0o644)
    assert.equal((await failing(guarded, 'postgresql/main')).code, 'DATABASE_SECRET_UNREADABLE')
    assert.equal((await failing(planOf({ host, port: 1 }), 'postgresql/main')).code, 'DATABASE_SERVER_UNREACHABLE')
    const missing = planOf({ host }, { databases: ['shop', 'host=evil dbname=shop'] })
    assert.equal((await failing(missing, 'postgresql/main/host=evil dbname=shop.sql')).code, 'DATABASE_MISSING')
    assert.deepEqual(readdirSync(folder.path), ['password'])
  },
)

test(
  'a client that is older than the server, or not there, is found out before anything is dumped',
  { skip },
  async () => {
    await using folder = await tempFolder()
    const programs = folder.path
    await runOk('sh', ['-c', `chmod 755 ${programs} && ln -s "$(command -v psql)" ${programs}/psql`])
    const plan = planOf({ host }, { programs })
    assert.equal((await failing(plan, 'postgresql/main')).code, 'DATABASE_TOOL_MISSING')
    writeFileSync(join(programs, 'pg_dump'), '#!/bin/sh\necho "pg_dump (PostgreSQL) 13.23 (Debian 13.23-1)"\n', {
      mode: 0o755,
    })
    const old = await failing(plan, 'postgresql/main')
    assert.equal(old.code, 'DATABASE_CLIENT_OLD')
    assert.match(old.message, /pg_dump is of version 13\.23/)
  },
)

/** A folder of client programs in which `pg_dump` does something else when it is asked for the content of a database. */
async function tampered(folder: string, script: string): Promise<string> {
  const real = (await run('sh', ['-c', 'ls -d /usr/lib/postgresql/*/bin | tail -1'])).stdout.trim()
  await runOk('sh', [
    '-c',
    `mkdir -p ${folder} && chmod 755 ${folder} && for p in psql pg_dumpall; do ln -sf ${real}/$p ${folder}/$p; done`,
  ])
  const text = `#!/bin/sh\ncase "$*" in *--version*|*--create*) exec ${real}/pg_dump "$@";; esac\nREAL=${real}/pg_dump\n${script}\n`
  writeFileSync(join(folder, 'pg_dump'), text, { mode: 0o755 })
  return folder
}

test(
  'a dump that is cut, killed, refused at its end, silent or out of room is not in the snapshot',
  { skip },
  async () => {
    const spoiled = [
      ['$REAL "$@" | head -c 20000', 'DATABASE_DUMP_CUT'],
      ['$REAL "$@" | head -n -9', 'DATABASE_DUMP_CUT'],
      ['$REAL "$@"; exit 1', 'DATABASE_TOOL_FAILED'],
      ['$REAL "$@" | head -c 20000; kill -9 $$', 'DATABASE_TOOL_KILLED'],
      ['true', 'DATABASE_DUMP_EMPTY'],
      ['echo "pg_dump: error: could not write: No space left on device" >&2; exit 1', 'DATABASE_DISK_FULL'],
      ['echo half; sleep 1000', 'STREAM_SILENT'],
    ] as const
    for (const [script, code] of spoiled) {
      await using folder = await tempFolder()
      const programs = await tampered(folder.path, script)
      const plan = planOf({ host }, { programs, databases: ['shop'] })
      const longestSilence = code === 'STREAM_SILENT' ? 2_000 : 600_000
      const failure = await failing(plan, 'postgresql/main/shop.sql', { longestSilence })
      assert.equal(failure.code, code, script)
    }
  },
)

test('what a dump program warns of is told, and the dump is not simply good', { skip }, async () => {
  await using folder = await tempFolder()
  const programs = await tampered(
    folder.path,
    'echo "pg_dump: warning: there are circular foreign keys" >&2; exec $REAL "$@"',
  )
  await using one = await backUpDatabases({ servers: [planOf({ host }, { programs, databases: ['shop'] })] })
  const { outcome, warnings } = one.evidenceOf('postgresql/main/shop.sql')
  assert.deepEqual([outcome, warnings.map(({ code }) => code)], ['warnings', ['DATABASE_TOOL_WARNED']])
  assert.equal(outcomeOf(one.evidence), 'warnings')
})

test('a dump that has suddenly shrunk, and a database that is gone, are told', { skip }, async () => {
  const last = [
    { path: 'databases/postgresql/main/shop.sql', bytes: 5_000_000 },
    { path: 'databases/postgresql/main/old%2Eone.sql', bytes: 100 },
    { path: 'databases/postgresql/main/shop.create.sql', bytes: 100 },
    { path: 'databases/postgresql/other/x.sql', bytes: 100 },
  ]
  await using one = await backUpDatabases({ servers: [planOf()] }, { last })
  const notGood = one.evidence.filter(({ outcome }) => outcome !== 'good')
  assert.deepEqual(
    notGood.map(({ subject, failure, warnings }) => [subject, failure?.code, ...warnings.map(({ code }) => code)]),
    [
      ['old.one', 'DATABASE_GONE'],
      ['shop', undefined, 'DATABASE_SHRANK'],
    ],
  )
})

test(
  'databases are listed with what a backup would say of them; roles go from one server to another',
  { skip },
  async () => {
    await sql('create database closed allow_connections false')
    const { engine, databases } = await listDatabases(planOf())
    assert.equal(engine, 'postgresql')
    const problems = databases.map(({ name, problem }) => [name, (problem as { code?: string } | undefined)?.code])
    assert.deepEqual(
      problems.filter(([, code]) => code !== undefined),
      [['closed', 'DATABASE_CLOSED']],
    )
    await sql('drop database closed')
    await using one = await backUpDatabases({ servers: [planOf({ host }, { databases: ['shop'] })] })
    await using other = await startPostgres()
    const there = planOf({ host: new URL(other.location()).searchParams.get('host') as string })
    assert.deepEqual(await loadAccounts(await one.text('postgresql/main/globals.roles.sql'), there), [])
    const { rows } = await loadDump(await one.dump('postgresql/main/shop.sql'), there, { as: 'shop' })
    assert.equal(rows, 2003)
  },
)

test('a server that is killed in the middle leaves no dump that counts', { skip }, async () => {
  await using folder = await tempFolder()
  // Stops half-way until the server is gone, then goes on.
  const wait = 'until [ -e "$0.gone" ]; do sleep 0.05; done'
  const script = `$REAL "$@" | { head -c 30000; touch "$0.half"; ${wait}; cat; } & wait; exec $REAL "$@" >/dev/null`
  const programs = await tampered(folder.path, script)
  await runOk('chown', ['postgres', programs])
  const ended = failing(planOf({ host }, { programs, databases: ['shop'] }), 'postgresql/main/shop.sql')
  await until(() => readdirSync(programs).includes('pg_dump.half'))
  await server?.kill()
  appendFileSync(join(programs, 'pg_dump.gone'), '')
  assert.match((await ended).code, /^DATABASE_SERVER_(?:LOST|UNREACHABLE)$/)
  await server?.start()
})

test('a backup that is cancelled ends its programs', { skip }, async () => {
  await using folder = await tempFolder()
  const programs = await tampered(folder.path, 'echo $$ > "$0.pid"; echo half; sleep 1000')
  await runOk('chown', ['postgres', programs])
  const controller = new AbortController()
  const backing = backUpDatabases({ servers: [planOf({ host }, { programs })] }, { signal: controller.signal })
  await until(() => readdirSync(programs).includes('pg_dump.pid'))
  controller.abort(new Error('enough'))
  await assert.rejects(backing, /enough/)
  await using still = start('pgrep', ['-f', join(programs, 'pg_dump')])
  assert.equal((await still.result).stdout, '')
})

/** Lets in by the socket as anybody: who may read what is a matter of roles then. */
async function trustEverybody(): Promise<void> {
  await allow('local all all trust')
}

async function allow(line: string): Promise<void> {
  const file = join(host, 'data', 'pg_hba.conf')
  const { stdout } = await run('cat', [file])
  await runOk('sh', ['-c', `cat > ${file}`], { input: `${line}\n${stdout}` })
  await sql('select pg_reload_conf()')
}
