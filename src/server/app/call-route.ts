import type { FastifyReply, FastifyRequest } from 'fastify'
import { readWith } from '#protocol'
import type { ShapeMistake } from '#protocol'
import type { z } from 'zod'
import { ServerError } from '../errors.ts'
import { requireFreshProof } from '../people/fresh-proof.ts'
import { requireSecondFactor } from '../people/second-factor-demand.ts'
import { may } from './caller.ts'
import type { Caller, MachineCaller } from './caller.ts'
import { FileAnswer, sendFile } from './file-answer.ts'
import { refuseOtherProtocols } from './agent-protocol.ts'
import { identifyMachine, identifyPerson, identifyScript } from './identify.ts'
import type { Call } from './identify.ts'
import type { AddressLimiter } from './limiter.ts'
import type { Nonces } from './nonces.ts'
import type { Rates } from './rates.ts'
import type { Access, Asked, Route } from './route.ts'
import { clientOf } from './scopes.ts'
import { sendEvents } from './send-events.ts'
import type { Streamed } from './send-events.ts'
import type { Services } from './services.ts'

export interface Exchange {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly nonces: Nonces
  /** Of calls that anybody may make: who guesses at links and lines is slowed down. */
  readonly strangers: AddressLimiter
  readonly rates: Rates
}

/** A call from door to door: who asks → with which right → for what → the handler → what it answers is as declared. */
export async function callRoute(route: Route, services: Services, exchange: Exchange): Promise<unknown> {
  const { request, reply, nonces, strangers, rates } = exchange
  const call = callOf(request)
  refuseForeignPages(call, services)
  const params = check(route.params, request.params, 'path')
  const caller = await allow(route, { call, params: request.params, services, nonces })
  await refuseOtherProtocols(call, caller, services)
  const query = check(route.query, request.query, 'query')
  const body = check(route.body, route.body && parseBody(call.body), 'body')
  await countRate(route, caller, { services, rates })
  const signal = abortedWith(reply)
  const asked: Asked<unknown, unknown, unknown, unknown> = {
    params,
    query,
    body,
    caller,
    address: call.address,
    signal,
    lastEventId: call.headers.get('last-event-id') ?? undefined,
  }
  const answer = await handle(route, asked, { services, strangers })
  if (route.sends === 'events') {
    return await sendEvents(reply, answer as AsyncGenerator<Streamed<unknown>>, route.answer)
  }
  if (route.sends === 'text') reply.type(textType)
  // Strips what is not declared: a column that is added later does not leave the server by accident.
  const shown = route.answer.parse(answer)
  return shown instanceof FileAnswer ? sendFile(shown, reply) : shown
}

async function countRate(
  { rate }: Route,
  caller: Caller | MachineCaller | undefined,
  { services, rates }: { readonly services: Services; readonly rates: Rates },
): Promise<void> {
  if (!rate || !caller) return
  const who = 'machineId' in caller ? caller.machineId : caller.personId
  const clientId = 'machineId' in caller ? caller.clientId : null
  const note = { actor: caller.actor, what: 'rate.exceeded', clientId, details: { rate } }
  await rates.take(rate, who, async () => void (await services.audit.write(note)))
}

async function handle(
  route: Route,
  asked: Asked<unknown, unknown, unknown, unknown>,
  { services, strangers }: { readonly services: Services; readonly strangers: AddressLimiter },
): Promise<unknown> {
  if (route.access.by !== 'anybody' || route.method === 'GET') return await route.handle(asked, services)
  return await strangers.attempt({ address: asked.address }, async () => await route.handle(asked, services))
}

/** As Prometheus reads it: https://prometheus.io/docs/instrumenting/exposition_formats/. */
const textType = 'text/plain; version=0.0.4; charset=utf-8'

