import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import test from 'node:test'
import { systemClock } from '#base'
import { DatabaseFinder } from '#protocol'
import type { DatabaseFiles } from '#protocol'
import { tempFolder } from '../../../test/helpers/temp.ts'
import { runNothing } from './commands.ts'
import { seeUse } from './database-use.ts'
import { defaultLimits } from './limits.ts'
import { Machine } from './machine.ts'

/** What real engines leave on a disk, while they run and after. */

const onLinux = process.platform !== 'linux' && 'Linux only'
const isRoot = process.getuid?.() === 0

/** What is told of the databases in a folder of this machine. */
function databasesIn(folder: string): readonly DatabaseFiles[] {
  const machine = new Machine({
    root: '/',
    platform: 'linux',
    limits: defaultLimits,
    sink: { finding: () => undefined, volume: () => undefined, unseen: () => undefined },
    clock: systemClock,
    run: runNothing,
    silent: [],
  })
  const finder = new DatabaseFinder()
  machine.walk(folder, {
    onFile: ({ path, bytes, raw }) =>
      finder.see({ path, bytes, head: machine.files.head(raw, finder.wantsHead(path)) }),
  })
  return finder.found().databases.map((found) => seeUse(machine, found))
}

function only(folder: string): Pick<DatabaseFiles, 'engine' | 'place' | 'inUse'> {
  const found = databasesIn(folder)
  assert.equal(found.length, 1, JSON.stringify(found))
  const { engine, place, inUse } = found[0] as DatabaseFiles
  return { engine, place, inUse }
}

function programOf(name: string): string | undefined {
  const versions = fs.globSync('/usr/lib/postgresql/*/bin').toSorted().toReversed()
  return [...versions, '/usr/sbin', '/usr/bin'].map((folder) => `${folder}/${name}`).find((path) => fs.existsSync(path))
}

function idsOf(user: string): { readonly uid?: number; readonly gid?: number } {
  if (!isRoot) return {}
  const id = (flag: string) => Number(spawnSync('id', [flag, user], { encoding: 'utf8' }).stdout)
  return { uid: id('-u'), gid: id('-g') }
}

function skipWithout(...programs: string[]): string | false {
  const absent = programs.filter((name) => programOf(name) === undefined)
  return onLinux || (absent.length > 0 && `not on this machine: ${absent.join(', ')}`)
}

/** Nothing is said to be at rest while some program may not be asked, as is the case in many containers. */
const atRest = canAskAll() ? 'no' : 'unknown'

function canAskAll(): boolean {
  if (onLinux !== false || !isRoot) return false
  return spawnSync('sh', ['-c', 'ls -l /proc/1/fd > /dev/null']).status === 0
}

interface Server extends AsyncDisposable {
  readonly stop: () => Promise<void>
}

/** Started, and ready as soon as `sign` is a file. */
async function start(program: string, args: string[], { sign, user }: { sign: string; user: string }): Promise<Server> {
  const child = spawn(programOf(program) as string, args, { ...idsOf(user), stdio: 'ignore' })
  const ended = once(child, 'exit')
  const stop = async () => {
    child.kill('SIGTERM')
    setTimeout(() => child.kill('SIGKILL'), 20_000).unref()
    await ended
  }
  while (!fs.existsSync(sign)) {
    assert.equal(child.exitCode, null, `${program} ended`)
    await systemClock.sleep(50)
  }
  return { stop, [Symbol.asyncDispose]: stop }
}

test(
  'PostgreSQL is told as in use while it runs, and as at rest when it has ended',
  { skip: skipWithout('initdb', 'postgres') },
  async () => {
    await using folder = await tempFolder()
    const data = folder.join('data')
    const { uid, gid } = idsOf('postgres')
    if (uid !== undefined && gid !== undefined) fs.chownSync(folder.path, uid, gid)
    const made = spawnSync(programOf('initdb') as string, ['-D', data, '-A', 'trust', '--no-sync'], {
      ...idsOf('postgres'),
    })
    assert.equal(made.status, 0, made.stderr.toString())
    const place = { engine: 'postgresql', place: data }
    assert.deepEqual(only(folder.path), { ...place, inUse: atRest })
    await using server = await start('postgres', ['-D', data, '-k', folder.path, '-h', '', '-F'], {
      sign: `${data}/postmaster.pid`,
      user: 'postgres',
    })
    assert.deepEqual(only(folder.path), { ...place, inUse: 'yes' })
    await server.stop()
    assert.deepEqual(only(folder.path), { ...place, inUse: atRest })
  },
)

test(
  'MariaDB is told as in use while it runs, and as at rest when it has ended',
  { skip: skipWithout('mariadb-install-db', 'mariadbd') },
  async () => {
    await using folder = await tempFolder()
    const data = folder.join('data')
    const { uid, gid } = idsOf('mysql')
    if (uid !== undefined && gid !== undefined) fs.chownSync(folder.path, uid, gid)
    const args = ['--no-defaults', `--datadir=${data}`, '--auth-root-authentication-method=normal', '--skip-test-db']
    const made = spawnSync(programOf('mariadb-install-db') as string, args, { ...idsOf('mysql') })
    assert.equal(made.status, 0, made.stderr.toString())
    const socket = folder.join('socket')
    await using server = await start(
      'mariadbd',
      [
        '--no-defaults',
        `--datadir=${data}`,
        `--socket=${socket}`,
        '--skip-networking',
        `--pid-file=${folder.join('pid')}`,
      ],
      { sign: socket, user: 'mysql' },
    )
    assert.deepEqual(only(folder.path), { engine: 'mariadb', place: data, inUse: 'yes' })
    assert.ok(databasesIn(folder.path)[0]?.evidence.includes('"ibtmp1" is there while it runs'))
    await server.stop()
    assert.deepEqual(only(folder.path), { engine: 'mariadb', place: data, inUse: atRest })
  },
)

test('SQLite is told by its content, and as in use while it is open or has a log', { skip: onLinux }, async () => {
  await using folder = await tempFolder()
  const file = folder.join('till.db')
  const database = new DatabaseSync(file)
  database.exec('pragma journal_mode = wal; create table sale (id integer); insert into sale values (1)')
  assert.deepEqual(only(folder.path), { engine: 'sqlite', place: file, inUse: 'yes' })
  database.close()
  assert.deepEqual(only(folder.path), { engine: 'sqlite', place: file, inUse: atRest })
  const again = new DatabaseSync(file)
  again.exec('pragma journal_mode = delete; select * from sale')
  assert.deepEqual(only(folder.path), { engine: 'sqlite', place: file, inUse: 'yes' }, 'open, without a log')
  again.close()
})
