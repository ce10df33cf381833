import { createHmac } from 'node:crypto'
import { hostname } from 'node:os'
import { basename } from 'node:path'
import { printable } from '#base'
import { aboutMachineSchema, everyClient, roleHas, roleSchema } from '#protocol'
import type { Services } from '../app/services.ts'
import { environmentOf } from '../copies/open-place.ts'
import { ownBackupState, ownRepositoryName } from '../own-backup/own-repository.ts'
import { passwordOf } from '../repositories/own-repositories.ts'
import type { Row } from '../store/tables.ts'
import { KitError } from './errors.ts'
import { gatherCopies } from './gather-copies.ts'
import { kitLocation } from './kit-location.ts'
import type { KitLocation, KitRepository } from './kit.ts'
import type { KitWords } from './words.ts'

/** What stands in a kit of a client, gathered from what the server knows. */

/** The client's repositories, with their passwords. Throws `KIT_INVALID`, `SECRET_DAMAGED`. */
export async function gatherRepositories(
  services: Services,
  client: Pick<Row<'clients'>, 'id' | 'name'>,
): Promise<KitRepository[]> {
  const rows = await services.store.db
    .selectFrom('repositories')
    .leftJoin('machines', 'machines.id', 'repositories.machineId')
    .selectAll('repositories')
    .select(['machines.about', 'machines.name as machineName'])
    .where('repositories.clientId', '=', client.id)
    .orderBy('repositories.name')
    .orderBy('repositories.id')
    .execute()
  const copies = await gatherCopies(services, client.id)
  return rows.flatMap(({ about, machineName, ...row }) => {
    const { name } = row
    const password = row.sealedPassword === null ? undefined : passwordOf(services, row)
    const machines = machineName === null ? [] : [hostOf(about, machineName)]
    const own = copies.get(row.id) ?? []
    const same = own.flatMap((copy) => (copy.password === undefined ? [copy.location] : []))
    const others = own.flatMap(({ password: other, location, destination }) =>
      other === undefined
        ? []
        : [{ name: `${name}, ${destination}`, password: other, machines, locations: [location] }],
    )
    const locations = [ownLocation(services.storage.locationOf(row.id), client.name), ...same]
    return [{ name, password, machines, locations }, ...others]
  })
}

/** The server's own backup: who has it and the place can bring back the whole server, with all its clients. */
export async function gatherOwnBackup(services: Services): Promise<KitRepository> {
  const state = await ownBackupState(services)
  const { location, credentials, password } = state.secrets
  const name = new URL(services.origin).hostname
  const env = environmentOf(credentials ?? undefined)
  const found =
    location === null
      ? ownLocation(services.storage.locationOf(ownRepositoryName), name)
      : kitLocation(`${location.replace(/\/+$/, '')}/${ownRepositoryName}`, { env, disk: hostname() })
  if (!found) throw keysElsewhere(name)
  return { name, password, machines: [], isOfServer: true, locations: [found] }
}

/** Under this name its snapshots are. */
function hostOf(about: string | null, name: string): string {
  return aboutMachineSchema.partial().parse(JSON.parse(about ?? '{}')).hostname ?? name
}

function ownLocation(location: string, client: string): KitLocation {
  const found = kitLocation(location, { env: process.env, disk: hostname() })
  if (!found) throw keysElsewhere(client)
  return found
}

function keysElsewhere(client: string): KitError {
  const reason = 'the keys to the storage are in a file or role of the server’s machine and not in its environment'
  return new KitError('KIT_INVALID', { client, reason })
}

/** Who can read the client's data without a kit, in plain words. */
export async function gatherReaders(
  { store, origin }: Services,
  clientId: string,
  { words, hasPasswords }: { readonly words: KitWords; readonly hasPasswords: boolean },
): Promise<string[]> {
  const grants = await store.db
    .selectFrom('roleGrants')
    .innerJoin('people', 'people.id', 'roleGrants.personId')
    .select(['people.name', 'roleGrants.role'])
    .where('roleGrants.clientId', 'in', [clientId, everyClient])
    .orderBy('people.name')
    .execute()
  const people = grants
    .filter(({ role }) => roleHas(roleSchema.parse(role), 'read'))
    .map(({ name }) => printable(name, 200))
  return [...new Set(people), words.eachMachine, ...(hasPasswords ? [words.theServer(origin)] : [])]
}

/** Tells whether what stands in a kit has changed, and nothing else: it has no secret in it that could be got out. */
export function digestOf({ sealer }: Services, repositories: readonly KitRepository[]): string {
  // A removable disk is found by its label, wherever it is mounted.
  const places = (locations: readonly KitLocation[]) =>
    locations.map((location) => ({ ...location, ...('isRemovable' in location && { path: basename(location.path) }) }))
  const secrets = repositories.map(({ password, locations }) => [password ?? null, places(locations)])
  return createHmac('sha256', sealer.derive('recovery kit')).update(JSON.stringify(secrets)).digest('hex')
}
