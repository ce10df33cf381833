import { type Clock, messageOf } from '#base'
import { BackendError } from './errors.ts'

export interface S3Keys {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
  readonly expiration?: Date
}

export interface S3CredentialsOptions {
  /** For messages. */
  readonly location: string
  readonly env: NodeJS.ProcessEnv
  readonly clock: Clock
}

/** Credentials that end so soon are asked for again: those of machines and roles are new some minutes before. */
const refreshBefore = 5 * 60_000

/**
 * The keys that requests are signed with, from where restic takes them: the environment, else the official client's chain of
 * providers (shared files, a command, single sign-on, the role of a container or machine).
 *
 * They may change while a backup runs. When they are about to end, or the server says that they have, all sources are asked
 * anew, files included.
 */
export class S3Credentials {
  readonly #options: S3CredentialsOptions
  #held: S3Keys | undefined
  #loading: Promise<S3Keys> | undefined

  constructor(options: S3CredentialsOptions) {
    this.#options = options
  }

  /** False for those of the environment, which stay as they were when the program began. */
  get canChange(): boolean {
    return !this.#options.env['AWS_ACCESS_KEY_ID']
  }

  /** Those to sign with now. Throws `S3_CREDENTIALS_MISSING`. */
  async current(): Promise<S3Keys> {
    const held = this.#held
    if (held && !this.#endsWithin(held, refreshBefore)) return held
    try {
      return await this.#reload()
    } catch (thrown) {
      if (held && !this.#endsWithin(held, 0)) return held // good for a while yet, and asked for again by the next call
      throw thrown
    }
  }

  /** After the server refused `used`: true when there are others now. */
  async renew(used: S3Keys): Promise<boolean> {
    if (this.#held && !isSame(this.#held, used)) return true
    return !isSame(await this.#reload(), used)
  }

  #endsWithin({ expiration }: S3Keys, milliseconds: number): boolean {
    return expiration !== undefined && expiration.getTime() - this.#options.clock.now() < milliseconds
  }

  /** Calls that find out at the same time share one look. */
  async #reload(): Promise<S3Keys> {
    this.#loading ??= this.#load().finally(() => (this.#loading = undefined))
    this.#held = await this.#loading
    return this.#held
  }

  async #load(): Promise<S3Keys> {
    const { env, location } = this.#options
    const fromEnvironment = readEnvironment(this.#options)
    if (fromEnvironment) return fromEnvironment
    const { defaultProvider } = await import('@aws-sdk/credential-provider-node')
    // The files as they are now, not as the client remembers them.
    const sources = { ignoreCache: true, filepath: env['AWS_SHARED_CREDENTIALS_FILE'], profile: env['AWS_PROFILE'] }
    const given = Object.entries({ ...sources, configFilepath: env['AWS_CONFIG_FILE'] })
    try {
      return await defaultProvider(Object.fromEntries(given.filter(([, value]) => value !== undefined)))()
    } catch (cause) {
      // Once there were some: whoever renews them may be about to.
      const transient = this.#held !== undefined
      throw new BackendError('S3_CREDENTIALS_MISSING', { location, reason: messageOf(cause), transient, cause })
    }
  }
}

function readEnvironment({ env, location }: S3CredentialsOptions): S3Keys | undefined {
  const [accessKeyId = '', secretAccessKey = ''] = [env['AWS_ACCESS_KEY_ID'], env['AWS_SECRET_ACCESS_KEY']]
  const sessionToken = env['AWS_SESSION_TOKEN'] ?? ''
  if (accessKeyId === '' && secretAccessKey === '') return undefined
  if (accessKeyId === '' || secretAccessKey === '') {
    const [set, absent] =
      accessKeyId === '' ? ['SECRET_ACCESS_KEY', 'ACCESS_KEY_ID'] : ['ACCESS_KEY_ID', 'SECRET_ACCESS_KEY']
    throw new BackendError('S3_CREDENTIALS_MISSING', {
      location,
      reason: `AWS_${set} is set, but AWS_${absent} is not`,
    })
  }
  return { accessKeyId, secretAccessKey, ...(sessionToken === '' ? {} : { sessionToken }) }
}

function isSame(one: S3Keys, other: S3Keys): boolean {
  return (
    one.accessKeyId === other.accessKeyId &&
    one.secretAccessKey === other.secretAccessKey &&
    one.sessionToken === other.sessionToken
  )
}
