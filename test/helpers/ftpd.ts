import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort, listening, missingOpenssl } from './rest-server.ts'
import { descendants } from './sshd.ts'

const program = '/usr/sbin/pure-ftpd'
const userProgram = '/usr/bin/pure-pw'

/** For `skip`: an FTP server, put in place by `npm test`, which wants to be started by root. */
export function missingFtpd(): string | false {
  const absent = [program, userProgram].filter((path) => !existsSync(path))
  if (absent.length > 0) return `not on this machine: ${absent.join(', ')}`
  return missingOpenssl() || (process.getuid?.() !== 0 && 'pure-ftpd must be started by root')
}

export interface FtpdOptions {
  /** The folder that is served, and only that; everybody must be able to read it. */
  readonly path: string
  readonly user: string
  readonly password: string
  /** Nothing is served without TLS. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined
}

export interface Ftpd extends AsyncDisposable {
  readonly port: number
}

/** A real FTP server on a free port of this machine, with one user. */
export async function startFtpd({ path, user, password, tls }: FtpdOptions): Promise<Ftpd> {
  const folder = mkdtempSync(join(tmpdir(), 'understudy-ftpd-'))
  const [users, database] = [join(folder, 'users'), join(folder, 'users.pdb')]
  // Its own way to hash takes seconds for every connection.
  const hash = execFileSync('openssl', ['passwd', '-6', '-stdin'], { input: password, encoding: 'utf8' }).trim()
  writeFileSync(users, `${user}:${hash}:65534:65534::${path}/./${':'.repeat(12)}\n`)
  execFileSync(userProgram, ['mkdb', database, '-f', users])
  const port = await freePort()
  const server = spawn(
    program,
    [
      `--bind=127.0.0.1,${port}`,
      `--login=puredb:${database}`,
      `--pidfile=${join(folder, 'pid')}`,
      '--ipv4only',
      '--chrooteveryone',
      '--noanonymous',
      '--dontresolve',
      '--displaydotfiles',
      ...(tls ? ['--tls=2', `--certfile=${tls.cert},${tls.key}`] : ['--tls=0']),
    ],
    { stdio: 'ignore' },
  )
  await listening(server, port)
  return {
    port,
    async [Symbol.asyncDispose]() {
      const all = descendants(server.pid ?? 0)
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

export function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended by itself.
  }
}
