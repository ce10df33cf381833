import { isOneLine } from '../scripts/quote.ts'
import { isPem } from '../scripts/settings.ts'
import { KitError } from './errors.ts'

/**
 * The recovery kit of a client: what is needed, on paper and in a file, to get all data back with stock restic when everything
 * else is gone. It holds secrets: it is given to the person who prints it and to nobody else, and is in no log.
 */
export interface Kit {
  /** The business. */
  readonly client: string
  /** Milliseconds since 1970. */
  readonly made: number
  /** As `makeKitCode` gives it. */
  readonly code: string
  readonly repositories: readonly KitRepository[]
  /** Who can read the data besides whoever has the kit: people and programs, in plain words. */
  readonly readers: readonly string[]
  /** Whom to call, in plain words. */
  readonly contact?: string | undefined
}

export interface KitRepository {
  readonly name: string
  /** Undefined when the client keeps it from the server: then it is to be written in by hand. */
  readonly password: string | undefined
  /** Machines whose data lies in it, by the host names of their snapshots. */
  readonly machines: readonly string[]
  /** It is the server's own backup, from which a lost server is brought back. */
  readonly isOfServer?: boolean
  /** Where it lies, the way to try first first: one that works without our server belongs among them. */
  readonly locations: readonly KitLocation[]
}

export type KitLocation =
  | {
      readonly kind: 'local'
      readonly path: string
      readonly disk?: string | undefined
      /** It is found by its label: its path is where it was seen last. */
      readonly isRemovable?: boolean
    }
  | {
      readonly kind: 'rest'
      /** `https://host:8000/name/`, without user and password. */
      readonly url: string
      readonly user?: string | undefined
      readonly password?: string | undefined
      /** PEM, when the server's certificate is its own. */
      readonly certificate?: string | undefined
    }
  | {
      readonly kind: 's3'
      /** `https://host`. */
      readonly endpoint: string
      readonly bucket: string
      /** The folder in the bucket; empty for its top. */
      readonly prefix: string
      readonly region?: string | undefined
      readonly accessKey: string
      readonly secretKey: string
    }
  | {
      readonly kind: 'sftp'
      readonly host: string
      readonly port?: number | undefined
      readonly user: string
      readonly path: string
      /** Asked for by ssh. */
      readonly password?: string | undefined
    }

/** Throws KIT_INVALID, KIT_SECRET_UNPRINTABLE. */
export function checkKit(kit: Kit): void {
  const { client, repositories, readers, contact = '' } = kit
  const invalid = (reason: string) => new KitError('KIT_INVALID', { client, reason })
  if (repositories.length === 0) throw invalid('there is no repository yet')
  if (![client, contact, ...readers].every(isOneLine))
    throw invalid('a name has a line end or control characters in it')
  for (const repository of repositories) {
    const { name, machines, locations, password } = repository
    if (![name, ...machines].every(isOneLine)) throw invalid('a name has a line end or control characters in it')
    if (locations.length === 0) throw invalid(`nothing says where the repository ${name} lies`)
    if (password !== undefined) checkSecret(password, { what: 'password', repository: name })
    for (const location of locations) checkLocation(location, name, invalid)
  }
}

function checkLocation(location: KitLocation, repository: string, invalid: (reason: string) => KitError): void {
  const { certificate, ...plain } = { certificate: undefined, ...location }
  if (!Object.values(plain).every((value) => typeof value !== 'string' || isOneLine(value))) {
    throw invalid(`a location of ${repository} has a line end or control characters in it`)
  }
  if (certificate !== undefined && !isPem(certificate))
    throw invalid(`the certificate of ${repository} is not in PEM format`)
  if (location.kind === 's3') checkSecret(location.secretKey, { what: 'secret key', repository })
  else if (location.kind !== 'local' && location.password !== undefined) {
    checkSecret(location.password, { what: 'password of the server', repository })
  }
}

/** Printable ASCII: nobody can tell other characters apart on paper, and not every keyboard has them. */
function checkSecret(secret: string, about: { readonly what: string; readonly repository: string }): void {
  if (!/^[\x21-\x7e]+$/.test(secret)) throw new KitError('KIT_SECRET_UNPRINTABLE', about)
}
