import { randomBytes, randomUUID, timingSafeEqual } from 'node:crypto'
import type { Services } from '../app/services.ts'
import { ServerError } from '../errors.ts'
import { hashOf } from '../people/tokens.ts'
import type { Row } from '../store/tables.ts'

/** Repositories that the server keeps: one for each machine, reached with a credential of its own. */

/** What a machine needs to work with its repository. The secret is shown once. */
export interface RepositoryAccess {
  readonly repositoryId: string
  /** Where it is, without credential: `https://host:port/repo/<id>/`. */
  readonly url: string
  readonly user: string
  readonly secret: string
}

/** In place of a location: in the server's own storage. */
export const ownLocation = 'own:'

/**
 * The repository of a machine, made if there is none yet, with a new credential; those before it hold no longer. The
 * password was made on the machine; undefined keeps it from the server, which then cannot check, search or thin the
 * repository. One that the server has is never replaced. Throws `REPOSITORY_PASSWORD_DIFFERS`.
 */
export async function grantRepository(
  services: Services,
  machine: Pick<Row<'machines'>, 'id' | 'clientId' | 'name'>,
  password: string | undefined,
): Promise<RepositoryAccess> {
  const { store, sealer, clock, origin } = services
  const secret = randomBytes(32).toString('base64url')
  const user = randomUUID()
  const now = clock.now()
  const repositoryId = await store.db.transaction().execute(async (transaction) => {
    // It has shown that it knows the password: from now on nobody is told. Of several calls at once the others wait here.
    await transaction.updateTable('machines').set({ handover: null }).where('id', '=', machine.id).execute()
    const known = await transaction
      .selectFrom('repositories')
      .selectAll()
      .where('machineId', '=', machine.id)
      .executeTakeFirst()
    const id = known?.id ?? randomUUID()
    const sealedPassword = password === undefined ? null : sealer.seal(purposeOfPassword(id), password)
    if (known) {
      refuseOtherPassword(sealer, known, password)
      if (known.sealedPassword === null) {
        await transaction.updateTable('repositories').set({ sealedPassword }).where('id', '=', id).execute()
      }
    } else {
      await transaction
        .insertInto('repositories')
        .values({
          id,
          clientId: machine.clientId,
          machineId: machine.id,
          name: machine.name,
          sealedLocation: sealer.seal(`location of ${id}`, ownLocation),
          sealedPassword,
          configId: null,
          quotaBytes: null,
          createdAt: now,
          held: 0,
          heldBecause: null,
        })
        .execute()
    }
    await transaction
      .updateTable('repositoryCredentials')
      .set({ revokedAt: now })
      .where('repositoryId', '=', id)
      .where('operationId', 'is', null)
      .where('revokedAt', 'is', null)
      .execute()
    await transaction
      .insertInto('repositoryCredentials')
      .values({
        id: user,
        repositoryId: id,
        machineId: machine.id,
        hash: hashOf(secret),
        createdAt: now,
        revokedAt: null,
      })
      .execute()
    return id
  })
  return { repositoryId, url: `${origin}/repo/${repositoryId}/`, user, secret }
}

// Whoever has a machine's key must not make the server forget the password by which the backups can be read.
function refuseOtherPassword(
  sealer: Services['sealer'],
  { id, name, sealedPassword }: Row<'repositories'>,
  password: string | undefined,
): void {
  if (sealedPassword === null || password === undefined) return
  if (sealer.open(purposeOfPassword(id), sealedPassword) !== password) {
    throw new ServerError('REPOSITORY_PASSWORD_DIFFERS', { name })
  }
}

/** The password of a repository, for the server's own work. Throws `REPOSITORY_PASSWORD_KEPT`, `SECRET_DAMAGED`. */
export function passwordOf({ sealer }: Services, { id, name, sealedPassword }: Row<'repositories'>): string {
  if (sealedPassword === null) throw new ServerError('REPOSITORY_PASSWORD_KEPT', { name })
  return sealer.open(purposeOfPassword(id), sealedPassword)
}

/** What the password of a repository is sealed for. */
export function purposeOfPassword(repositoryId: string): string {
  return `password of ${repositoryId}`
}

export interface CredentialAtEndpoint {
  readonly repository: string
  readonly machine: string
  readonly state: 'open' | 'read-only' | 'closed'
  readonly reason?: string | undefined
  readonly allowedBytes?: number | undefined
}

/** A hash that no secret has, so that an unknown user takes as long as a wrong secret. */
const noHash = '0'.repeat(64)

/** What user and secret stand for at the repository endpoint; undefined: nothing. */
export async function authenticateAtEndpoint(
  { store }: Services,
  user: string,
  secret: string,
): Promise<CredentialAtEndpoint | undefined> {
  const found = await store.db
    .selectFrom('repositoryCredentials')
    .innerJoin('repositories', 'repositories.id', 'repositoryCredentials.repositoryId')
    .innerJoin('machines', 'machines.id', 'repositoryCredentials.machineId')
    .leftJoin('operations', 'operations.id', 'repositoryCredentials.operationId')
    .select([
      'repositoryCredentials.hash',
      'repositoryCredentials.repositoryId',
      'repositoryCredentials.machineId',
      'repositoryCredentials.revokedAt',
      'repositories.quotaBytes',
      'repositoryCredentials.operationId',
      'machines.state',
      'operations.state as operationState',
    ])
    .where('repositoryCredentials.id', '=', user)
    .executeTakeFirst()
  const isRight = timingSafeEqual(Buffer.from(hashOf(secret)), Buffer.from(found?.hash ?? noHash))
  if (!found || !isRight || found.revokedAt !== null) return undefined
  const { repositoryId: repository, machineId: machine, quotaBytes } = found
  const allowed = quotaBytes === null ? {} : { allowedBytes: quotaBytes }
  if (found.state !== 'approved') return { repository, machine, state: 'closed', reason: 'the machine was revoked' }
  if (found.operationId !== null) {
    if (found.operationState === 'running') return { repository, machine, state: 'read-only', reason: 'it is lent' }
    return { repository, machine, state: 'closed', reason: 'the operation that it was lent for is over' }
  }
  return { repository, machine, state: 'open', ...allowed }
}
