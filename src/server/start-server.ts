import { hostname } from 'node:os'
import { join, resolve } from 'node:path'
import type { FastifyServerOptions } from 'fastify'
import { messageOf, programFolder, systemClock } from '#base'
import type { Clock } from '#base'
import type { Target } from '#restorer'
import { buildApp } from './app/build-app.ts'
import { readConsole } from './app/console-files.ts'
import { createServices } from './app/create-services.ts'
import type { Services } from './app/services.ts'
import { ownCertificate, readCertificate } from './certificate.ts'
import type { Certificate } from './certificate.ts'
import { ServerError } from './errors.ts'
import { firstMachineLine } from './fleet/first-machine.ts'
import { originOf, parseListenAddress } from './listen-address.ts'
import type { ListenAddress } from './listen-address.ts'
import { closeOwnFolder } from './own-folder.ts'
import { createLocalAccess, writeLocalAccess } from './people/local-access.ts'
import { createOwnerLink } from './people/set-up-links.ts'
import { keepIndexed } from './reading/keep-indexed.ts'
import { openEndpoint, openOwnStorage, ownStorageFolder, storageFolderOf } from './repositories/own-storage.ts'
import { storageTrouble } from './repositories/look-for-storage.ts'
import { clearOwnLocks } from './retention/own-locks.ts'
import { openAuditSink, sendAuditRound } from './records/send-audit.ts'
import { routes } from './routes/index.ts'
import { bringBack, requireEmptyFolder, requireEmptyStore } from './rebuild/bring-back.ts'
import type { About } from './rebuild/bring-back.ts'
import { settle, startAnew } from './rebuild/rebuild.ts'
import type { RebuildReport } from './rebuild/rebuild.ts'
import { openSealer } from './secrets/sealer.ts'
import { migrate } from './store/migrate.ts'
import { openStore } from './store/store.ts'
import type { Store } from './store/store.ts'
import { serverJobs } from './work/jobs.ts'
import { rounds } from './work/rounds.ts'
import { doServerWork } from './work/server-work.ts'

/** Where `npm run build` puts the web console: beside the program, whether that runs from its source or as it was built. */
const builtConsole = join(programFolder, 'dist', 'console')

export interface ServerOptions {
  /** Where the server keeps what is its own: sealing key, certificate, and, if nothing else is said, its database. */
  readonly folder: string
  /** `postgres://…`, or the path of a SQLite file. Default: `control.db` in the folder. */
  readonly database?: string | undefined
  /** `HOST:PORT`. */
  readonly listen: string
  /** PEM files; without them an address that others can reach gets a certificate of the server's own making. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string } | undefined
  /** Where the machines' repositories lie: a location as `--repo` takes it. Default: a folder in the server's own. */
  readonly storage?: string | undefined
  /** Opens a folder of this machine to restore somebody's files into, for trial: without owners, devices and setuid bits. */
  readonly openTarget: (folder: string) => Target
  /** Bring a lost server back, into an empty folder and database. */
  readonly rebuild?: RebuildFrom | undefined
  /** Told of what goes wrong with what the server does by itself, a sentence each. */
  readonly onProblem?: ((sentence: string) => void) | undefined
  /** Private networks into which alerts may be sent: `192.168.10.0/24`. */
  readonly alertNetworks?: readonly string[] | undefined
  /** As people and machines reach the server, if that is not the address at which it listens. */
  readonly origin?: string | undefined
  /** Where the audit log is sent on to, so that who takes over the server cannot rewrite it: a file, or `https://…`. */
  readonly audit?: { readonly place: string; readonly token?: string | undefined } | undefined
  readonly logger?: FastifyServerOptions['logger']
  readonly clock?: Clock
  /** Of this program. */
  readonly version: string
}

export interface RebuildFrom {
  /** Where the server's own repository lies; without a password of it, where the machines' repositories lie. */
  readonly location: string
  /** Of the server's own repository; undefined: the server learns what it can from the machines' repositories alone. */
  readonly password: string | undefined
}

export interface RunningServer extends AsyncDisposable {
  readonly origin: string
  readonly fingerprint: string | undefined
  /** For the first owner; undefined when somebody is known already. */
  readonly ownerLink: string | undefined
  /**
   * An enrolment line for the machine that the server runs on; undefined when there are clients already. The folders are
   * what is to be backed up of it at first; none: what its agent finds there decides.
   */
  firstMachineLine(folders: readonly string[]): Promise<string | undefined>
  /** What a rebuild has brought back and what is missing, a sentence each; empty where there was none. */
  readonly rebuilt: RebuildReport
}

