import { userInfo } from 'node:os'
import { resolve } from 'node:path'
import { parseLocation } from '#backend'
import type { KitLocation } from './kit.ts'

export interface LocationAbout {
  /** Where credentials are looked for. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** On what a folder lies: a machine, or a disk by its label. */
  readonly disk?: string | undefined
  readonly isRemovable?: boolean
}

/** A location as `--repo` takes it, as a kit says it; undefined: the keys to it are not known here. */
export function kitLocation(
  location: string,
  { env, disk, isRemovable = false }: LocationAbout,
): KitLocation | undefined {
  const parsed = parseLocation(location, env)
  switch (parsed.scheme) {
    case 'local':
      return { kind: 'local', path: resolve(parsed.path), disk, ...(isRemovable && { isRemovable }) }
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
      if (!accessKey || !secretKey) return undefined
      const { endpoint, bucket, prefix } = parsed
      const region = env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION']
      return { kind: 's3', endpoint: endpoint.origin, bucket, prefix, region, accessKey, secretKey }
    }
  }
}
