import type { IncomingMessage } from 'node:http'
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { type Clock, hasCode, printable, systemClock } from '#base'
import { BackendError, type FileRef, fileTypes } from '#backend'
import { announcedLength, bodyOf, discardRest } from './body.ts'
import { type Credential, parseBasic } from './credential.ts'
import { type Answer, answerFile, answerListing, answerSize } from './downloads.ts'
import { EndpointError, type EndpointErrorCode, statusOf } from './errors.ts'
import type { EndpointHooks, RefusalKind } from './hooks.ts'
import type { LockOwners } from './lock-owners.ts'
import { parseEndpointPath, type Target } from './path.ts'
import type { EndpointStorage } from './storage.ts'
import { type UploadLimits, Uploads } from './uploads.ts'
import { Usage } from './usage.ts'
import { WrongCredentials } from './wrong-credentials.ts'

export interface EndpointOptions extends EndpointHooks {
  readonly storage: EndpointStorage
  readonly lockOwners: LockOwners
  /** What a user name and a password stand for; undefined when they are wrong. Must take the same time for every wrong one. */
  readonly authenticate: (user: string, password: string) => Promise<Credential | undefined>
  readonly limits?: Partial<EndpointLimits> | undefined
  readonly clock?: Clock | undefined
}

export interface EndpointLimits extends UploadLimits {
  /** Milliseconds without a byte moving after which a connection is ended. */
  readonly stall: number
  /** Milliseconds after which what a repository uses is counted anew. */
  readonly recountAfter: number
}

const defaultLimits: EndpointLimits = {
  largest: 256 << 20,
  most: 1000,
  mostOfOne: 64,
  stall: 5 * 60_000,
  recountAfter: 6 * 60 * 60_000,
}

/** Characters of the reason phrase: the only words of an answer that restic shows. */
const longestPhrase = 200
/** Seconds after which to come again. */
const retryAfter: Partial<Record<EndpointErrorCode, number>> = {
  ENDPOINT_TOO_MANY_UPLOADS: 5,
  ENDPOINT_SPOOL_FULL: 10,
  ENDPOINT_STORAGE_FAILED: 15,
}

interface Visit {
  readonly request: FastifyRequest
  readonly account: string
  readonly credential: Credential
}

/**
 * The server's repositories over restic's REST protocol (restic: doc/REST_backend.rst): a machine adds to its own repository and
 * reads it; it replaces nothing, and deletes nothing but its own locks.
 *
 * @example app.register(new RepositoryEndpoint({ storage, lockOwners, authenticate }).plugin, { prefix: '/repo' })
 */
export class RepositoryEndpoint {
  readonly #options: EndpointOptions
  readonly #limits: EndpointLimits
  readonly #clock: Clock
  readonly #wrong: WrongCredentials
  readonly #usage: Usage
  readonly #uploads: Uploads

