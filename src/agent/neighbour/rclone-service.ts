import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { Agent } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { builtIn, messageOf } from '#base'
import type { Cancellable, Clock } from '#base'

import { knownHosts, remoteParameters } from './device.ts'
import type { NeighbourDevice } from './device.ts'
import { NeighbourError } from './errors.ts'
import { bareEnvironment } from './rclone-program.ts'

/**
 * rclone as a service of this process alone, on a Unix socket in a folder that only this user may enter. It is told of the
 * machine over that socket and keeps it in its memory: credentials are in no file, no argument and no environment.
 *
 * Its remote control could write, too. Nothing here asks it to: `operations/list`, `operations/stat` and `GET` are all that
 * is sent after the set-up (`source.ts`, `neighbour-fetch.ts`).
 */
export interface RcloneService extends AsyncDisposable {
  readonly socket: string
  /** Calls a method of its remote control. Throws RcloneRefusal with rclone's own words, or what the connection threw. */
  call(method: string, parameters: unknown, options?: Cancellable): Promise<unknown>
}

/** What rclone answers when it cannot do what it is asked. */
export class RcloneRefusal extends Error {
  override readonly name = 'RcloneRefusal'
  /** HTTP: 404 for what is not there. */
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** The machine as its files are read, and as it is with symlinks followed: what is only in the second is one. */
export const remotes = { plain: 'device', followed: 'device-followed' } as const

/** Longest answer, in bytes: some two million names in one folder. */
const longestAnswer = 512 << 20

interface RcloneServiceOptions extends Cancellable {
  readonly program: string
  readonly clock: Clock
  /** Milliseconds in which a connection must be made, and in which something must come. */
  readonly patience: number
}

/** Throws RCLONE_FAILED. */
export async function startRclone(device: NeighbourDevice, options: RcloneServiceOptions): Promise<RcloneService> {
  const folder = await mkdtemp(join(tmpdir(), 'understudy-neighbour-')) // mode 0700
  const stack = new AsyncDisposableStack()
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  try {
    const service = stack.use(await Service.start(folder, options))
    const knownHostsFile = join(folder, 'known-hosts')
    await writeFile(knownHostsFile, device.kind === 'sftp' ? knownHosts(device) : '', { mode: 0o600 })
    for (const [role, name] of Object.entries(remotes)) {
      const remote = remoteParameters(device, { knownHostsFile, followLinks: role === 'followed' })
      await service.call('config/create', { name, ...remote, opt: { obscure: true, nonInteractive: true } }, options)
    }
    const owned = stack.move()
    return {
      socket: service.socket,
      call: (method, parameters, more) => service.call(method, parameters, more),
      [Symbol.asyncDispose]: () => owned.disposeAsync(),
    }
  } catch (cause) {
    await stack.disposeAsync()
    options.signal?.throwIfAborted()
    throw new NeighbourError('RCLONE_FAILED', { device: device.name, reason: messageOf(cause), cause })
  }
}

class Service implements AsyncDisposable {
  readonly socket: string
  readonly #child: ChildProcess
  readonly #agent: Agent

  private constructor(socket: string, child: ChildProcess) {
    this.socket = socket
    this.#child = child
    this.#agent = new (builtIn('node:http').Agent)({ keepAlive: true, maxSockets: 64 })
  }

  static async start(folder: string, { program, clock, patience, signal }: RcloneServiceOptions): Promise<Service> {
    const socket = join(folder, 'rc')
    const seconds = `${Math.max(1, Math.ceil(patience / 1000))}s`
    // An empty name: rclone keeps its configuration in memory.
    const quiet = ['--config', '', '--cache-dir', join(folder, 'cache'), '--low-level-retries', '2', '--retries', '1']
    const limits = ['--contimeout', seconds, '--timeout', seconds]
    const serve = ['rcd', '--rc-addr', `unix://${socket}`, '--rc-no-auth', '--rc-serve']
    const child = spawn(program, [...serve, ...quiet, ...limits], {
      env: bareEnvironment(),
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const said = lastWords(child)
    const ended = once(child, 'exit').then(() => true)
    ended.catch(() => undefined) // looked at below, or it was a start that failed
    const service = new Service(socket, child)
    try {
      // The socket's file is there a moment before anybody listens.
      for (let waited = 0; !(await service.#listens()); waited += 20) {
        if (await Promise.race([ended, clock.sleep(20, { signal }).then(() => false)])) throw new Error(said())
        if (waited > patience) throw new Error('it does not open its socket')
      }
      return service
    } catch (cause) {
      await service[Symbol.asyncDispose]()
      throw cause
    }
  }

  async #listens(): Promise<boolean> {
    if (!existsSync(this.socket)) return false
    const connection = connect(this.socket)
    try {
      await once(connection, 'connect')
      return true
    } catch {
      return false
    } finally {
      connection.destroy()
    }
  }

  async call(method: string, parameters: unknown, { signal }: Cancellable = {}): Promise<unknown> {
    const body = Buffer.from(JSON.stringify(parameters))
    const headers = { 'content-type': 'application/json', 'content-length': body.length }
    const where = { socketPath: this.socket, path: `/${method}`, method: 'POST', headers, agent: this.#agent, signal }
    const request = builtIn('node:http').request(where).end(body)
    const [response] = (await once(request, 'response', { signal })) as [import('node:http').IncomingMessage]
    const chunks: Buffer[] = []
    let length = 0
    for await (const chunk of response as AsyncIterable<Buffer>) {
      length += chunk.length
      if (length > longestAnswer) throw new Error('the answer is too long')
      chunks.push(chunk)
    }
    const answer: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'))
    const status = response.statusCode ?? 0
    if (status !== 200) throw new RcloneRefusal(status, errorIn(answer))
    return answer
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#agent.destroy()
    const child = this.#child
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }
}

/** What a program printed last, bounded. */
function lastWords(child: ChildProcess): () => string {
  let said = ''
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => (said = (said + chunk).slice(-2000)))
  return () => said.trim().split('\n').at(-1) || 'it ended without a word'
}

function errorIn(answer: unknown): string {
  const error = typeof answer === 'object' && answer !== null && 'error' in answer ? answer.error : undefined
  return typeof error === 'string' ? error : 'it does not say why'
}
