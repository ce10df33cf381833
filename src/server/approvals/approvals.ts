import { randomUUID } from 'node:crypto'
import type { Kysely, Transaction } from 'kysely'
import type { Caller } from '../app/caller.ts'
import type { Services } from '../app/services.ts'
import { ServerError } from '../errors.ts'
import { noteEvents } from '../events/note-events.ts'
import { requireFreshProof } from '../people/fresh-proof.ts'
import type { Actor } from '../records/audit.ts'
import type { Row, Tables } from '../store/tables.ts'
import type { ApprovalAction } from './action.ts'
import { ApprovalError } from './errors.ts'
import { hasSecondPerson, knownSince } from './people.ts'
import { readSafety } from './settings.ts'

/**
 * Approvals: what removes backups, or lets them be removed, waits for a second person, or, where there is none, for a delay
 * in which everybody has heard of it. Who asks can never allow; anybody who operates the client can withdraw; each is carried
 * out once, in the transaction that says so.
 */

const hour = 3_600_000
const day = 24 * hour

/** Who asks in the server's own name: it needs a person, any. */
export const serverAsks = 'server'

export const serverActor: Actor = { who: 'server', fromWhere: 'server' }

type Asker = Caller | typeof serverAsks

interface Wanted<Details> {
  readonly clientId: string | null
  readonly details: Details
  readonly by: Asker
}

/**
 * Asks for something. The same that waits already is not asked for twice. With a client that may have been attacked nothing
 * can be asked for but what says that it may. Throws `APPROVAL_CLIENT_ATTACKED`, `PERSON_NEEDED`, `PROOF_NEEDED`.
 */
export async function askApproval<Details>(
  services: Services,
  action: ApprovalAction<Details>,
  { clientId, details, by }: Wanted<Details>,
): Promise<Row<'approvals'>> {
  const { store, clock } = services
  // Whoever works as the server's own user has a name of his own, too: by that he could allow what he asked for as nobody.
  if (by !== serverAsks && by.isLocal === true) throw new ServerError('PERSON_NEEDED')
  if (by !== serverAsks) requireFreshProof(services, by)
  const askedBy = by === serverAsks ? serverAsks : by.personId
  const { delayHours, approvalDays } = await readSafety(store.db)
  const now = clock.now()
  return await store.db.transaction().execute(async (transaction) => {
    if (action.inAttack !== true) await refuseAttacked(transaction, clientId)
    const about = { clientId, action: action.name, details: JSON.stringify(details) }
    const same = await findWaiting(transaction, about, now)
    if (same) return same
    const delay = delayHours * hour
    const other = { askedBy, knownBefore: now - delay }
    const needsDelay = by !== serverAsks && !(await hasSecondPerson(transaction, clientId, other))
    const notBefore = now + (needsDelay ? delay : approvalDays * day)
    // Where there is no moment at which it happens by itself, that moment is its end.
    const expiresAt = notBefore + (needsDelay ? approvalDays * day : 0)
    const undecided = { decidedBy: null, decidedAt: null, state: 'waiting' }
    const approval = await transaction
      .insertInto('approvals')
      .values({ id: randomUUID(), ...about, askedBy, askedAt: now, notBefore, expiresAt, ...undecided })
      .returningAll()
      .executeTakeFirstOrThrow()
    await tell(services, approval, { transaction, actor: by === serverAsks ? serverActor : by.actor, verb: 'ask' })
    return approval
  })
}

/** Whether it happens by itself after its delay; else only when a person allows it. */
export function happensByItself({ notBefore, expiresAt }: Row<'approvals'>): boolean {
  return notBefore < expiresAt
}

/**
 * Notes that a person allows what another has asked for; `carryOut` then does it. Throws `PROOF_NEEDED`, `APPROVAL_OWN`,
 * `APPROVAL_PERSON_NEW`, `STATE_WRONG`.
 */