/**
 * Starts the control server: key → database and its schema → certificate → app → it listens. Throws `ServerError`s; what
 * was started until then is closed again.
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { folder, database = join(folder, 'control.db'), openTarget, logger = false, clock = systemClock } = options
  const address = parseListenAddress(options.listen)
  const startedAt = clock.now()
  const auditRounds = options.audit ? [sendAuditRound(openAuditSink(options.audit.place, options.audit))] : []
  if (await closeOwnFolder(folder)) options.onProblem?.(`Others could look into ${folder}; it is closed now.`)
  await using starting = new AsyncDisposableStack()
  const store = starting.use(await openStore(database))
  const about = await beginRebuild(store, { ...options, clock })
  const { steps, copy } = await migrate(store, { copyFolder: folder, clock })
  // A database that was there before has secrets that only its own key opens.
  const sealer = await openSealer(join(folder, 'sealing.key'), steps.length > 0 && copy === undefined)
  const certificate = await certificateFor(address, options, clock)
  const origin = options.origin ?? originOf(address, certificate !== undefined, hostname())
  const location = storageOf(options)
  const storage = starting.use(await openOwnStorage(folder, { store, location, clock }))
  const localAccess = createLocalAccess()
  const services = createServices(store, sealer, {
    storage,
    storageFolder: storageFolderOf(resolve(folder), location),
    folder: resolve(folder),
    openTarget,
    clock,
    origin,
    fingerprint: certificate?.fingerprint,
    localAccess,
    certificateEndsAt: certificate?.expiresAt,
    alertNetworks: options.alertNetworks,
    version: options.version,
  })
  starting.use(services.reading)
  // Before anybody can ask for anything.
  const rebuilt = await endRebuild(services, { ...options, about })
  const trouble = await storageTrouble(services)
  if (trouble !== undefined) options.onProblem?.(trouble)
  const consoleFiles = readConsole(builtConsole)
  const app = await buildApp(routes, services, {
    tls: certificate,
    logger,
    endpoint: openEndpoint(services),
    consoleFiles,
  })
  starting.defer(async () => await app.close())
  await app.listen({ host: address.host, port: address.port }).catch((cause: unknown) => {
    throw new ServerError('LISTEN_FAILED', { address: options.listen, reason: messageOf(cause), cause })
  })
  starting.use(await writeLocalAccess(folder, { localAccess, address, certificate, origin }))
  const ownerLink = await createOwnerLink(services)
  const ending = new AbortController()
  const { signal } = ending
  const { onProblem } = options
  const work = clearOwnLocks(services, { before: startedAt, onProblem, signal }).then(
    async () =>
      await doServerWork(services, { jobs: serverJobs, rounds: [...rounds, ...auditRounds], onProblem, signal }),
  )
  const indexing = keepIndexed(services, { onProblem, signal })
  starting.defer(async () => {
    ending.abort(new Error('the server stops'))
    await Promise.all([work, indexing])
  })
  const running = starting.move()
  return {
    origin,
    fingerprint: certificate?.fingerprint,
    ownerLink,
    rebuilt,
    firstMachineLine: async (folders) => await firstMachineLine(services, folders),
    [Symbol.asyncDispose]: async () => await running.disposeAsync(),
  }
}

/** Brings control data, key and certificate back; what the backup says of itself, or undefined where there is none. */
async function beginRebuild(
  store: Store,
  { rebuild, folder, clock }: ServerOptions & { readonly clock: Clock },
): Promise<About | undefined> {
  if (!rebuild) return undefined
  await requireEmptyStore(store)
  const { location, password } = rebuild
  if (password === undefined) await requireEmptyFolder(folder)
  return password === undefined ? undefined : await bringBack(store, { location, password, folder, clock })
}

async function endRebuild(
  services: Services,
  { rebuild, about }: ServerOptions & { readonly about: About | undefined },
): Promise<RebuildReport> {
  if (!rebuild) return []
  return about ? await settle(services, about) : await startAnew(services, rebuild.location)
}

/** A server that learns from repositories works with them where they lie. */
function storageOf({ storage, rebuild, folder }: ServerOptions): string | undefined {
  if (storage !== undefined || rebuild === undefined || rebuild.password !== undefined) return storage
  const isOwn = resolve(rebuild.location) === resolve(ownStorageFolder(folder))
  return isOwn ? undefined : rebuild.location
}

async function certificateFor(
  address: ListenAddress,
  { tls, folder }: ServerOptions,
  clock: Clock,
): Promise<Certificate | undefined> {
  if (tls) return await readCertificate(tls.certFile, tls.keyFile)
  if (address.isLocal) return undefined
  const isEverywhere = address.host === '0.0.0.0' || address.host === '::'
  return await ownCertificate(join(folder, 'tls'), isEverywhere ? hostname() : address.host, clock.now())
}
