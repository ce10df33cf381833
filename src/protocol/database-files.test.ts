import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { seeded } from '../../test/helpers/seed.ts'
import { DatabaseFinder, findDatabaseFiles, sayOfDatabaseFiles, withKnownUse } from './database-files.ts'
import type { SeenFile } from './database-files.ts'
import { databaseFilesSchema } from './discovery.ts'

/** What is told of files: engine, place, and whether it is in use. */
function told(...files: (string | SeenFile)[]): string[] {
  const seen = files.map((file) => (typeof file === 'string' ? { path: file } : file))
  return findDatabaseFiles(seen).databases.map(({ engine, place, inUse }) => `${engine} ${place} ${inUse}`)
}

function head(text: string, at = 0): Uint8Array {
  return Buffer.concat([Buffer.alloc(at), Buffer.from(text, 'latin1'), Buffer.alloc(32)]).subarray(0, 32)
}

test('a data directory of PostgreSQL is one database, in use while it has a postmaster.pid', () => {
  const files = ['/d/15/main/PG_VERSION', '/d/15/main/base/1/PG_VERSION', '/d/15/main/global/pg_control']
  assert.deepEqual(told(...files), ['postgresql /d/15/main unknown'])
  assert.deepEqual(told(...files, '/d/15/main/postmaster.pid'), ['postgresql /d/15/main yes'])
  assert.deepEqual(told('/d/15/main/PG_VERSION'), [], 'a version alone is no database')
})

test('a tablespace of PostgreSQL outside its directory is recognised', () => {
  assert.deepEqual(told('/fast/space/PG_15_202209061/16384/2619'), ['postgresql /fast/space unknown'])
  assert.deepEqual(told('/home/ann/PG_13 film/a'), [])
})

test('a data directory of MariaDB is one database, in use while it has its temporary tables', () => {
  const files = ['/var/lib/mysql/ibdata1', '/var/lib/mysql/shop/orders.ibd', '/var/lib/mysql/#rocksdb/CURRENT']
  assert.deepEqual(told(...files), ['mariadb /var/lib/mysql unknown'])
  assert.deepEqual(told(...files, '/var/lib/mysql/ibtmp1'), ['mariadb /var/lib/mysql yes'])
  assert.deepEqual(told('/m/shop/orders.MYD'), ['mariadb /m unknown'], 'tables without the rest')
})

test("another engine's files inside a database's folder are that database", () => {
  const level = ['CURRENT', 'MANIFEST-000004', 'OPTIONS-000007'].map((name) => `/var/lib/mysql/#rocksdb/${name}`)
  assert.deepEqual(told('/var/lib/mysql/ibdata1', ...level, '/var/lib/mysql/x.sqlite'), [
    'mariadb /var/lib/mysql unknown',
  ])
})

test('SQLite is known by name or by its first bytes, and in use when its journal lies beside it', () => {
  assert.deepEqual(told('/a/shop.sqlite'), ['sqlite /a/shop.sqlite unknown'])
  assert.deepEqual(told('/a/shop.db'), [], 'a name that anything may have')
  assert.deepEqual(told({ path: '/a/shop.db', bytes: 99, head: head('SQLite format 3\0') }), [
    'sqlite /a/shop.db unknown',
  ])
  assert.deepEqual(told({ path: '/a/shop.sqlite', bytes: 99, head: head('<html>') }), [], 'its content says otherwise')
  assert.deepEqual(told({ path: '/a/shop.sqlite', bytes: 0 }), [], 'nothing is in it yet')
  for (const journal of ['wal', 'journal', 'shm']) {
    assert.deepEqual(told('/a/shop.sqlite', `/a/shop.sqlite-${journal}`), ['sqlite /a/shop.sqlite yes'])
  }
  assert.deepEqual(told('/a/odd', '/a/odd-wal', '/a/odd-shm'), ['sqlite /a/odd yes'], 'by its log and its index alone')
  assert.deepEqual(told('/a/garden-wal'), [])
})

