import { randomBytes, randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { scriptOrderSchema } from '#protocol'
import type { ScriptOrder } from '#protocol'
import { may } from '../app/caller.ts'
import type { Caller } from '../app/caller.ts'
import type { Services } from '../app/services.ts'
import { ServerError } from '../errors.ts'
import { hashOf } from '../people/tokens.ts'
import { grantRepository, passwordOf } from '../repositories/own-repositories.ts'
import type { RepositoryAccess } from '../repositories/own-repositories.ts'
import { powershellScript, shellScript } from '../scripts/index.ts'
import type { ScriptSettings } from '../scripts/index.ts'
import type { Row } from '../store/tables.ts'

/** Machines without our agent: stock restic backs them up, with a credential of their own, by a script or by what they have. */

export interface NewMachine {
  readonly clientId: string
  readonly name: string
  readonly kind: string
}

/** Makes such a machine known. Nobody need approve it: it gets in with what is made for it only. */
export async function createMachine({ store, clock }: Services, about: NewMachine): Promise<Row<'machines'>> {
  const nothingYet = { publicKey: null, lastSeenAt: null, awayUntil: null, clockAheadMs: null, discovery: null }
  return await store.db
    .insertInto('machines')
    .values({ id: randomUUID(), ...about, ...nothingYet, state: 'approved', about: '{}', createdAt: clock.now() })
    .returningAll()
    .executeTakeFirstOrThrow()
}

export interface ResticAccess extends RepositoryAccess {
  /** Of the repository itself. */
  readonly password: string
}

/**
 * What stock restic needs for the repository of such a machine; whatever was made before holds no longer. Who gets the password
 * of a repository that has data in it can read it: that needs the right to read.
 * Throws `STATE_WRONG`, `RIGHT_MISSING`, `REPOSITORY_PASSWORD_KEPT`, `SECRET_DAMAGED`.
 */
export async function grantToRestic(services: Services, machineId: string, caller: Caller): Promise<ResticAccess> {
  const { db } = services.store
  const machine = await db.selectFrom('machines').selectAll().where('id', '=', machineId).executeTakeFirstOrThrow()
  if (machine.publicKey !== null) throw new ServerError('STATE_WRONG', { what: 'machine', state: 'one with our agent' })
  if (machine.state !== 'approved') throw new ServerError('STATE_WRONG', { what: 'machine', state: machine.state })
  const known = await db.selectFrom('repositories').selectAll().where('machineId', '=', machineId).executeTakeFirst()
  if (known && (await hasData(services, known.id)) && !may(caller.grants, 'read', machine.clientId)) {
    throw new ServerError('RIGHT_MISSING', { right: 'read' })
  }
  const password = known ? passwordOf(services, known) : randomBytes(30).toString('base64url')
  return { ...(await grantRepository(services, machine, password)), password }
}

async function hasData({ store }: Services, repositoryId: string): Promise<boolean> {
  const rows = store.db.selectFrom('ledger').select('seq').where('repositoryId', '=', repositoryId)
  return (await rows.limit(1).executeTakeFirst()) !== undefined
}

export interface MadeScript {
  readonly fileName: string
  /** It holds the machine's secrets: it is shown to whoever asked for it, once. */
  readonly script: string
}

/** Makes the script of such a machine anew. Throws `SCRIPT_INVALID`, and what `grantToRestic` throws. */
export async function makeScript(
  services: Services,
  machineId: string,
  { order, caller }: { readonly order: ScriptOrder; readonly caller: Caller },
): Promise<MadeScript> {
  const { store, clock } = services
  const { name } = await store.db
    .selectFrom('machines')
    .select('name')
    .where('id', '=', machineId)
    .executeTakeFirstOrThrow()
  const token = tokenPrefix + randomBytes(32).toString('base64url')
  const settings = { ...order, machine: name, certificate: await ownCertificateOf(services) }
  // What is wrong with the order is found before the credential that the machine has is replaced.
  render(order.system, { ...settings, ...accessOf(services, noAccess, token) })
  const access = await grantToRestic(services, machineId, caller)
  const script = render(order.system, { ...settings, ...accessOf(services, access, token) })
  const made = {
    settings: JSON.stringify(order),
    tokenHash: hashOf(token),
    madeAt: clock.now(),
    madeBy: caller.actor.who,
  }
  await store.db
    .insertInto('scripts')
    .values({ machineId, ...made })
    .onConflict((conflict) => conflict.column('machineId').doUpdateSet(made))
    .execute()
  return { fileName: order.system === 'windows' ? 'understudy-backup.ps1' : 'understudy-backup.sh', script }
}

const tokenPrefix = 'uss_'

/** In the place of what is not there yet. */
const noAccess: ResticAccess = {
  repositoryId: '',
  url: 'https://backup.example/',
  user: 'user',
  secret: 'secret',
  password: 'password',
}

function accessOf({ origin }: Services, { url, user, secret, password }: ResticAccess, token: string) {
  return {
    repository: { url, user, password: secret },
    repositoryPassword: password,
    report: { url: `${origin}/api/script-reports`, token },
  }
}

function render(system: ScriptOrder['system'], settings: ScriptSettings): string {
  return system === 'windows' ? powershellScript(settings) : shellScript(settings, system)
}

/** PEM, where the server's certificate is one of its own making. */
async function ownCertificateOf({ fingerprint, folder }: Services): Promise<string | undefined> {
  return fingerprint === undefined ? undefined : await readFile(join(folder, 'tls', 'server.crt'), 'utf8')
}

/** The machine that has this token in its script, if it may work; undefined: there is none. */
export async function findMachineOfScript(
  { store }: Services,
  token: string,
): Promise<Pick<Row<'machines'>, 'id' | 'clientId'> | undefined> {
  if (!token.startsWith(tokenPrefix)) return undefined
  return await store.db
    .selectFrom('scripts')
    .innerJoin('machines', 'machines.id', 'scripts.machineId')
    .select(['machines.id', 'machines.clientId'])
    .where('scripts.tokenHash', '=', hashOf(token))
    .where('machines.state', '=', 'approved')
    .executeTakeFirst()
}

/** What the script of a machine does, without its secrets. Throws `NOT_FOUND`. */
export async function findScript({ store }: Services, machineId: string) {
  const row = await store.db.selectFrom('scripts').selectAll().where('machineId', '=', machineId).executeTakeFirst()
  if (!row) throw new ServerError('NOT_FOUND', { what: 'script' })
  const { settings, madeAt, madeBy } = row
  return { settings: scriptOrderSchema.parse(JSON.parse(settings)), madeAt, madeBy }
}
