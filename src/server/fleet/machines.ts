import { createPublicKey, randomBytes, randomUUID, verify } from 'node:crypto'
import { agentUpdateSchema, enrolmentText, machineSchema } from '#protocol'
import type { enrolSchema } from '#protocol'
import { z } from 'zod'
import type { Services } from '../app/services.ts'
import { ServerError } from '../errors.ts'
import { noteEvents } from '../events/note-events.ts'
import type { Change } from '../events/note-events.ts'
import { hashOf } from '../people/tokens.ts'
import type { Row, Tables } from '../store/tables.ts'
import type { Transaction } from 'kysely'
import { formatMoment, formatMomentOrNull } from '../time.ts'
import { readTwo } from './agent-runs.ts'
import { noteOwnMachine } from './own-machine.ts'

/** Machines: how they become known, and what is known of them. */

export interface NewEnrolmentLine {
  readonly clientId: string
  readonly machineKind: string
  readonly machines: number
  readonly expiresAt: number
  /** The machines need nobody's approval. */
  readonly approves: boolean
  /** The machine whose place the one that uses it takes. */
  readonly replaces?: string
}

/** Makes an enrolment line; returns the secret that it carries. */
export async function createEnrolmentLine({ store, clock }: Services, about: NewEnrolmentLine): Promise<string> {
  const secret = randomBytes(24).toString('base64url')
  const { clientId, machineKind, machines, expiresAt, approves, replaces = null } = about
  await store.db
    .insertInto('enrolmentLines')
    .values({
      id: randomUUID(),
      clientId,
      hash: hashOf(secret),
      machineKind,
      usesLeft: machines,
      approves: approves ? 1 : 0,
      createdAt: clock.now(),
      expiresAt,
      replaces,
    })
    .execute()
  return secret
}

/** What is typed on a machine: address, secret, and the fingerprint of the certificate where it is the server's own. */
export function enrolmentLineOf({ origin, fingerprint }: Services, secret: string): string {
  return `${origin}/#${secret}${fingerprint === undefined ? '' : `.${fingerprint}`}`
}

type Enrolment = z.output<typeof enrolSchema>

/**
 * Makes a machine known by an enrolment line. A machine that asks again with the same key gets the same answer: its first
 * may have been lost on the way. Throws `ENROLMENT_LINE_INVALID`.
 */
export async function enrolMachine(services: Services, enrolment: Enrolment): Promise<Row<'machines'>> {
  const { store, clock } = services
  const { secret, publicKey, proof } = enrolment
  if (!hasKey(publicKey, secret, proof)) throw new ServerError('ENROLMENT_LINE_INVALID')
  return await store.db.transaction().execute(async (transaction) => {
    const line = await transaction
      .selectFrom('enrolmentLines')
      .selectAll()
      .where('hash', '=', hashOf(secret))
      .where('expiresAt', '>', clock.now())
      .executeTakeFirst()
    if (!line) throw new ServerError('ENROLMENT_LINE_INVALID')
    const known = await transaction
      .selectFrom('machines')
      .selectAll()
      .where('publicKey', '=', publicKey)
      .where('clientId', '=', line.clientId)
      .executeTakeFirst()
    if (known) return known
    // The condition is asked again as it is written: of many who use the last place at once one gets it.
    const { numUpdatedRows } = await transaction
      .updateTable('enrolmentLines')
      .set((row) => ({ usesLeft: row('usesLeft', '-', 1) }))
      .where('id', '=', line.id)
      .where('usesLeft', '>', 0)
      .executeTakeFirst()
    if (numUpdatedRows === 0n) throw new ServerError('ENROLMENT_LINE_INVALID')
    const enrolled =
      line.replaces === null
        ? await addMachine(transaction, { line, enrolment, now: clock.now() })
        : await takePlace(transaction, line.replaces, enrolment)
    // Only the line for the machine that the server runs on approves by itself.
    if (line.replaces === null && line.approves === 1) {
      await noteOwnMachine(services, { id: enrolled.id, hostName: enrolment.about.hostname }, transaction)
    }
    await noteEvents(transaction, [changeOf(enrolled)], clock)
    return enrolled
  })
}

interface Added {
  readonly line: Row<'enrolmentLines'>
  readonly enrolment: Enrolment
  readonly now: number
}

async function addMachine(
  transaction: Transaction<Tables>,
  { line, enrolment: { publicKey, about }, now }: Added,
): Promise<Row<'machines'>> {
  return await transaction
    .insertInto('machines')
    .values({
      id: randomUUID(),
      clientId: line.clientId,
      name: about.hostname,
      kind: line.machineKind,
      publicKey,
      state: line.approves === 1 ? 'approved' : 'waiting',
      about: JSON.stringify(about),
      createdAt: now,
      lastSeenAt: now,
      awayUntil: null,
      clockAheadMs: null,
      discovery: null,
    })
    .returningAll()
    .executeTakeFirstOrThrow()
}

