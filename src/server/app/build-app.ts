import helmet from '@fastify/helmet'
import fastify, { LogController } from 'fastify'
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest, FastifyServerOptions } from 'fastify'
import { serverTimeHeader } from '#protocol'
import { answerFailure } from './answer-failure.ts'
import { callRoute } from './call-route.ts'
import { addConsole, isPageCall, sendStatic } from './console-files.ts'
import type { ConsoleFiles } from './console-files.ts'
import { AddressLimiter } from './limiter.ts'
import { Nonces } from './nonces.ts'
import { describeRoutes } from './openapi.ts'
import { addPages } from './pages.ts'
import { Rates } from './rates.ts'
import type { Route } from './route.ts'
import { eventsType } from './send-events.ts'
import type { Services } from './services.ts'
import { addSignIn } from './sign-in-door.ts'

export interface AppOptions {
  /** `key` and `cert` in PEM; without them plain HTTP, for 127.0.0.1 only. */
  readonly tls?: { readonly key: string; readonly cert: string } | undefined
  readonly logger?: FastifyServerOptions['logger']
  /** The repositories, for machines and stock restic; below `/repo`. */
  readonly endpoint?: FastifyPluginAsync | undefined
  /** The web console; without it there are only the few pages that need no build. */
  readonly consoleFiles?: ConsoleFiles | undefined
}

/** Bytes of a call's body at most; what machines send in bulk has ways of its own. */
const mostBody = 1 << 20
/** Milliseconds without a byte after which a connection ends. A whole upload may take much longer. */
const mostSilence = 120_000

/** What a page of the server may load and do: what lies on the server, nothing that stands in the page itself. */
const contentPolicy = {
  defaultSrc: ["'self'"],
  scriptSrc: ["'self'"],
  // Pictures in backups are shown from the page's own memory.
  imgSrc: ["'self'", 'blob:'],
  objectSrc: ["'none'"],
  baseUri: ["'none'"],
  formAction: ["'self'"],
  frameAncestors: ["'none'"],
}

/** Builds the server's app; it listens nowhere yet. */
export async function buildApp(
  routes: readonly Route[],
  services: Services,
  { tls, logger = false, endpoint, consoleFiles }: AppOptions = {},
): Promise<FastifyInstance> {
  const common = {
    logger,
    bodyLimit: mostBody,
    connectionTimeout: mostSilence,
    exposeHeadRoutes: false,
    logController: new LogController({ disableRequestLogging: true }),
  } as const
  const app = (
    tls ? fastify({ ...common, https: { ...tls, minVersion: 'TLSv1.2' } }) : fastify(common)
  ) as FastifyInstance
  await app.register(helmet, {
    contentSecurityPolicy: { useDefaults: false, directives: contentPolicy },
    frameguard: { action: 'deny' },
    hsts: tls ? { maxAge: 31_536_000 } : false,
  })
  takeBytes(app)
  app.addHook('onRequest', async (_, reply) => {
    reply.header(serverTimeHeader, String(services.clock.now()))
    reply.header('cache-control', 'no-store')
  })
  app.addHook('onResponse', async (request, reply) => noteAnswer(request, reply, services))
  app.setErrorHandler(async (error, request, reply) => await answerFailure(error, request, reply))
  app.setNotFoundHandler(async (request, reply) => {
    if (consoleFiles && isPageCall(request)) return await sendStatic(consoleFiles.index, request, reply)
    return await answerFailure(undefined, request, reply)
  })
  const [nonces, strangers] = [new Nonces(), new AddressLimiter(services.clock)]
  // Streams end with their reader; a server that stops would wait for ever.
  app.addHook('preClose', async () => await services.feed.end())
  const rates = new Rates(services.clock)
  for (const route of routes) {
    app.route({
      method: route.method,
      url: route.path,
      bodyLimit: route.mostBody ?? mostBody,
      handler: async (request, reply) => await callRoute(route, services, { request, reply, nonces, strangers, rates }),
    })
  }
  const description = describeRoutes(routes, services.origin)
  app.get('/api/openapi.json', async () => description)
  addSignIn(app, services)
  if (consoleFiles) addConsole(app, consoleFiles)
  else addPages(app)
  if (endpoint) await app.register(endpoint, { prefix: '/repo' })
  return app
}

/** For the metrics and the log: the route as it stands in the table, for what is called may hold what is secret. */
function noteAnswer(request: FastifyRequest, reply: FastifyReply, { metrics }: Services): void {
  const { method, routeOptions, log } = request
  const { statusCode: status, elapsedTime: milliseconds } = reply
  const route = routeOptions.url ?? 'unknown'
  // How long somebody watched says nothing of the server.
  if (reply.getHeader('content-type') !== eventsType) {
    metrics.noteCall({ method, route, status, seconds: milliseconds / 1000 })
  }
  log.info({ method, route, status, milliseconds: Math.round(milliseconds), number: request.id }, 'answered')
}

// Bodies are needed as they were sent: machines sign them.
function takeBytes(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_, body, done) => done(null, body))
}
