import { statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { formatBytes, hasCode, systemClock } from '#base'
import type { Cancellable, Clock } from '#base'

import { runProgram, startProgram } from '../programs/start-program.ts'
import type { ProgramUser, StartedProgram } from '../programs/start-program.ts'
import { DatabaseError } from './errors.ts'
import { tellingLine } from './failures.ts'
import { openMysqlLoader } from './load-mysql.ts'
import { openPostgresqlLoader } from './load-postgresql.ts'
import type { Loader } from './loader.ts'
import { findProgram, programFolders } from './programs.ts'
import { makePrivateFolder } from './secrets.ts'

/**
 * A server of its own for a trial, in a folder that goes with it. The server that the dump came from is left alone: there a
 * trial would take room and time, and a MariaDB event that was loaded with it would run.
 */
export interface ScratchServer extends AsyncDisposable {
  readonly loader: Loader
  /** A new empty folder that the server may write to, for a tablespace. */
  readonly folder: () => Promise<string>
}

export interface ScratchOptions extends Cancellable {
  /** Default: the system's folder for temporary files. */
  readonly workFolder?: string | undefined
  /** Folder of the server's programs. */
  readonly programs?: string | undefined
  /** Bytes of the dump that is to be tried. */
  readonly bytes: number
  readonly clock?: Clock
}

interface Engine {
  readonly name: string
  readonly package: string
  /** Who may run it when we are root: a server refuses to be root. */
  readonly user: string
  readonly init: string
  readonly server: string
  /** Ends it at once, with the processes it has started. */
  readonly endSignal: NodeJS.Signals
  initArgs(data: string): readonly string[]
  serverArgs(data: string, folder: string): readonly string[]
  open(folder: string, options: ScratchOptions): Promise<Loader>
}

const socketOf = (folder: string) => join(folder, 'socket')

const postgresql: Engine = {
  name: 'PostgreSQL',
  package: 'postgresql',
  user: 'postgres',
  init: 'initdb',
  server: 'postgres',
  endSignal: 'SIGQUIT',
  initArgs: (data) => ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'],
  serverArgs: (data, folder) => {
    const settings = ['listen_addresses=', 'fsync=off', 'full_page_writes=off', 'autovacuum=off', 'max_wal_size=4GB']
    return ['-D', data, '-k', folder, ...settings.flatMap((setting) => ['-c', setting])]
  },
  open: async (folder, { programs, signal }) =>
    await openPostgresqlLoader({ name: 'trial', connection: { host: folder, user: 'postgres' }, programs }, { signal }),
}

const mariadb: Engine = {
  name: 'MariaDB',
  package: 'mariadb-server',
  user: 'mysql',
  init: 'mariadb-install-db',
  server: 'mariadbd',
  endSignal: 'SIGKILL',
  initArgs: (data) => [
    '--no-defaults',
    `--datadir=${data}`,
    '--auth-root-authentication-method=normal',
    '--skip-test-db',
  ],
  // Events are made and do not run: one may reach for what it deletes or sends when it is loaded a second time.
  serverArgs: (data, folder) => [
    '--no-defaults',
    `--datadir=${data}`,
    `--socket=${socketOf(folder)}`,
    `--pid-file=${join(folder, 'pid')}`,
    '--skip-networking',
    '--event-scheduler=OFF',
    '--skip-log-bin',
    '--innodb-flush-log-at-trx-commit=0',
    '--innodb-doublewrite=0',
  ],
  open: async (folder, { programs, signal }) =>
    await openMysqlLoader(
      { name: 'trial', connection: { host: socketOf(folder), user: 'root' }, programs },
      { signal },
    ),
}

/** Until a new server answers, in milliseconds. */
const startPatience = 60_000
const startStep = 50

/** Starts an empty server. Throws DATABASE_TOOL_MISSING, DATABASE_SPACE_SHORT, DATABASE_TRIAL_IMPOSSIBLE. */
export async function startScratchServer(
  kind: 'postgresql' | 'mariadb',
  options: ScratchOptions,
): Promise<ScratchServer> {
  const engine = kind === 'postgresql' ? postgresql : mariadb
  const { workFolder = tmpdir(), signal } = options
  await checkRoom(workFolder, options.bytes)
  const [init, server] = [find(engine, engine.init, options.programs), find(engine, engine.server, options.programs)]
  const user = await serverUser(engine)
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await makePrivateFolder(user, workFolder))
  const data = join(folder.path, 'data')
  const made = await runProgram(
    { program: init, args: engine.initArgs(data), user },
    { timeout: startPatience, signal },
  )
  if (made.code !== 0) throw impossible(engine, tellingLine(made.stderr))
  const running = await startProgram(
    { program: server, args: engine.serverArgs(data, folder.path), user, endsWithUs: true },
    ['ignore', 'ignore'],
  )
  stack.defer(async () => {
    running.child.kill(engine.endSignal)
    await running.ended
  })
  const loader = stack.use(await untilOpen(engine, { folder: folder.path, running, options }))
  const kept = stack.move()
  return {
    loader,
    folder: async () => kept.use(await makePrivateFolder(user, folder.path)).path,
    [Symbol.asyncDispose]: async () => await kept.disposeAsync(),
  }
}

interface Starting {
  readonly folder: string
  readonly running: StartedProgram
  readonly options: ScratchOptions
}

async function untilOpen(engine: Engine, { folder, running, options }: Starting): Promise<Loader> {
  const { clock = systemClock, signal } = options
  for (const until = clock.monotonic() + startPatience; ;) {
    try {
      return await engine.open(folder, options)
    } catch (thrown) {
      signal?.throwIfAborted()
      if (running.child.exitCode !== null) throw impossible(engine, tellingLine((await running.ended).stderr))
      const isStarting = hasCode(thrown, 'DATABASE_SERVER_UNREACHABLE')
      if (!isStarting || clock.monotonic() > until) throw thrown
      await clock.sleep(startStep, { signal })
    }
  }
}

function find({ name, package: from }: Engine, program: string, programs: string | undefined): string {
  const found = findProgram([program], programFolders(programs).toReversed())
  if (found !== undefined) return found
  throw new DatabaseError('DATABASE_TOOL_MISSING', { program, engine: name, package: from })
}

async function serverUser({ user }: Engine): Promise<ProgramUser | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const idOf = async (flag: string) => {
    const { code, stdout } = await runProgram({ program: 'id', args: [flag, user] }, { timeout: 15_000 })
    return code === 0 ? Number(stdout) : nobody
  }
  return { uid: await idOf('-u'), gid: await idOf('-g') }
}

/** Who owns nothing, on every system that we know. */
const nobody = 65_534

/** What a new server takes, and how much more a database takes than its dump: indexes, and the log. */
const emptyServer = 256 << 20
const growth = 3

async function checkRoom(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder)
  const [needed, free] = [emptyServer + bytes * growth, bavail * bsize]
  if (free >= needed) return
  const words = { what: 'A trial', folder, needed: formatBytes(needed), free: formatBytes(free) }
  throw new DatabaseError('DATABASE_SPACE_SHORT', words)
}

function impossible({ name }: Engine, reason: string): DatabaseError {
  return new DatabaseError('DATABASE_TRIAL_IMPOSSIBLE', { database: `a ${name} database`, reason })
}
