import { request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { hash } from 'node:crypto'
import fastify, { type FastifyInstance } from 'fastify'
import type { FileRef, FileType } from '../../src/backend/index.ts'
import {
  type Credential,
  type EndpointOptions,
  type EndpointStorage,
  FolderStorage,
  type FolderStorageOptions,
  type Refusal,
  RepositoryEndpoint,
  type StoredFile,
  type Transfer,
} from '../../src/server/endpoint/index.ts'
import { lockOwnersIn } from './endpoint-store.ts'
import { tempFolder } from './temp.ts'

/** An endpoint on a free port, with what its hooks were told. */
export interface RunningEndpoint extends AsyncDisposable {
  readonly app: FastifyInstance
  readonly endpoint: RepositoryEndpoint
  readonly storage: EndpointStorage
  /** The folder below which everything lies. */
  readonly folder: string
  readonly port: number
  readonly stored: StoredFile[]
  readonly refusals: Refusal[]
  readonly transfers: Transfer[]
  /** By user name; a test may change them. */
  readonly credentials: Map<string, Credential & { readonly password: string }>
  /** For restic and our own program. */
  location(user?: string): string
  send(path: string, options?: SendOptions): Promise<Answered>
}

export interface StartOptions extends Partial<EndpointOptions> {
  readonly folderStorage?: FolderStorageOptions
  readonly openStorage?: (folder: string) => Promise<EndpointStorage>
}

export interface SendOptions {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
  /** Whose credential. Default: the machine `anna`. */
  readonly user?: string
  readonly password?: string
}

export interface Answered {
  readonly status: number
  readonly phrase: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
  /** Of our errors. */
  readonly code: string | undefined
}

/** With the machines `anna` and `bert`, each with a repository of its name. */
export async function startEndpoint(options: StartOptions = {}): Promise<RunningEndpoint> {
  const folder = await tempFolder()
  const { folderStorage, openStorage, ...given } = options
  const storage = await (openStorage?.(folder.path) ??
    FolderStorage.open(folder.join('repositories'), { keepFree: 0, ...folderStorage }))
  const credentials: RunningEndpoint['credentials'] = new Map(
    ['anna', 'bert'].map((name) => [name, { repository: name, machine: `${name}'s`, password: `${name}:pass` }]),
  )
  const [stored, refusals, transfers] = [[] as StoredFile[], [] as Refusal[], [] as Transfer[]]
  const endpoint = new RepositoryEndpoint({
    storage,
    lockOwners: await lockOwnersIn(folder.path),
    authenticate: async (user, password) => {
      const credential = credentials.get(user)
      return credential?.password === password ? credential : undefined
    },
    onStored: async (file) => void stored.push(file),
    onRefused: (refusal) => void refusals.push(refusal),
    onTransfer: (transfer) => void transfers.push(transfer),
    ...given,
  })
  const app = fastify({ forceCloseConnections: true })
  await app.register(endpoint.plugin, { prefix: '/repo' })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  return {
    app,
    endpoint,
    storage,
    folder: folder.path,
    port,
    stored,
    refusals,
    transfers,
    credentials,
    location: (user = 'anna') =>
      `rest:http://${user}:${encodeURIComponent(`${user}:pass`)}@127.0.0.1:${port}/repo/${user}/`,
    send: (path, send) => sendTo(port, path, send),
    async [Symbol.asyncDispose]() {
      await app.close()
      await storage[Symbol.asyncDispose]()
      await folder[Symbol.asyncDispose]()
    },
  }
}

export function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}

/** The path is sent as it is, not normalised. */
function sendTo(port: number, path: string, options: SendOptions = {}): Promise<Answered> {
  const { method = 'GET', headers = {}, body, user = 'anna', password = `${user}:pass` } = options
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      host: '127.0.0.1',
      port,
      path,
      method,
      agent: false,
      headers: { authorization: basic(user, password), ...headers },
    })
    request.once('error', reject)
    request.once('response', (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.once('error', reject)
      response.once('end', () => {
        const answer = Buffer.concat(chunks)
        const { statusCode = 0, statusMessage = '' } = response
        resolve({
          status: statusCode,
          phrase: statusMessage,
          headers: response.headers,
          body: answer,
          code: codeIn(answer),
        })
      })
    })
    request.end(body)
  })
}

function codeIn(body: Buffer): string | undefined {
  try {
    return (JSON.parse(body.toString('utf8')) as { readonly code?: string }).code
  } catch {
    return undefined
  }
}

/** The file that holds `bytes`. */
export function fileNamed(type: FileType, bytes: Uint8Array): FileRef {
  return { type, name: type === 'config' ? '' : hash('sha256', bytes, 'hex') }
}

const folders = { config: '', key: 'keys', lock: 'locks', snapshot: 'snapshots', index: 'index', pack: 'data' }

/** Its path at the endpoint. */
export function pathOf({ type, name }: FileRef, repository = 'anna'): string {
  return type === 'config' ? `/repo/${repository}/config` : `/repo/${repository}/${folders[type]}/${name}`
}
