import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { peer } from './peers.ts'

export interface RestServerOptions {
  /** User names and passwords; without them everybody may come in. */
  readonly users?: Readonly<Record<string, string>> | undefined
  readonly privateRepos?: boolean | undefined
  readonly appendOnly?: boolean | undefined
  readonly tls?: { readonly cert: string; readonly key: string } | undefined
  /** Most bytes that a repository may have. */
  readonly maxSize?: number | undefined
  /** Listen on this Unix socket. */
  readonly socket?: string | undefined
  /** Where its folder is made. Default: where temporary folders are. */
  readonly place?: string | undefined
}

export interface RestServer extends AsyncDisposable {
  readonly pid: number
  readonly port: number
  /** The folder that holds the repositories. */
  readonly folder: string
}

/** restic's own REST server, on a free port of this machine, with a folder that goes when the server goes. */
export async function startRestServer(options: RestServerOptions = {}): Promise<RestServer> {
  const base = mkdtempSync(join(options.place ?? tmpdir(), 'understudy-rest-'))
  const folder = join(base, 'repositories')
  mkdirSync(folder)
  const port = await freePort()
  const listen = options.socket === undefined ? `127.0.0.1:${port}` : `unix:${options.socket}`
  const server = spawn(peer('rest-server'), [...serverArguments(base, options), '--path', folder, '--listen', listen], {
    stdio: 'ignore',
  })
  await listening(server, options.socket ?? port)
  return {
    pid: server.pid ?? -1,
    port,
    folder,
    async [Symbol.asyncDispose]() {
      const ended = new Promise((resolve) => server.once('exit', resolve))
      if (server.exitCode === null) {
        server.kill('SIGKILL')
        await ended
      }
      rmSync(base, { recursive: true, force: true })
    },
  }
}

function serverArguments(base: string, options: RestServerOptions): string[] {
  const args: string[] = []
  if (options.users) args.push('--htpasswd-file', writeUsers(base, options.users))
  else args.push('--no-auth')
  if (options.privateRepos) args.push('--private-repos')
  if (options.appendOnly) args.push('--append-only')
  if (options.maxSize !== undefined) args.push('--max-size', String(options.maxSize))
  if (options.tls) args.push('--tls', '--tls-cert', options.tls.cert, '--tls-key', options.tls.key)
  return args
}

function writeUsers(base: string, users: Readonly<Record<string, string>>): string {
  const sha = (password: string) => createHash('sha1').update(password).digest('base64')
  const lines = Object.entries(users).map(([user, password]) => `${user}:{SHA}${sha(password)}\n`)
  const path = join(base, 'htpasswd')
  writeFileSync(path, lines.join(''), { mode: 0o600 })
  return path
}

/** A port of this machine that nobody listens on. */
export async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const { port } = probe.address() as { readonly port: number }
  await new Promise((resolve) => probe.close(resolve))
  return port
}

/** Resolves when the server takes connections. */
export async function listening(server: ChildProcess, where: number | string): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (server.exitCode !== null) throw new Error(`the server ended with code ${server.exitCode}`)
    if (await accepts(where)) return
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  throw new Error('the server does not answer')
}

function accepts(where: number | string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = typeof where === 'string' ? connect(where) : connect(where, '127.0.0.1')
    const answer = (reached: boolean) => {
      socket.destroy()
      resolve(reached)
    }
    socket.once('connect', () => answer(true)).once('error', () => answer(false))
  })
}

/** For `skip`: certificates are made by openssl. */
export function missingOpenssl(): string | false {
  return spawnSync('openssl', ['version']).status !== 0 && 'missing: openssl'
}

export interface Certificate {
  readonly cert: string
  readonly key: string
}

const caConfig = `[ca]
default_ca = here
[here]
database = index
serial = serial
new_certs_dir = .
default_md = sha256
policy = names
unique_subject = no
[names]
commonName = supplied
`

/** A certificate authority in a folder of its own, made by openssl, and what it signs. */
export class Authority {
  readonly cert: string
  readonly #folder: string
  readonly #key: string

  constructor(folder: string) {
    this.#folder = folder
    this.cert = join(folder, 'authority.crt')
    this.#key = join(folder, 'authority.key')
    writeFileSync(join(folder, 'config'), caConfig)
    writeFileSync(join(folder, 'index'), '')
    writeFileSync(join(folder, 'serial'), '01\n')
    this.#openssl('req', '-x509', ...newKey(this.#key), '-out', this.cert, '-subj', '/CN=Test authority', '-days', '2')
  }

  /** `host` as openssl writes alternative names: `IP:127.0.0.1`. */
  sign(name: string, { host, expired = false }: { readonly host: string; readonly expired?: boolean }): Certificate {
    const path = (end: string) => join(this.#folder, `${name}.${end}`)
    const [cert, key, request, extensions] = [path('crt'), path('key'), path('csr'), path('ext')]
    writeFileSync(extensions, `subjectAltName=${host}\n`)
    this.#openssl('req', '-new', ...newKey(key), '-out', request, '-subj', `/CN=${name}`)
    const validity = ['-startdate', '20200101000000Z', '-enddate', expired ? '20200201000000Z' : '20991231000000Z']
    const authority = ['-config', 'config', '-cert', this.cert, '-keyfile', this.#key]
    this.#openssl(
      'ca',
      '-batch',
      '-notext',
      ...authority,
      '-in',
      request,
      '-out',
      cert,
      '-extfile',
      extensions,
      ...validity,
    )
    return { cert, key }
  }

  #openssl(...args: readonly string[]): void {
    execFileSync('openssl', args, { cwd: this.#folder, stdio: ['ignore', 'ignore', 'pipe'] })
  }
}

function newKey(path: string): string[] {
  return ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', path]
}
