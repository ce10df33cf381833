import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, copyFileSync, existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'

import { backUpDatabases } from '../../../test/helpers/database-dumps.ts'
import { run } from '../../../test/helpers/run.ts'
import { tempFolder } from '../../../test/helpers/temp.ts'
import { outcomeOf } from './evidence.ts'
import type { DumpEvidence } from './evidence.ts'
import { loadSqlite } from './load-sqlite.ts'
import { tryLoad } from './trial.ts'

const linuxOnly = { skip: process.platform !== 'linux' && 'needs pipes of Linux' }
const rootOnly = { skip: process.getuid?.() !== 0 && 'needs root' }

function makeDatabase(path: string, rows = 1000, mode = 'wal'): DatabaseSync {
  const database = new DatabaseSync(path)
  database.exec(
    `pragma journal_mode=${mode}; create table item (id integer primary key, text text); create table none (a)`,
  )
  database.exec(`with recursive n(i) as (select 1 union all select i + 1 from n where i < ${rows})
    insert into item select i, 'row ' || i from n`)
  return database
}

test(
  'a database in use is copied as of one moment, with what is not yet in its file, and checked',
  linuxOnly,
  async () => {
    await using folder = await tempFolder()
    const path = folder.join('app.db')
    using application = makeDatabase(path)
    application.exec("begin; insert into item values (-1, 'not committed')")
    await using one = await backUpDatabases({ files: [{ engine: 'sqlite', path }] })
    const { outcome, counts, isConsistent, bytes } = one.evidenceOf(`sqlite${path}`)
    assert.deepEqual([outcome, isConsistent, counts], ['good', true, { tables: 2, rows: 1000 }])
    application.exec('commit')
    const dump = await one.dump(`sqlite${path}`)
    assert.equal(dump.bytes, bytes)
    const { rows } = await tryLoad(dump)
    assert.equal(rows, 1000)
  },
)

test('every row that a writer adds at the same time is there whole or not at all', linuxOnly, async () => {
  await using folder = await tempFolder()
  for (const mode of ['wal', 'delete']) {
    const path = folder.join(`${mode}.db`)
    using application = makeDatabase(path, 5000, mode)
    application.exec('create table pair (a, b); pragma busy_timeout = 10000')
    const over = new AbortController()
    let pairs = 0
    // Two rows a transaction: an odd number in the copy would be half of one.
    const write = async () => {
      for (; !over.signal.aborted; pairs++) {
        application.exec(`begin; insert into pair values (${pairs}, 1); insert into pair values (${pairs}, 2); commit`)
        await new Promise((resolve) => setTimeout(resolve, 1))
      }
    }
    const writing = write()
    await using one = await backUpDatabases({ files: [{ engine: 'sqlite', path }] })
    over.abort()
    await writing
    const restored = folder.join(`${mode}-restored.db`)
    await loadSqlite(await one.dump(`sqlite${path}`), restored)
    using copy = new DatabaseSync(restored)
    const odd = copy.prepare('select count(*) as n from (select a from pair group by a having count(*) <> 2)').get()
    assert.equal(odd?.['n'], 0)
  }
})

/** Leaves a transaction half done, as a crash does. */
const crash = `
const { DatabaseSync } = require('node:sqlite')
const database = new DatabaseSync(process.argv[1])
database.exec('pragma cache_size = 5; begin; update item set text = hex(randomblob(500))')
process.kill(process.pid, 'SIGKILL')`

test('what a crash left half done is not in the copy', linuxOnly, async () => {
  await using folder = await tempFolder()
  for (const mode of ['wal', 'delete']) {
    const path = folder.join(`${mode}.db`)
    makeDatabase(path, 3000, mode).close()
    spawnSync(process.execPath, ['--no-warnings', '-e', crash, path])
    await using one = await backUpDatabases({ files: [{ engine: 'sqlite', path }] })
    assert.equal(one.evidenceOf(`sqlite${path}`).outcome, 'good')
    const restored = folder.join(`${mode}-restored.db`)
    await loadSqlite(await one.dump(`sqlite${path}`), restored)
    using copy = new DatabaseSync(restored)
    assert.equal(copy.prepare("select count(*) as n from item where text like 'row %'").get()?.['n'], 3000)
  }
})

