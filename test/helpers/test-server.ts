import type { FastifyInstance } from 'fastify'
import { tokenScopes } from '#protocol'
import type { Protocols, Role, TokenScope } from '#protocol'
import { buildApp } from '../../src/server/app/build-app.ts'
import type { AppOptions } from '../../src/server/app/build-app.ts'
import { createServices } from '../../src/server/app/create-services.ts'
import type { Route } from '../../src/server/app/route.ts'
import type { Services } from '../../src/server/app/services.ts'
import { grantRole } from '../../src/server/people/grants.ts'
import { createToken } from '../../src/server/people/tokens.ts'
import { openOwnStorage, storageFolderOf } from '../../src/server/repositories/own-storage.ts'
import { routes } from '../../src/server/routes/index.ts'
import { openSealer } from '../../src/server/secrets/sealer.ts'
import { migrate } from '../../src/server/store/migrate.ts'
import type { Store } from '../../src/server/store/store.ts'
import { SettableClock } from './settable-clock.ts'
import { Stream } from './stream.ts'
import { openMigrated, storeKinds } from './stores.ts'
import { openTrialTarget } from './trial-target.ts'
import type { OpenedStore, StoreKind } from './stores.ts'

/** A control server for tests: the whole app, over a database of its own, without a port. */
export class TestServer implements AsyncDisposable {
  readonly app: FastifyInstance
  readonly services: Services
  readonly clock: SettableClock
  readonly #opened: OpenedStore
  #people = 0

  private constructor(app: FastifyInstance, services: Services, clock: SettableClock, opened: OpenedStore) {
    this.app = app
    this.services = services
    this.clock = clock
    this.#opened = opened
  }

  static async open(
    kind: StoreKind = storeKinds[0] as StoreKind,
    {
      more = [],
      logger = false,
      version = '0',
      protocols,
    }: {
      readonly more?: readonly Route[]
      readonly logger?: AppOptions['logger']
      readonly version?: string
      readonly protocols?: Protocols
    } = {},
  ): Promise<TestServer> {
    const opened = await openMigrated(kind)
    const clock = new SettableClock()
    const sealer = await openSealer(`${opened.folder}/server.key`, true)
    const origin = 'http://localhost:8484'
    const { store, folder } = opened
    const storage = await openOwnStorage(folder, { store, clock })
    const storageFolder = storageFolderOf(folder, undefined)
    const places = { storage, storageFolder, folder, openTarget: openTrialTarget }
    const versions = { version, ...(protocols && { protocols }) }
    const services = createServices(store, sealer, { ...places, clock, origin, fingerprint: undefined, ...versions })
    return new TestServer(await buildApp([...routes, ...more], services, { logger }), services, clock, opened)
  }

  /** The services of a server over other control data, which is brought to the newest schema. */
  static async servicesOver(store: Store, services: Services): Promise<Services> {
    await migrate(store, { copyFolder: services.folder })
    return createServices(store, services.sealer, services)
  }

  /** Answers at a port of this machine, until what is returned is disposed of. */
  async listen(port: number): Promise<Listening> {
    const app = await buildApp(routes, this.services)
    await app.listen({ host: '127.0.0.1', port })
    return {
      watch: async (path, headers) => await Stream.open(`http://127.0.0.1:${port}${path}`, headers),
      [Symbol.asyncDispose]: async () => {
        app.server.closeAllConnections()
        await app.close()
      },
    }
  }

  /** A person with these roles, by client; returns the id. */
  async person(roles: Readonly<Record<string, Role>>): Promise<string> {
    const email = `person${++this.#people}@example.org`
    const id = await this.services.signIn.createPerson({ email, name: email, password: 'correct horse battery' })
    for (const [clientId, role] of Object.entries(roles))
      await grantRole(this.services.store.db, { personId: id, clientId, role })
    return id
  }

  /** The header of a token of a person. */
  async tokenOf(
    personId: string,
    scopes: readonly TokenScope[] = tokenScopes,
  ): Promise<Readonly<Record<string, string>>> {
    const about = { personId, name: 'test', scopes, expiresAt: null }
    const { token } = await createToken(this.services.store.db, about, this.clock.now())
    return { authorization: `Bearer ${token}` }
  }

  /** Calls the API; the answer, and its JSON if it is that, whatever the status. */
  async call(
    method: string,
    url: string,
    { headers = {}, body }: { readonly headers?: Readonly<Record<string, string>>; readonly body?: unknown } = {},
  ): Promise<{ readonly status: number; readonly json: unknown; readonly text: string }> {
    const {
      statusCode,
      payload,
      headers: answered,
    } = await this.app.inject({
      method: method as 'GET',
      url,
      headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { payload: JSON.stringify(body) }),
    })
    const isJson = String(answered['content-type']).startsWith('application/json')
    return { status: statusCode, text: payload, json: isJson ? JSON.parse(payload) : undefined }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.app.close()
    await this.services.reading[Symbol.asyncDispose]()
    await this.services.storage[Symbol.asyncDispose]()
    await this.#opened[Symbol.asyncDispose]()
  }
}

export interface Listening extends AsyncDisposable {
  /** Reads a stream of events. */
  watch(path: string, headers: Readonly<Record<string, string>>): Promise<Stream>
}
