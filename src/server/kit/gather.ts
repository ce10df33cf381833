import { createHmac } from 'node:crypto'
import { hostname, userInfo } from 'node:os'
import { resolve } from 'node:path'
import { parseLocation } from '#backend'
import { printable } from '#base'
import { aboutMachineSchema, everyClient, roleHas, roleSchema } from '#protocol'
import type { Services } from '../app/services.ts'
import { passwordOf } from '../repositories/own-repositories.ts'
import type { Row } from '../store/tables.ts'
import { KitError } from './errors.ts'
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
  return rows.map(({ about, machineName, ...row }) => ({
    name: row.name,
    password: row.sealedPassword === null ? undefined : passwordOf(services, row),
    machines: machineName === null ? [] : [hostOf(about, machineName)],
    locations: [kitLocation(services.storage.locationOf(row.id), client.name)],
  }))
}

/** Under this name its snapshots are. */
function hostOf(about: string | null, name: string): string {
  return aboutMachineSchema.partial().parse(JSON.parse(about ?? '{}')).hostname ?? name
}

function kitLocation(location: string, client: string): KitLocation {
  const { env } = process
  const parsed = parseLocation(location, env)
  switch (parsed.scheme) {
    case 'local':
      return { kind: 'local', path: resolve(parsed.path), disk: hostname() }
    case 'rest': {
      const { url, credentials } = parsed
      return { kind: 'rest', url: url.href, user: credentials?.user, password: credentials?.password }
    }
    case 'sftp': {
      const { address, path } = parsed
      const port = address.port === undefined ? undefined : Number(address.port)
      return { kind: 'sftp', host: address.host, port, user: address.user ?? userInfo().username, path }
    }
    case 's3': {
      const { AWS_ACCESS_KEY_ID: accessKey, AWS_SECRET_ACCESS_KEY: secretKey } = env
      if (!accessKey || !secretKey) {
        const reason =
          'the keys to the storage are in a file or role of the server’s machine and not in its environment'
        throw new KitError('KIT_INVALID', { client, reason })
      }
      const { endpoint, bucket, prefix } = parsed
      const region = env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION']
      return { kind: 's3', endpoint: endpoint.origin, bucket, prefix, region, accessKey, secretKey }
    }
  }
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
  const secrets = repositories.map(({ password, locations }) => [password ?? null, locations])
  return createHmac('sha256', sealer.derive('recovery kit')).update(JSON.stringify(secrets)).digest('hex')
}
