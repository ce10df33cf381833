import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, globSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'

/** A PostgreSQL server of its own in a folder that goes when it goes; it listens on a Unix socket only. */
export interface PostgresServer extends AsyncDisposable {
  /** `postgres://…` of a database. */
  location(database?: string): string
  /** A new, empty database. */
  createDatabase(name: string): Promise<string>
  /** Ends it as a power cut would. */
  kill(): Promise<void>
  start(): Promise<void>
}

const programs = globSync('/usr/lib/postgresql/*/bin').toSorted().at(-1)
const isRoot = process.getuid?.() === 0

/** For `node:test`'s `skip`. */
export function missingPostgres(): string | false {
  return programs === undefined && 'not on this machine: PostgreSQL'
}

export async function startPostgres(): Promise<PostgresServer> {
  const folder = mkdtempSync(join(tmpdir(), 'understudy-pg-'))
  const data = join(folder, 'data')
  chmodSync(folder, 0o755)
  if (isRoot) chownSync(folder, idOf('-u'), idOf('-g'))
  const initialised = asPostgres('initdb', ['-D', data, '-A', 'trust', '-U', 'postgres', '--no-sync'])
  if (initialised.status !== 0) throw new Error(`initdb failed: ${initialised.stderr}`)
  let running = await startServer(folder, data)
  const location = (database = 'postgres') =>
    `postgres://postgres@localhost/${database}?host=${encodeURIComponent(folder)}`
  const kill = async () => {
    const { process: server } = running
    if (server.exitCode !== null || server.signalCode !== null) return
    const ended = once(server, 'exit')
    // Its children are told by their parent's end.
    process.kill(server.pid as number, 'SIGQUIT')
    await ended
  }
  return {
    location,
    kill,
    async createDatabase(name) {
      await query(location(), `create database "${name}"`)
      return location(name)
    },
    async start() {
      running = await startServer(folder, data)
    },
    async [Symbol.asyncDispose]() {
      await kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function startServer(folder: string, data: string) {
  const options = ['-D', data, '-k', folder, '-c', 'listen_addresses=', '-c', 'fsync=off']
  const server = spawn(...commandOf('postgres', options), { stdio: ['ignore', 'ignore', 'pipe'] })
  server.stderr.resume()
  const location = `postgres://postgres@localhost/postgres?host=${encodeURIComponent(folder)}`
  for (let tries = 0; ; tries++) {
    try {
      await query(location, 'select 1')
      return { process: server }
    } catch (thrown) {
      if (tries > 200 || server.exitCode !== null) throw thrown
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}

async function query(connectionString: string, text: string): Promise<void> {
  const connection = new pg.Client({ connectionString })
  try {
    await connection.connect()
    await connection.query(text)
  } finally {
    await connection.end().catch(() => undefined)
  }
}

// PostgreSQL refuses to run as root; its Debian package brings a user for it.
function commandOf(program: string, args: readonly string[]): [string, string[]] {
  if (programs === undefined) throw new Error('PostgreSQL is not on this machine: a test asks `missingPostgres` first.')
  const path = join(programs, program)
  if (!isRoot) return [path, [...args]]
  return ['setpriv', ['--reuid', 'postgres', '--regid', 'postgres', '--clear-groups', path, ...args]]
}

function asPostgres(program: string, args: readonly string[]) {
  const [command, all] = commandOf(program, args)
  return spawnSync(command, all, { encoding: 'utf8', cwd: tmpdir() })
}

function idOf(flag: '-u' | '-g'): number {
  return Number(spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' }).stdout)
}
