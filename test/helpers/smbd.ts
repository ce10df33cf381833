import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { killQuietly } from './ftpd.ts'
import { freePort, listening } from './rest-server.ts'
import { descendants } from './sshd.ts'

/** For `skip`: Samba's server, put in place by `npm test`, which wants to be started by root. */
export function missingSmbd(): string | false {
  const absent = ['smbd', 'smbpasswd'].filter((name) => find(name) === undefined)
  if (absent.length > 0) return `not on this machine: ${absent.join(', ')}`
  return process.getuid?.() !== 0 && 'smbd must be started by root'
}

export interface Smbd extends AsyncDisposable {
  readonly port: number
  /** A folder of its own, that holds everything and goes with the server. */
  readonly folder: string
  readonly user: string
}

/** Samba on a free port of this machine, with one share, for this user with this password. */
export async function startSmbd(share: string, path: string, password: string): Promise<Smbd> {
  const folder = mkdtempSync(join(tmpdir(), 'understudy-smbd-'))
  const port = await freePort()
  const user = userInfo().username
  const folders = ['private', 'lock', 'state', 'cache', 'pid', 'ncalrpc']
  for (const name of folders) mkdirSync(join(folder, name))
  const config = join(folder, 'smb.conf')
  const lines = [
    '[global]',
    'interfaces = 127.0.0.1',
    'bind interfaces only = yes',
    `smb ports = ${port}`,
    'server role = standalone',
    `passdb backend = tdbsam:${join(folder, 'passdb.tdb')}`,
    'private dir = ' + join(folder, 'private'),
    ...folders.slice(1, -1).map((name) => `${name} directory = ${join(folder, name)}`),
    `ncalrpc dir = ${join(folder, 'ncalrpc')}`,
    'disable spoolss = yes',
    // They would outlive the server.
    'rpc start on demand helpers = no',
    `[${share}]`,
    `path = ${path}`,
    'read only = yes',
  ]
  writeFileSync(config, `${lines.join('\n')}\n`)
  execFileSync(find('smbpasswd') as string, ['-c', config, '-a', '-s', user], {
    input: `${password}\n${password}\n`,
    stdio: ['pipe', 'ignore', 'pipe'],
  })
  const server = spawn(find('smbd') as string, ['--foreground', '--no-process-group', '-s', config, '-l', folder], {
    stdio: 'ignore',
  })
  await listening(server, port)
  return { port, folder, user, [Symbol.asyncDispose]: () => stop(server, folder) }
}

async function stop(server: ChildProcess, folder: string): Promise<void> {
  const all = descendants(server.pid ?? 0)
  const ended = new Promise((resolve) => server.once('exit', resolve))
  if (server.exitCode === null) {
    server.kill('SIGKILL')
    await ended
  }
  for (const pid of all) killQuietly(pid)
  rmSync(folder, { recursive: true, force: true })
}

function find(name: string): string | undefined {
  return ['/usr/sbin', '/usr/bin'].map((folder) => join(folder, name)).find((path) => existsSync(path))
}
