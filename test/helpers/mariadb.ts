import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** A MariaDB server of its own in a folder that goes when it goes; it listens on a Unix socket only, and root is let in by it. */
export interface MariadbServer extends AsyncDisposable {
  readonly socket: string
  /** Runs SQL as root; gives what it prints, without headings. */
  sql(text: string): string
  /** Ends it as a power cut would. */
  kill(): Promise<void>
}

const programs = { server: '/usr/sbin/mariadbd', install: '/usr/bin/mariadb-install-db' }
const isRoot = process.getuid?.() === 0

/** For `node:test`'s `skip`. */
export function missingMariadb(): string | false {
  const isHere = isRoot && Object.values(programs).every((path) => existsSync(path))
  return !isHere && 'not on this machine: MariaDB, and root to run it as its own user'
}

export async function startMariadb(): Promise<MariadbServer> {
  const folder = mkdtempSync(join(tmpdir(), 'understudy-mariadb-'))
  const [uid, gid] = [idOf('-u'), idOf('-g')]
  chownSync(folder, uid, gid)
  const data = join(folder, 'data')
  const socket = join(folder, 'socket')
  const init = [
    '--no-defaults',
    '--user=mysql',
    `--datadir=${data}`,
    '--skip-test-db',
    '--auth-root-authentication-method=socket',
  ]
  const installed = spawnSync(programs.install, init, { encoding: 'utf8', cwd: folder })
  if (installed.status !== 0) throw new Error(`mariadb-install-db failed: ${installed.stdout}${installed.stderr}`)
  const options = ['--no-defaults', '--user=mysql', `--datadir=${data}`, `--socket=${socket}`, '--skip-networking']
  const fast = ['--innodb-flush-log-at-trx-commit=0', '--innodb-buffer-pool-size=16M', '--sync-frm=0']
  const server = spawn(programs.server, [...options, ...fast], { stdio: 'ignore', cwd: folder })
  const sql = (text: string) => {
    const args = ['--no-defaults', '-S', socket, '-N', '-B', '-r']
    const { status, stdout, stderr } = spawnSync('mariadb', args, { input: text, encoding: 'utf8', maxBuffer: 1 << 28 })
    if (status !== 0) throw new Error(stderr)
    return stdout.trim()
  }
  const kill = async () => {
    if (server.exitCode !== null || server.signalCode !== null) return
    const ended = once(server, 'exit')
    server.kill('SIGKILL')
    await ended
  }
  for (let tries = 0; ; tries++) {
    try {
      sql('select 1')
      break
    } catch (thrown) {
      if (tries > 400 || server.exitCode !== null) throw thrown
      await sleep(50)
    }
  }
  return {
    socket,
    sql,
    kill,
    async [Symbol.asyncDispose]() {
      await kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function idOf(flag: '-u' | '-g'): number {
  return Number(spawnSync('id', [flag, 'mysql'], { encoding: 'utf8' }).stdout)
}
