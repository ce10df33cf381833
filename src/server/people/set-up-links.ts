import { randomBytes } from 'node:crypto'
import { everyClient } from '#protocol'
import type { Role } from '#protocol'
import { ServerError } from '../errors.ts'
import type { Services } from '../app/services.ts'
import { grantRole } from './grants.ts'
import { renewPerson } from './renew-person.ts'
import type { Reset } from './renew-person.ts'
import { hashOf } from './tokens.ts'

/** Links that work once, by which a person gets in for the first time. */

export interface Invitation {
  /** Who may use it; undefined: whoever has the link. */
  readonly email?: string
  readonly grants: readonly { readonly clientId: string; readonly role: Role }[]
}

const dayLength = 86_400_000

/** How long a link holds, in milliseconds. */
const holdsFor = { owner: dayLength, invitation: 7 * dayLength, reset: dayLength } as const

/** A link for the first owner, where nobody is known yet. Every start makes a new one; those before it are worth nothing. */
export async function createOwnerLink(services: Services): Promise<string | undefined> {
  const { db } = services.store
  const anybody = await db.selectFrom('people').select('id').limit(1).executeTakeFirst()
  if (anybody) return undefined
  await db.deleteFrom('setUpLinks').where('kind', '=', 'owner').execute()
  return await createLink(services, 'owner', { grants: [{ clientId: everyClient, role: 'owner' }] })
}

export async function createLink(
  { store, clock, origin }: Services,
  kind: keyof typeof holdsFor,
  invitation: Invitation | Reset,
): Promise<string> {
  const token = randomBytes(24).toString('base64url')
  const now = clock.now()
  await store.db
    .insertInto('setUpLinks')
    .values({
      hash: hashOf(token),
      kind,
      invites: JSON.stringify(invitation),
      createdAt: now,
      expiresAt: now + holdsFor[kind],
      usedAt: null,
    })
    .execute()
  // After the '#': it is in no log of a server or proxy.
  return `${origin}/set-up#${token}`
}

/** A link for somebody who is invited; those that were made for the same address before are worth nothing any more. */
export async function createInvitation(
  services: Services,
  invitation: Invitation & { readonly email: string },
): Promise<string> {
  const { db } = services.store
  const before = (await openInvitations(services)).filter(({ invites }) => invites.email === invitation.email)
  for (const { hash } of before) await db.deleteFrom('setUpLinks').where('hash', '=', hash).execute()
  return await createLink(services, 'invitation', invitation)
}

export interface OpenInvitation {
  readonly hash: string
  readonly invites: Invitation
  readonly createdAt: number
  readonly expiresAt: number
}

/** Invitations that somebody can still use. */
export async function openInvitations({ store, clock }: Services): Promise<readonly OpenInvitation[]> {
  const rows = await store.db
    .selectFrom('setUpLinks')
    .select(['hash', 'invites', 'createdAt', 'expiresAt'])
    .where('kind', '=', 'invitation')
    .where('usedAt', 'is', null)
    .where('expiresAt', '>', clock.now())
    .orderBy('createdAt')
    .execute()
  return rows.map((row) => ({ ...row, invites: JSON.parse(row.invites) as Invitation }))
}

/** Makes the person that a link invites, or makes the account of one anew. Throws `SET_UP_LINK_INVALID`, `NAME_TAKEN`. */
export async function useLink(
  services: Services,
  person: { readonly token: string; readonly email: string; readonly name: string; readonly password: string },
): Promise<{ readonly personId: string; readonly isRenewed: boolean }> {
  const { store, clock, signIn } = services
  const { db } = store
  const taken = await db.selectFrom('people').select('id').where('email', '=', person.email).executeTakeFirst()
  // One statement decides who uses it: of two at the same time one finds it used.
  const used = await db
    .updateTable('setUpLinks')
    .set({ usedAt: clock.now() })
    .where('hash', '=', hashOf(person.token))
    .where('usedAt', 'is', null)
    .where('expiresAt', '>', clock.now())
    .returning('invites')
    .executeTakeFirst()
  if (!used) throw new ServerError('SET_UP_LINK_INVALID')
  const link = JSON.parse(used.invites) as Invitation | Reset
  const isReset = 'personId' in link
  const isForOther = link.email !== undefined && link.email !== person.email
  const isTaken = taken !== undefined && !isReset
  if (isTaken || isForOther) {
    await db.updateTable('setUpLinks').set({ usedAt: null }).where('hash', '=', hashOf(person.token)).execute()
    throw isTaken ? new ServerError('NAME_TAKEN', { what: 'person' }) : new ServerError('SET_UP_LINK_INVALID')
  }
  if (isReset) {
    await renewPerson(services, link, person)
    return { personId: link.personId, isRenewed: true }
  }
  const personId = await signIn.createPerson(person)
  for (const grant of link.grants) await grantRole(db, { personId, ...grant })
  return { personId, isRenewed: false }
}