  constructor(options: EndpointOptions) {
    const { storage, clock = systemClock } = options
    this.#options = options
    this.#limits = { ...defaultLimits, ...options.limits }
    this.#clock = clock
    this.#wrong = new WrongCredentials(clock)
    const count = (repository: string) => countBytes(storage, repository)
    this.#usage = new Usage({ count, clock, recountAfter: this.#limits.recountAfter })
    this.#uploads = new Uploads({
      ...options,
      onStored: options.onStored,
      usage: this.#usage,
      clock,
      limits: this.#limits,
    })
  }

  /** For Fastify, under a prefix without a slash at its end. */
  readonly plugin: FastifyPluginAsync = async (app) => {
    // Bodies are taken from the connection as they come; nothing is parsed.
    app.removeAllContentTypeParsers()
    app.addContentTypeParser('*', (_request, _payload, done) => done(null))
    app.setErrorHandler((error, request, reply) => this.#answerError(error, { request, reply }))
    app.all('/*', (request, reply) => this.#answer(request, { reply, prefix: `${app.prefix}/` }))
  }

  /** Whoever has deleted files of a repository past the endpoint (retention, prune) says so, for its quota. */
  recount(repository: string): void {
    this.#usage.forget(repository)
  }

  async #answer(
    request: FastifyRequest,
    { reply, prefix }: { readonly reply: FastifyReply; readonly prefix: string },
  ): Promise<FastifyReply> {
    const visit = await this.#authenticate(request)
    const [path = '', query] = (request.raw.url ?? '').split('?', 2)
    const parsed = path.startsWith(prefix) ? parseEndpointPath(path.slice(prefix.length)) : undefined
    if (!parsed) throw new EndpointError('ENDPOINT_PATH_UNKNOWN')
    if (parsed.repository !== visit.credential.repository) {
      this.#refuse(visit, 'foreign repository')
      throw new EndpointError('ENDPOINT_REPOSITORY_FOREIGN')
    }
    const { status, headers, body } = await this.#dispatch(visit, { target: parsed.target, query })
    if (body) this.#watch(request.raw)
    return reply.code(status).headers(headers).send(body)
  }

  async #authenticate(request: FastifyRequest): Promise<Visit> {
    const login = parseBasic(request.headers.authorization)
    if (!login) throw new EndpointError('ENDPOINT_CREDENTIAL_MISSING')
    const attempt = { address: request.ip, account: login.user }
    const wait = this.#wrong.wait(attempt)
    if (wait > 0) throw new EndpointError('ENDPOINT_LOCKED_OUT', { seconds: Math.ceil(wait / 1000) })
    const credential = await this.#options.authenticate(login.user, login.password)
    if (!credential) {
      this.#wrong.failed(attempt)
      this.#options.onRefused?.({ kind: 'wrong credential', ...attempt, at: this.#clock.now() })
      throw new EndpointError('ENDPOINT_CREDENTIAL_WRONG')
    }
    this.#wrong.succeeded(attempt)
    const visit = { request, account: login.user, credential }
    if (credential.state === 'closed') {
      this.#refuse(visit, 'not open')
      throw new EndpointError('ENDPOINT_REPOSITORY_CLOSED', { reason: credential.reason ?? 'it takes no requests' })
    }
    return visit
  }

  #dispatch(visit: Visit, { target, query }: { readonly target: Target; readonly query: string | undefined }) {
    const { method } = visit.request
    const isRead = method === 'GET' || method === 'HEAD'
    if (method === 'DELETE') return this.#delete(visit, target)
    if (method === 'POST' && target.kind === 'file') return this.#upload(visit, target.file)
    if (method === 'POST' && target.kind === 'repository' && query === 'create=true') return this.#create(visit)
    if (isRead && target.kind === 'file') return this.#read(visit, target.file)
    if (method === 'GET' && target.kind === 'listing') {
      const { accept } = visit.request.headers
      const { repository } = visit.credential
      return answerListing(this.#options.storage, { repository, type: target.type, accept })
    }
    throw new EndpointError('ENDPOINT_METHOD_UNKNOWN')
  }

  async #create(visit: Visit): Promise<Answer> {
    this.#checkOpen(visit)
    await this.#options.storage.create(visit.credential.repository)
    return done
  }

  async #read({ request, credential }: Visit, file: FileRef): Promise<Answer> {
    const { repository, machine } = credential
    const { range, 'if-range': condition } = request.headers
    const { storage, onTransfer } = this.#options
    // Files never change, but we give no validators either: a condition on one is not met, and the whole is sent.
    const usable = condition === undefined ? range : undefined
    let bytes = 0
    const sent = (more: number) => (bytes += more)
    const read = { repository, file, range: usable, sent }
    if (request.method === 'HEAD') return answerSize(storage, read)
    const answer = await answerFile(storage, read)
    answer.body?.once('close', () => onTransfer?.({ repository, machine, received: 0, sent: bytes }))
    return answer
  }

  async #upload(visit: Visit, file: FileRef): Promise<Answer> {
    const { request, credential } = visit
    const { repository, machine } = credential
    if (file.type !== 'lock') this.#checkOpen(visit)
    let received = 0
    this.#watch(request.raw)
    const body = bodyOf(request.raw, (bytes) => (received += bytes))
    const length = announcedLength(request.raw)
    const refuse = (kind: RefusalKind) => this.#refuse(visit, kind, file)
    try {
      await this.#uploads.take({ credential, file, body, length, received: () => received, refuse })
      return done
    } finally {
      this.#options.onTransfer?.({ repository, machine, received, sent: 0 })
    }
  }

  async #delete(visit: Visit, target: Target): Promise<Answer> {
    const { storage, lockOwners } = this.#options
    const { repository, machine } = visit.credential
    if (target.kind !== 'file' || target.file.type !== 'lock') {
      const file = target.kind === 'file' ? target.file : undefined
      this.#refuse(visit, 'delete', file)
      throw new EndpointError('ENDPOINT_DELETE_REFUSED', { type: file?.type ?? 'repository', name: file?.name ?? '' })
    }
    const { file } = target
    const size = await storage.size(repository, file)
    if (size === undefined) return done // the answer to an earlier try was lost
    if ((await lockOwners.ownerOf(repository, file.name)) !== machine) {
      this.#refuse(visit, 'delete foreign lock', file)
      throw new EndpointError('ENDPOINT_LOCK_FOREIGN', { name: file.name })
    }
    await storage.delete(repository, file)
    this.#usage.release(repository, size)
    await lockOwners.forget(repository, file.name)
    return done
  }

  #checkOpen(visit: Visit): void {
    const { state = 'open', reason = 'it is read-only' } = visit.credential
    if (state === 'open') return
    this.#refuse(visit, 'not open')
    throw new EndpointError('ENDPOINT_REPOSITORY_READ_ONLY', { reason })
  }

  #refuse({ request, account, credential }: Visit, kind: RefusalKind, file?: FileRef): void {
    const { repository, machine } = credential
    const at = this.#clock.now()
    this.#options.onRefused?.({ kind, address: request.ip, account, repository, machine, ...file, at })
  }

  /** Ends the connection when no byte moves for long. Only while the other side has something to do. */
  #watch(raw: IncomingMessage): void {
    raw.setTimeout(this.#limits.stall)
  }

  async #answerError(
    thrown: unknown,
    { request, reply }: { readonly request: FastifyRequest; readonly reply: FastifyReply },
  ): Promise<FastifyReply> {
    const error = endpointErrorFor(thrown)
    const code = error.code as EndpointErrorCode
    const status = statusOf[code]
    if (status >= 500) request.log.error({ err: thrown }, error.message)
    if (!request.raw.complete) {
      this.#watch(request.raw)
      discardRest(request.raw)
    }
    const seconds = retryAfter[code] ?? error.details['seconds']
    if (typeof seconds === 'number') reply.header('retry-after', String(seconds))
    if (status === 401) reply.header('www-authenticate', 'Basic realm="repository", charset="UTF-8"')
    if (status === 405) reply.header('allow', 'GET, HEAD, POST, DELETE')
    if (status === 416) reply.header('content-range', `bytes */${String(error.details['size'])}`)
    reply.raw.statusMessage = phrase(error.message)
    return reply.code(status).send({ code, message: error.message, hint: error.hint })
  }
}

