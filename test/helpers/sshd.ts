import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, connect } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'

const sshd = '/usr/sbin/sshd'

/** For `skip`: the server and the client of OpenSSH, put in place by `npm test`. */
export function missingSshd(): string | false {
  const absent = [sshd, '/usr/bin/ssh', '/usr/bin/ssh-keygen'].filter((path) => !existsSync(path))
  return absent.length > 0 && `not on this machine: ${absent.join(', ')}`
}

export interface SshdOptions {
  /** Lines for its configuration; for a word that it has already, the first line counts, and that is this one. */
  readonly config?: readonly string[] | undefined
  /** What the SFTP subsystem runs; false: there is none. */
  readonly subsystem?: string | false | undefined
}

export interface Sshd extends AsyncDisposable {
  readonly port: number
  /** A folder of its own, that holds everything and goes with the server. */
  readonly folder: string
  /** Words for ssh by which it comes in and trusts the server. The same in one string, for `-o sftp.args`. */
  readonly args: readonly string[]
  /** A file of known hosts for changes. */
  readonly knownHosts: string
  /** The private key that is let in. */
  readonly key: string
  /** A location in the server's folder, as it is written. */
  location(path: string): string
  /** Process ids of the connections: what sshd has started. */
  connections(): number[]
  signal(name: NodeJS.Signals, pids?: readonly number[]): void
}

/** OpenSSH's own server as an ordinary process of this user, on a free port, with keys and settings of its own. */
export async function startSshd({ config = [], subsystem = 'internal-sftp' }: SshdOptions = {}): Promise<Sshd> {
  const folder = mkdtempSync(join(tmpdir(), 'understudy-sshd-'))
  const path = (name: string) => join(folder, name)
  for (const name of ['host', 'user']) makeKey(path(name))
  const port = await freePort()
  const lines = [
    ...config,
    `ListenAddress 127.0.0.1:${port}`,
    `HostKey ${path('host')}`,
    `AuthorizedKeysFile ${path('user.pub')}`,
    `PidFile ${path('pid')}`,
    'StrictModes no',
    'UsePAM no',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'PermitRootLogin yes',
    'MaxStartups 100',
    ...(subsystem === false ? [] : [`Subsystem sftp ${subsystem}`]),
  ]
  writeFileSync(path('config'), `${lines.join('\n')}\n`)
  const knownHosts = path('known-hosts')
  writeFileSync(knownHosts, `[127.0.0.1]:${port} ${readFileSync(path('host.pub'), 'utf8')}`)
  const server = await serve(path('config'), port)
  const connections = () => descendants(server.pid ?? 0)
  return {
    port,
    folder,
    knownHosts,
    key: path('user'),
    args: ['-F', 'none', '-i', path('user'), '-o', `UserKnownHostsFile=${knownHosts}`, '-o', 'IdentitiesOnly=yes'],
    location: (name) => `sftp://${userInfo().username}@127.0.0.1:${port}/${join(folder, name)}`,
    connections,
    signal: (name, pids = connections()) => pids.forEach((pid) => process.kill(pid, name)),
    async [Symbol.asyncDispose]() {
      const all = connections()
      const ended = new Promise((resolve) => server.once('exit', resolve))
      if (server.exitCode === null) {
        server.kill('SIGKILL')
        await ended
      }
      for (const pid of all) killQuietly(pid)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function makeKey(path: string): void {
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'test', '-f', path])
}

/** Started by root it wants an empty folder at a fixed place. */
async function serve(config: string, port: number): Promise<ChildProcess> {
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 })
  const server = spawn(sshd, ['-D', '-e', '-f', config], { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  server.stderr.on('data', (chunk: Buffer) => (said += chunk.toString('utf8')))
  for (let tries = 0; tries < 200; tries++) {
    if (server.exitCode !== null) throw new Error(`sshd ended with code ${server.exitCode}: ${said}`)
    if (await accepts(port)) return server
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  throw new Error(`sshd does not answer: ${said}`)
}

/** All that a process has started, and what they have started. */
export function descendants(of: number): number[] {
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const stat = readQuietly(`/proc/${name}/stat`)
    parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]))
  }
  const found = [of]
  for (const parent of found) for (const [pid, above] of parents) if (above === parent) found.push(pid)
  return found.slice(1)
}

function readQuietly(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return '' // the process has ended
  }
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended by itself.
  }
}

async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const { port } = probe.address() as { readonly port: number }
  await new Promise((resolve) => probe.close(resolve))
  return port
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const answer = (reached: boolean) => {
      socket.destroy()
      resolve(reached)
    }
    socket.once('connect', () => answer(true)).once('error', () => answer(false))
  })
}