/**
 * Gives a machine that was lost another key: what it was (its name, policies, repository and history) goes on with whoever has
 * that one, after an approval. The key before it is revoked already. Throws `ENROLMENT_LINE_INVALID`.
 */
async function takePlace(
  transaction: Transaction<Tables>,
  id: string,
  { publicKey, about }: Enrolment,
): Promise<Row<'machines'>> {
  const machine = await transaction
    .updateTable('machines')
    .set({ publicKey, state: 'waiting', about: JSON.stringify(about), handover: 1 })
    .where('id', '=', id)
    .where('state', '=', 'revoked')
    .returningAll()
    .executeTakeFirst()
  if (!machine) throw new ServerError('ENROLMENT_LINE_INVALID')
  return machine
}

function hasKey(publicKey: string, secret: string, proof: string): boolean {
  try {
    const key = createPublicKey({ key: Buffer.from(publicKey, 'base64'), format: 'der', type: 'spki' })
    return (
      key.asymmetricKeyType === 'ed25519' &&
      verify(null, Buffer.from(enrolmentText(secret)), key, Buffer.from(proof, 'base64url'))
    )
  } catch {
    return false
  }
}

/** Changes a machine's state if it is what the caller thinks. Throws `STATE_WRONG`. */
export async function changeMachineState(
  { store, clock }: Services,
  id: string,
  from: readonly string[],
  state: 'approved' | 'revoked',
): Promise<Row<'machines'>> {
  const changed = await store.db
    .updateTable('machines')
    .set({ state })
    .where('id', '=', id)
    .where('state', 'in', from)
    .returningAll()
    .executeTakeFirst()
  if (changed) {
    await noteEvents(store.db, [changeOf(changed)], clock)
    return changed
  }
  const machine = await store.db.selectFrom('machines').select('state').where('id', '=', id).executeTakeFirst()
  throw new ServerError('STATE_WRONG', { what: 'machine', state: machine?.state ?? 'gone' })
}

/** What is kept of what a machine's agent said, and of what the server thought of it. */
const saidSchema = z.object({ update: agentUpdateSchema.nullable().default(null) })
/** Machines say twice a minute that they are there: after so many milliseconds one has been silent. */
const silence = 5 * 60_000

/** The machine has said that it is there. */
export async function noteSeen(
  { store, clock }: Services,
  id: string,
  { about, clockAheadMs }: { readonly about: object; readonly clockAheadMs: number },
): Promise<void> {
  const { db } = store
  const now = clock.now()
  const seen = { lastSeenAt: now, about: JSON.stringify(about), clockAheadMs }
  const returned = await db
    .updateTable('machines')
    .set({ ...seen, heardSince: now })
    .where('id', '=', id)
    .where((where) => where.or([where('heardSince', 'is', null), where('lastSeenAt', '<', now - silence)]))
    .returning(['id', 'clientId'])
    .executeTakeFirst()
  if (returned) return await noteEvents(db, [changeOf(returned)], clock)
  await db.updateTable('machines').set(seen).where('id', '=', id).execute()
}

/** Changes what people say of a machine. */
export async function changeMachine(
  { store, clock }: Services,
  id: string,
  changes: { readonly name?: string; readonly awayUntil?: number | null },
): Promise<Row<'machines'>> {
  return await store.db.transaction().execute(async (transaction) => {
    const machine = await transaction
      .updateTable('machines')
      .set(changes)
      .where('id', '=', id)
      .returningAll()
      .executeTakeFirstOrThrow()
    await noteEvents(transaction, [changeOf(machine)], clock)
    return machine
  })
}

function changeOf({ id, clientId }: Pick<Row<'machines'>, 'id' | 'clientId'>): Change {
  return { kind: 'machine', subject: id, clientId }
}

export function showMachine(machine: Row<'machines'>): z.input<typeof machineSchema> {
  const { id, clientId, name, kind, state, publicKey, about, createdAt, lastSeenAt, awayUntil, clockAheadMs } = machine
  const said: unknown = JSON.parse(about)
  const two = readTwo(machine.usedByTwo)
  return {
    id,
    clientId,
    name,
    kind: machineSchema.shape.kind.parse(kind),
    state: machineSchema.shape.state.parse(state),
    hasAgent: publicKey !== null,
    about: machineSchema.shape.about.parse(said),
    update: saidSchema.parse(said).update,
    createdAt: formatMoment(createdAt),
    lastSeenAt: formatMomentOrNull(lastSeenAt),
    awayUntil: formatMomentOrNull(awayUntil),
    clockAhead: clockAheadMs === null ? null : clockAheadMs / 1000,
    usedByTwo: two ? { ...two, since: formatMoment(two.since) } : null,
  }
}