const done: Answer = { status: 200, headers: {} }

/** What the machine hears. Where the storage lies, and what exactly is wrong with it, it does not. */
function endpointErrorFor(thrown: unknown): EndpointError {
  if (thrown instanceof EndpointError) return thrown
  if (thrown instanceof BackendError && hasCode(thrown, 'STORAGE_FULL')) {
    return new EndpointError('ENDPOINT_STORAGE_FULL', { cause: thrown })
  }
  if (isRefusedByFastify(thrown)) return new EndpointError('ENDPOINT_REQUEST_MALFORMED', { cause: thrown })
  return new EndpointError('ENDPOINT_STORAGE_FAILED', { cause: thrown })
}

/** Its content type cannot be read, for example. */
function isRefusedByFastify(thrown: unknown): boolean {
  return thrown instanceof Error && 'statusCode' in thrown && Number(thrown.statusCode) < 500
}

function phrase(message: string): string {
  return printable(message, longestPhrase).replace(/[^\x20-\x7e]/g, '?')
}

/** What a repository has in the storage, in bytes. */
export async function countBytes(storage: EndpointStorage, repository: string): Promise<number> {
  let bytes = 0
  for (const type of fileTypes) for await (const { size } of storage.list(repository, type)) bytes += size
  return bytes
}