test(
  'a damaged database is copied and never called good; one that is none, empty or gone is absent',
  linuxOnly,
  async () => {
    await using folder = await tempFolder()
    const path = folder.join('damaged.db')
    makeDatabase(path, 5000, 'delete').close()
    const bytes = readFileSync(path)
    bytes.fill(0x55, 8192, 8192 + 4096)
    writeFileSync(path, bytes)
    writeFileSync(folder.join('text.db'), 'no database at all, but long enough to look at it twice. '.repeat(50))
    writeFileSync(folder.join('empty.db'), '')
    const names = ['damaged', 'text', 'empty', 'missing']
    const files = names.map((name) => ({ engine: 'sqlite', path: folder.join(`${name}.db`) }) as const)
    await using one = await backUpDatabases({ files })
    assert.notEqual(outcomeOf(one.evidence), 'done')
    const found = names.map((name) => one.evidenceOf(`sqlite${folder.join(`${name}.db`)}`))
    assert.deepEqual(
      found.map(({ outcome, failure, warnings }) => [outcome, failure?.code ?? warnings[0]?.code]),
      [
        ['warnings', 'DATABASE_DAMAGED'],
        ['failed', 'DATABASE_NOT_SQLITE'],
        ['failed', 'DATABASE_NOT_SQLITE'],
        ['failed', 'DATABASE_MISSING'],
      ],
    )
    await assert.rejects(one.text(`sqlite${folder.join('text.db')}`), { code: 'DUMP_NOT_FOUND' })
    await assert.rejects(tryLoad(await one.dump(`sqlite${path}`)), { code: 'DATABASE_LOAD_FAILED' })
  },
)

test(
  'the copy is made as the owner of the database, and leaves nothing beside it that is not theirs',
  rootOnly,
  async () => {
    await using folder = await tempFolder()
    const path = folder.join('app.db')
    makeDatabase(path).close()
    chmodSync(folder.path, 0o700)
    for (const owned of [folder.path, path]) chownSync(owned, 65_534, 65_534)
    await using one = await backUpDatabases({ files: [{ engine: 'sqlite', path }] })
    assert.equal(one.evidenceOf(`sqlite${path}`).outcome, 'good')
    // Theirs, but of a file that they may not read: root would.
    const stolen = folder.join('stolen.db')
    copyFileSync(path, stolen)
    chmodSync(stolen, 0o000)
    chownSync(stolen, 65_534, 65_534)
    await assert.rejects(backUpDatabases({ files: [{ engine: 'sqlite', path: stolen }] }), {
      code: 'DATABASE_NONE_DUMPED',
    })
  },
)

test('a copy that does not fit where it is to be made is not begun', rootOnly, async (context) => {
  await using folder = await tempFolder()
  const path = folder.join('app.db')
  makeDatabase(path, 1000).close()
  const small = folder.join('small')
  const { code } = await run('sh', ['-c', `mkdir ${small} && mount -t tmpfs -o size=4m none ${small}`])
  if (code !== 0) return context.skip('kernel: nothing can be mounted here')
  let evidence: readonly DumpEvidence[] = []
  const options = { onEvidence: (dumps: readonly DumpEvidence[]) => (evidence = dumps) }
  try {
    const plan = { files: [{ engine: 'sqlite', path }], workFolder: small } as const
    await assert.rejects(backUpDatabases(plan, options), { code: 'DATABASE_NONE_DUMPED' })
    assert.equal(evidence[0]?.failure?.code, 'DATABASE_SPACE_SHORT')
    assert.deepEqual(readdirSync(small), [])
  } finally {
    await run('umount', [small])
  }
})

test(
  'loading over a database keeps the old one, and what SQLite left beside it does not spoil the new',
  linuxOnly,
  async () => {
    await using folder = await tempFolder()
    const path = folder.join('app.db')
    makeDatabase(path, 10).close()
    await using one = await backUpDatabases({ files: [{ engine: 'sqlite', path }] })
    const dump = await one.dump(`sqlite${path}`)
    spawnSync(process.execPath, [
      '--no-warnings',
      '-e',
      "const d = new (require('node:sqlite').DatabaseSync)(process.argv[1]); d.exec('insert into item values (99, 1)'); process.kill(process.pid, 9)",
      path,
    ])
    assert.ok(existsSync(`${path}-wal`))
    await assert.rejects(loadSqlite(dump, path), { code: 'DATABASE_EXISTS' })
    const { putAside, rows } = await loadSqlite(dump, path, { replace: true })
    using loaded = new DatabaseSync(path)
    using old = new DatabaseSync(putAside as string)
    const count = (database: DatabaseSync) => database.prepare('select count(*) as n from item').get()?.['n']
    assert.deepEqual([rows, count(loaded), count(old)], [10, 10, 11])
    const cut = {
      ...dump,
      pour: async (write: (bytes: Uint8Array) => Promise<void>) => await write(readFileSync(path).subarray(0, 8192)),
    }
    await assert.rejects(loadSqlite(cut, folder.join('cut.db')), { code: 'DATABASE_LOAD_FAILED' })
    assert.equal(existsSync(folder.join('cut.db')), false)
  },
)