export async function allowApproval(services: Services, id: string, caller: Caller): Promise<Row<'approvals'>> {
  const { store, clock } = services
  const { askedBy } = await store.db
    .selectFrom('approvals')
    .select('askedBy')
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
  if (askedBy === caller.personId) throw new ApprovalError('APPROVAL_OWN')
  const now = clock.now()
  requireFreshProof(services, caller)
  const { delayHours } = await readSafety(store.db)
  // What the server itself asks for is a question to whoever is there, and there may be nobody else.
  const isNew = now - (await knownSince(store.db, caller.personId)) < delayHours * hour
  if (isNew && askedBy !== serverAsks) throw new ApprovalError('APPROVAL_PERSON_NEW', { hours: delayHours })
  return await decide(services, id, { state: 'allowed', caller })
}

/** Ends it without its being done. Throws `STATE_WRONG`. */
export async function endApproval(
  services: Services,
  id: string,
  { state, caller }: { readonly state: 'refused' | 'withdrawn'; readonly caller: Caller },
): Promise<Row<'approvals'>> {
  return await decide(services, id, { state, caller })
}

const verbs = { allowed: 'allow', refused: 'refuse', withdrawn: 'withdraw' } as const

async function decide(
  services: Services,
  id: string,
  { state, caller }: { readonly state: keyof typeof verbs; readonly caller: Caller },
): Promise<Row<'approvals'>> {
  const { store, clock } = services
  const now = clock.now()
  return await store.db.transaction().execute(async (transaction) => {
    const decided = await transaction
      .updateTable('approvals')
      .set({ state, decidedBy: caller.personId, decidedAt: now })
      .where('id', '=', id)
      .where('state', '=', 'waiting')
      .where('expiresAt', '>', now)
      .returningAll()
      .executeTakeFirst()
    if (!decided) throw new ServerError('STATE_WRONG', { what: 'approval', state: 'decided or expired' })
    await tell(services, decided, { transaction, actor: caller.actor, verb: verbs[state] })
    return decided
  })
}

/** Withdraws everything that waits for a client: nothing that was asked for before an attack may be done in it. */
export async function withdrawAllOf(
  services: Services,
  clientId: string,
  { transaction, actor }: { readonly transaction: Transaction<Tables>; readonly actor: Actor },
): Promise<void> {
  const withdrawn = await transaction
    .updateTable('approvals')
    .set({ state: 'withdrawn', decidedAt: services.clock.now(), decidedBy: actor.who })
    .where('clientId', '=', clientId)
    .where('state', 'in', ['waiting', 'allowed'])
    .returningAll()
    .execute()
  for (const approval of withdrawn) await tell(services, approval, { transaction, actor, verb: 'withdraw' })
}

interface Told {
  readonly transaction: Transaction<Tables>
  readonly actor: Actor
  readonly verb: 'ask' | 'allow' | 'refuse' | 'withdraw' | 'expire' | 'done' | 'fail'
  readonly reason?: string
}

/** The notice to everyone: in the audit log, and as an event for whoever watches or is to be written to. */
export async function tell(
  { audit, clock }: Services,
  { id, clientId, action }: Row<'approvals'>,
  { transaction, actor, verb, reason }: Told,
): Promise<void> {
  const details = { id, action, ...(reason !== undefined && { reason }) }
  await audit.write({ actor, what: `approval.${verb}`, clientId, details }, transaction)
  await noteEvents(transaction, [{ kind: 'approval', subject: id, clientId }], clock)
}

async function findWaiting(
  db: Kysely<Tables>,
  { clientId, action, details }: Pick<Row<'approvals'>, 'clientId' | 'action' | 'details'>,
  now: number,
): Promise<Row<'approvals'> | undefined> {
  return await db
    .selectFrom('approvals')
    .selectAll()
    .where('clientId', clientId === null ? 'is' : '=', clientId)
    .where('action', '=', action)
    .where('details', '=', details)
    .where('state', '=', 'waiting')
    .where('expiresAt', '>', now)
    .executeTakeFirst()
}

/** Throws `APPROVAL_CLIENT_ATTACKED`. */
export async function refuseAttacked(db: Kysely<Tables>, clientId: string | null): Promise<void> {
  if (clientId === null) return
  const client = await db.selectFrom('clients').select('state').where('id', '=', clientId).executeTakeFirst()
  if (client?.state === 'attacked') throw new ApprovalError('APPROVAL_CLIENT_ATTACKED')
}