function callOf({ method, url, headers, body, ip }: FastifyRequest): Call {
  const known = new Headers()
  for (const [name, value] of Object.entries(headers)) if (typeof value === 'string') known.set(name, value)
  return { method, target: url, headers: known, body: (body as Buffer | undefined) ?? new Uint8Array(), address: ip }
}

// A browser says from which page a call comes; who has no browser has no cookie that another page could use.
function refuseForeignPages({ method, headers }: Call, { origin }: Services): void {
  if (method === 'GET') return
  const from = headers.get('origin')
  const site = headers.get('sec-fetch-site')
  if ((from !== null && from !== origin) || (site !== null && site !== 'same-origin' && site !== 'none')) {
    throw new ServerError('ORIGIN_REFUSED')
  }
}

interface Door {
  readonly call: Call
  readonly params: unknown
  readonly services: Services
  readonly nonces: Nonces
}

async function allow(route: Route, door: Door): Promise<Caller | MachineCaller | undefined> {
  const { access } = route
  const { call, services, nonces } = door
  if (access.by === 'machine' || access.by === 'script') {
    const machine = await (access.by === 'script'
      ? identifyScript(call, services)
      : identifyMachine(call, services, nonces))
    if (!machine) throw new ServerError('SIGN_IN_NEEDED')
    return machine
  }
  const caller = await identifyPerson(call, services)
  if (access.by === 'anybody') return caller
  if (!caller) throw new ServerError('SIGN_IN_NEEDED')
  requireNamedPerson(route, caller)
  if (!route.beforeSecondFactor) await requireSecondFactor(services, caller)
  if (access.by === 'person') await requireRight(caller, access, door)
  if (route.bySession && caller.signedInAt === undefined) throw new ServerError('SIGN_IN_NEEDED')
  if (route.fresh) requireFreshProof(services, caller)
  return caller
}

// What is about oneself, and what a second person must agree to, has no meaning for local access: that is nobody.
function requireNamedPerson({ access, method }: Route, { isLocal }: Caller): void {
  const isApproving = access.by === 'person' && access.of === 'approval' && method !== 'GET'
  if (isLocal && (access.by === 'somebody' || isApproving)) throw new ServerError('PERSON_NEEDED')
}

async function requireRight(
  { grants }: Caller,
  { right, of }: Extract<Access, { by: 'person' }>,
  { params, services }: Door,
): Promise<void> {
  if (of === 'each') return // the handler shows only what the caller may see
  if (of === 'server') {
    if (!may(grants, right, '*')) throw new ServerError('RIGHT_MISSING', { right })
    return
  }
  const id = (params as Record<string, string>)[of] as string
  const clientId = await clientOf(services.store.db, of, id)
  // Whether it is not there or not to be seen is not told to who may not see it.
  if (clientId === undefined || !may(grants, 'see', clientId ?? '*')) throw new ServerError('NOT_FOUND', { what: of })
  if (!may(grants, right, clientId ?? '*')) throw new ServerError('RIGHT_MISSING', { right })
}

function check(schema: z.ZodType | undefined, value: unknown, part: string): unknown {
  if (!schema) return undefined
  const read = readWith(schema, value)
  if (!read.mistakes) return read.value
  throw new ServerError('INPUT_INVALID', { part, reason: read.mistakes.map(inWords).join('; ') })
}

function inWords({ at, sentence }: ShapeMistake): string {
  return (at === '' ? '' : `"${at}": `) + sentence.replace(/\.$/, '')
}

function parseBody(bytes: Uint8Array): unknown {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return JSON.parse(text, (key, value: unknown) => {
      if (key === '__proto__') throw new SyntaxError('a key that is not allowed')
      return value
    })
  } catch {
    throw new ServerError('INPUT_INVALID', { part: 'body', reason: 'it is not JSON' })
  }
}

function abortedWith({ raw }: FastifyReply): AbortSignal {
  const controller = new AbortController()
  raw.once('close', () => {
    if (!raw.writableEnded) controller.abort(new Error('the caller has gone'))
  })
  return controller.signal
}
