import { createHash, createPublicKey, verify } from 'node:crypto'
import { parseMachineSignature, rights, signatureWindow, signedText } from '#protocol'
import type { MachineSignature } from '#protocol'
import { findMachineOfScript } from '../fleet/without-agent.ts'
import { rolesOf } from '../people/grants.ts'
import { findToken } from '../people/tokens.ts'
import type { Caller, MachineCaller } from './caller.ts'
import type { Nonces } from './nonces.ts'
import { localCaller } from '../people/local-access.ts'
import type { Services } from './services.ts'

/** A call as it came in, as far as it matters for who made it. */
export interface Call {
  readonly method: string
  /** Path and query, as sent. */
  readonly target: string
  readonly headers: Headers
  readonly body: Uint8Array
  readonly address: string
}

/** The person who makes a call, by session cookie or API token; undefined: nobody that is known. */
export async function identifyPerson(call: Call, services: Services): Promise<Caller | undefined> {
  const authorization = call.headers.get('authorization')
  if (authorization !== null) return await byToken(authorization, call, services)
  if (!call.headers.has('cookie')) return undefined
  const session = await services.signIn.sessionOf(call.headers)
  if (!session) return undefined
  const { personId, since, id, endsAt } = session
  return {
    personId,
    actor: { who: `person:${personId}`, fromWhere: call.address },
    grants: { roles: await rolesOf(services.store.db, personId) },
    signedInAt: since,
    proof: { kind: 'session', id, endsAt },
  }
}

/** The machine without our agent whose script makes a call; undefined: none. */
export async function identifyScript(call: Call, services: Services): Promise<MachineCaller | undefined> {
  const machine = await findMachineOfScript(services, tokenIn(call.headers.get('authorization') ?? ''))
  if (!machine) return undefined
  const actor = { who: `machine:${machine.id}`, fromWhere: call.address }
  return { machineId: machine.id, clientId: machine.clientId, actor }
}

function tokenIn(authorization: string): string {
  return /^Bearer ([A-Za-z0-9_-]{10,200})$/.exec(authorization)?.[1] ?? ''
}

async function byToken(authorization: string, call: Call, services: Services): Promise<Caller | undefined> {
  const token = tokenIn(authorization)
  if (services.localAccess?.isSecret(token)) return localCaller(call.address)
  const { db } = services.store
  const found = await findToken(db, token, services.clock.now())
  if (!found) return undefined
  const { id, personId, scopes, expiresAt } = found
  return {
    personId,
    actor: { who: `person:${personId} token:${id}`, fromWhere: call.address },
    grants: { roles: await rolesOf(db, personId), atMost: new Set(rights.filter((right) => scopes.includes(right))) },
    signedInAt: undefined,
    mayDestroy: scopes.includes('destroy'),
    proof: { kind: 'token', id, endsAt: expiresAt },
  }
}

/** The approved machine that makes a call; undefined when it does not prove that it is one. */
export async function identifyMachine(
  call: Call,
  services: Services,
  nonces: Nonces,
): Promise<MachineCaller | undefined> {
  const signature = parseMachineSignature(call.headers.get('authorization') ?? '')
  if (!signature || Math.abs(services.clock.now() - signature.time) > signatureWindow) return undefined
  const machine = await services.store.db
    .selectFrom('machines')
    .select(['id', 'clientId', 'publicKey'])
    .where('id', '=', signature.machineId)
    .where('state', '=', 'approved')
    .executeTakeFirst()
  if (!machine || machine.publicKey === null) return undefined
  if (!isSignedBy(machine.publicKey, signature, call)) return undefined
  // Only what is truly signed takes room there.
  if (!nonces.isNew(`${machine.id} ${signature.nonce}`, services.clock.now())) return undefined
  const actor = { who: `machine:${machine.id}`, fromWhere: call.address }
  return { machineId: machine.id, clientId: machine.clientId, actor }
}

/** Whether a call is signed with the private half of a key (SPKI in base64). */
export function isSignedBy(
  publicKey: string,
  signature: MachineSignature,
  call: Omit<Call, 'headers' | 'address'>,
): boolean {
  const bodyHash = createHash('sha256').update(call.body).digest('hex')
  const text = signedText(signature, { method: call.method, target: call.target, bodyHash })
  const key = createPublicKey({ key: Buffer.from(publicKey, 'base64'), format: 'der', type: 'spki' })
  return verify(null, Buffer.from(text), key, Buffer.from(signature.signature, 'base64url'))
}