test('engines without an adapter are recognised', () => {
  assert.deepEqual(told('/d/erp.mdf', '/d/erp_log.ldf', '/d/erp_2.ndf'), ['sql-server /d/erp.mdf unknown'])
  assert.deepEqual(
    told('/d/logs/erp_log.ldf'),
    ['sql-server /d/logs/erp_log.ldf unknown'],
    'a log on a disk of its own',
  )
  assert.deepEqual(told({ path: '/d/disc.mdf', bytes: 9, head: head('MEDIA DESCRIPTOR') }), [], 'an image of a disc')
  assert.deepEqual(told('/u01/oradata/XE/control01.ctl', '/u01/oradata/XE/system01.dbf'), [
    'oracle /u01/oradata/XE unknown',
  ])
  assert.deepEqual(told('/d/crm.fdb'), ['firebird /d/crm.fdb unknown'])
  assert.deepEqual(told('/d/stock.accdb', '/d/stock.laccdb'), ['access /d/stock.accdb yes'])
  assert.deepEqual(told('/d/stock.mdb', '/d/stock.ldb'), ['access /d/stock.mdb yes'])
  assert.deepEqual(told('/d/people.fmp12'), ['filemaker /d/people.fmp12 unknown'])
  assert.deepEqual(told({ path: '/db/mongod.lock', bytes: 5 }, '/db/WiredTiger.wt'), ['mongodb /db yes'])
  assert.deepEqual(told({ path: '/db/mongod.lock', bytes: 0 }, '/db/WiredTiger.wt'), ['mongodb /db unknown'])
  assert.deepEqual(told('/var/lib/redis/dump.rdb', '/var/lib/redis/appendonlydir/appendonly.aof.manifest'), [
    'redis /var/lib/redis unknown',
  ])
  assert.deepEqual(told('/i/influxdb/data/t/autogen/2/0001.tsm'), ['influxdb /i/influxdb unknown'])
  assert.deepEqual(told('/i/v2/engine/data/t/autogen/2/0001.tsm'), ['influxdb /i/v2 unknown'])
  assert.deepEqual(told('/l/CURRENT', '/l/MANIFEST-000001', '/l/000003.ldb'), ['leveldb /l unknown'])
  assert.deepEqual(told('/l/CURRENT', '/l/MANIFEST-000001', '/l/OPTIONS-000005'), ['rocksdb /l unknown'])
  assert.deepEqual(told('/var/lib/ldap/data.mdb', '/var/lib/ldap/lock.mdb'), ['ldap /var/lib/ldap unknown'])
  assert.deepEqual(told('/x/data.mdb', '/x/lock.mdb'), ['lmdb /x unknown'], 'not an Access file')
  assert.deepEqual(told('/var/lib/samba/private/sam.ldb'), ['active-directory /var/lib/samba/private unknown'])
  assert.deepEqual(told('/e/mailbox.edb'), ['exchange /e/mailbox.edb unknown'])
  assert.deepEqual(told('/s/Windows.edb'), [], 'the index of the search')
})

test('files are recognised by their first bytes where their names say nothing', () => {
  const firebird = Buffer.alloc(32)
  firebird[0] = 1
  firebird.writeUInt16LE(8192, 16)
  firebird.writeUInt16LE(0x800d, 18)
  const cases: readonly [string, Uint8Array][] = [
    ['access', head('Standard ACE DB\0', 4)],
    ['access', head('Standard Jet DB\0', 4)],
    ['filemaker', head('\xc0HBAM7', 14)],
    ['sql-server', head('\x01\x0f\0\0')],
    ['firebird', firebird],
    ['lmdb', head('\xde\xc0\xef\xbe', 16)],
  ]
  for (const [engine, bytes] of cases) {
    assert.deepEqual(told({ path: '/d/x.data', bytes: 4096, head: bytes }), [`${engine} /d/x.data unknown`])
  }
})

test('a look inside is asked for only where it helps', () => {
  const finder = new DatabaseFinder()
  assert.ok(finder.wantsHead('/a/x.db') > 0)
  assert.equal(finder.wantsHead('/a/letter.docx'), 0)
  assert.equal(finder.wantsHead('/a.db/letter'), 0)
})

test('the order of the files, and what else is among them, changes nothing', () => {
  const files = [
    ...['PG_VERSION', 'global/pg_control', 'postmaster.pid', 'base/1/1259'].map((name) => `/pg/${name}`),
    '/a/shop.sqlite',
    '/a/shop.sqlite-wal',
    '/my/ibdata1',
    '/my/ibtmp1',
    '/d/stock.accdb',
    '/d/stock.laccdb',
  ]
  const expected = ['access /d/stock.accdb yes', 'mariadb /my yes', 'postgresql /pg yes', 'sqlite /a/shop.sqlite yes']
  const others = fc.array(fc.string().map((name) => `/other/${name.replaceAll('/', '')}.txt`))
  const property = fc.property(fc.shuffledSubarray(files, { minLength: files.length }), others, (order, more) => {
    assert.deepEqual(told(...more, ...order).sort(), expected)
  })
  fc.assert(property, seeded())
})

test('hostile names are told as they are, within the protocol, and one who makes very many databases is told so', () => {
  const path = '/a/\u202e\u001b[31mx.sqlite'
  const [found] = findDatabaseFiles([{ path }]).databases
  assert.equal(databaseFilesSchema.parse(found).place, path)
  const many = Array.from({ length: 50_010 }, (_, index) => ({ path: `/many/${index}.sqlite` }))
  const { databases, isAtLeast } = findDatabaseFiles(many)
  assert.equal(isAtLeast, true)
  assert.equal(databases.length, 50_000)
})

test('copied files of a database are never said to be a backup of it', () => {
  for (const inUse of ['yes', 'no', 'unknown'] as const) {
    assert.match(sayOfDatabaseFiles({ engine: 'postgresql', place: '/pg', inUse }), /not a backup/)
  }
})

test('what the machine itself said of use counts, except that it was at rest at another moment', () => {
  const { databases } = findDatabaseFiles([{ path: '/d/crm.fdb' }, { path: '/d/old.fdb' }])
  const looked = (path: string, inUse: 'yes' | 'no') => ({
    engine: 'firebird' as const,
    places: [{ path, isFile: true }],
    inUse,
  })
  const known = withKnownUse(databases, [looked('/d/crm.fdb', 'yes'), looked('/d/old.fdb', 'no')])
  assert.deepEqual(
    known.map(({ inUse }) => inUse),
    ['yes', 'unknown'],
  )
})
