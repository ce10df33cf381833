import { hostname } from 'node:os'
import type { Services } from '../app/services.ts'
import { environmentOf, secretsOf } from '../copies/open-place.ts'
import type { Row } from '../store/tables.ts'
import { kitLocation } from './kit-location.ts'
import type { KitLocation } from './kit.ts'

/** Where a whole copy of a repository lies. */
export interface KitCopy {
  readonly location: KitLocation
  readonly destination: string
  /** Of the copy; undefined: that of the repository. */
  readonly password: string | undefined
}

/**
 * The copies of a client's repositories that were complete once, by repository. One to which the server has no keys of its own
 * (a role of its machine) cannot be reached with paper, and is left out. Throws `SECRET_DAMAGED`.
 */
export async function gatherCopies(
  services: Services,
  clientId: string,
): Promise<ReadonlyMap<string, readonly KitCopy[]>> {
  const { db } = services.store
  const destinations = await db.selectFrom('destinations').selectAll().where('clientId', '=', clientId).execute()
  const byId = new Map(destinations.map((destination) => [destination.id, destination]))
  const rows = await db
    .selectFrom('copies')
    .leftJoin('destinationDisks', 'destinationDisks.id', 'copies.diskId')
    .select(['copies.destinationId', 'copies.repositoryId', 'destinationDisks.label', 'destinationDisks.folder'])
    .where('copies.completeAt', 'is not', null)
    .where('copies.destinationId', 'in', [...byId.keys(), ''])
    .orderBy('copies.destinationId')
    .orderBy('copies.diskId')
    .execute()
  const found = rows.flatMap(({ destinationId, repositoryId, label, folder }) => {
    const destination = byId.get(destinationId)
    const location = destination && locationOf(services, destination, { repositoryId, label, folder })
    if (!destination || !location) return []
    return [
      { repositoryId, copy: { location, destination: destination.name, password: ownPassword(services, destination) } },
    ]
  })
  const grouped = Map.groupBy(found, ({ repositoryId }) => repositoryId)
  return new Map([...grouped].map(([id, copies]) => [id, copies.map(({ copy }) => copy)]))
}

interface CopyPlace {
  readonly repositoryId: string
  /** Of a rotated disk, and where it was seen last. */
  readonly label: string | null
  readonly folder: string | null
}

function locationOf(
  services: Services,
  destination: Row<'destinations'>,
  { repositoryId, label, folder }: CopyPlace,
): KitLocation | undefined {
  const { location, credentials } = secretsOf(services, destination)
  if (destination.kind === 'disks') {
    if (label === null) return undefined
    return kitLocation(`${folder ?? '.'}/${repositoryId}`, { env: {}, disk: label, isRemovable: true })
  }
  const env = environmentOf(credentials)
  return kitLocation(`${location.replace(/\/+$/, '')}/${repositoryId}`, { env, disk: hostname() })
}

function ownPassword({ sealer }: Services, { id, sealedPassword }: Row<'destinations'>): string | undefined {
  return sealedPassword === null ? undefined : sealer.open(`password of destination ${id}`, sealedPassword)
}
