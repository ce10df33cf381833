import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { messageOf } from '#base'
import { openBackend, parseLocation } from '#backend'
import type { Backend, Location, OpenBackendOptions, S3Options } from '#backend'
import { placeCredentialsSchema } from '#protocol'
import type { z } from 'zod'
import { AddressGuard } from '../alerts/channels/address-guard.ts'
import type { Services } from '../app/services.ts'
import type { Row } from '../store/tables.ts'
import { CopyError } from './errors.ts'

export type PlaceCredentials = z.output<typeof placeCredentialsSchema>

/** A place as it is reached: with nothing that it does not itself bring. */
export interface Reached extends AsyncDisposable {
  readonly location: Location
  readonly options: OpenBackendOptions
}

/** Variables by which a network is left, which belong to the server and to no destination. */
const proxies = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy']

/** Judges where a destination leads, each time it is connected to. */
const guard = new AddressGuard()

/** How long a call to a destination is tried again, in milliseconds: who copies by schedule tries the whole again anyway. */
const retryLimit = 60_000

/**
 * How the folder `below` a location is reached. The server's own keys and variables are for nobody's destination: what is not
 * among its credentials is not there.
 */
export async function reach(
  location: string,
  credentials: PlaceCredentials | undefined,
  {
    below,
    s3 = {},
    isGuarded = false,
  }: { readonly below: string; readonly s3?: S3Options; readonly isGuarded?: boolean },
): Promise<Reached> {
  await using made = new AsyncDisposableStack()
  const { AWS_REGION: region, ...env } = environmentOf(credentials)
  for (const name of proxies) if (process.env[name] !== undefined) env[name] = process.env[name]
  const hasKey = credentials !== undefined && 'privateKey' in credentials
  const sftp = hasKey ? { args: await keyFiles(credentials, made) } : undefined
  const parsed = parseLocation(`${location.replace(/\/+$/, '')}/${below}`, env)
  const owned = made.move()
  return {
    location: parsed,
    options: {
      env,
      sftp,
      retryLimit,
      s3: { ...s3, ...(region !== undefined && { region }) },
      ...(isGuarded && { admit: async (host) => await guard.addressesOf(host) }),
    },
    [Symbol.asyncDispose]: async () => await owned.disposeAsync(),
  }
}

/** Credentials as variables of an environment, where programs look for them; keys of ssh have none. */
export function environmentOf(credentials: PlaceCredentials | undefined): NodeJS.ProcessEnv {
  if (!credentials || 'privateKey' in credentials) return {}
  if ('user' in credentials) {
    return { RESTIC_REST_USERNAME: credentials.user, RESTIC_REST_PASSWORD: credentials.password }
  }
  const { accessKeyId, secretAccessKey, sessionToken, region } = credentials
  return {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    ...(sessionToken !== undefined && { AWS_SESSION_TOKEN: sessionToken }),
    ...(region !== undefined && { AWS_REGION: region }),
  }
}

/** ssh takes keys from files only: they are there while the place is open, for the server's user alone. */
async function keyFiles(
  { privateKey, knownHosts }: Extract<PlaceCredentials, { privateKey: string }>,
  made: AsyncDisposableStack,
): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'understudy-ssh-'))
  made.defer(async () => await rm(folder, { recursive: true, force: true }))
  const [key, known] = [join(folder, 'key'), join(folder, 'known_hosts')]
  await writeFile(key, `${privateKey.trim()}\n`, { mode: 0o600 })
  await writeFile(known, `${knownHosts.trim()}\n`, { mode: 0o600 })
  const options = ['IdentitiesOnly=yes', `UserKnownHostsFile=${known}`, 'StrictHostKeyChecking=yes']
  return ['-F', 'none', '-i', key, ...options.flatMap((option) => ['-o', option])]
}

/** A destination's location and credentials, opened. Throws `SECRET_DAMAGED`. */
export function secretsOf(
  { sealer }: Services,
  { id, sealedLocation, sealedCredentials }: Row<'destinations'>,
): { readonly location: string; readonly credentials: PlaceCredentials | undefined } {
  return {
    location: sealer.open(`location of destination ${id}`, sealedLocation),
    credentials:
      sealedCredentials === null
        ? undefined
        : placeCredentialsSchema.parse(JSON.parse(sealer.open(`credentials of destination ${id}`, sealedCredentials))),
  }
}

/** How a folder at a destination is reached; `folder` is where one of its disks is mounted. Throws `DESTINATION_AWAY`. */
export async function reachDestination(
  services: Services,
  destination: Row<'destinations'>,
  { below, folder, s3 }: { readonly below: string; readonly folder?: string | undefined; readonly s3?: S3Options },
): Promise<Reached> {
  const { location, credentials } = secretsOf(services, destination)
  const base = folder ?? location
  if (destination.kind === 'folder' || folder !== undefined) await requireFolder(destination.name, base)
  return await reach(base, credentials, { below, isGuarded: destination.isGuarded === 1, ...(s3 && { s3 }) })
}

export interface OpenedPlace extends AsyncDisposable {
  readonly backend: Backend
}

/** Opens the storage at what was reached; both end together. */
export function openReached(reached: Reached): OpenedPlace {
  const stack = new AsyncDisposableStack()
  stack.use(reached)
  const backend = stack.use(openBackend(reached.location, reached.options))
  return { backend, [Symbol.asyncDispose]: async () => await stack.disposeAsync() }
}

/** What is mounted there may be away: then nothing is made in its place. Throws `DESTINATION_AWAY`. */
export async function requireFolder(name: string, path: string): Promise<void> {
  const folder = path.replace(/^local:/, '')
  try {
    if (!(await stat(folder)).isDirectory()) throw new Error(`${folder} is no folder`)
  } catch (cause) {
    throw new CopyError('DESTINATION_AWAY', { name, reason: messageOf(cause), cause })
  }
}
