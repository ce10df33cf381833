import { messageOf } from '#base'
import type { Cancellable } from '#base'
import type { Backend } from '#backend'
import { RepositoryError } from './errors.ts'
import { sealOverhead } from './format/crypto.ts'
import { decodeConfig, encodeConfig } from './format/config.ts'
import type { HeldLock } from './lock.ts'
import type { Repository } from './repository.ts'

/**
 * The upgrade of a repository from version 1 of the format to version 2, which knows compression. Only the config changes:
 * it is the one file that has to be replaced, and a storage never replaces a file. So it goes and comes anew; a copy on
 * this machine bridges the moment in which it is nowhere.
 */

/** Where the copy of the config is kept while there may be none in the storage. Its calls may be repeated. */
export interface ConfigSafe {
  /** Where it is, for messages. */
  readonly path: string
  /** Keeps the bytes so that they survive a power cut. */
  save(bytes: Uint8Array): Promise<void>
  /** Undefined when there is none. */
  load(): Promise<Buffer | undefined>
  remove(): Promise<void>
}

export interface UpgradeOptions extends Cancellable {
  readonly safe: ConfigSafe
  /** The exclusive lock. */
  readonly lock: Pick<HeldLock, 'verify'>
}

const config = { type: 'config', name: '' } as const

/** Throws `UPGRADE_NOT_NEEDED`, `CONFIG_NOT_REPLACED`. */
export async function upgradeToVersion2(repository: Repository, { safe, lock, signal }: UpgradeOptions): Promise<void> {
  const { backend } = repository
  if (repository.config.version !== 1) {
    throw new RepositoryError('UPGRADE_NOT_NEEDED', { version: repository.config.version })
  }
  const old = await backend.read(config, { signal })
  const upgraded = sealUpgraded(repository, old)
  await safe.save(old)
  await lock.verify()
  signal?.throwIfAborted()
  // From here on nothing is interrupted: it is two calls.
  try {
    await backend.delete(config)
    await backend.write(config, upgraded)
    if (!(await backend.read(config)).equals(upgraded)) throw new Error('what was written reads back differently')
  } catch (cause) {
    await putBack(backend, old, { path: safe.path, cause })
    await safe.remove()
    throw new RepositoryError('CONFIG_NOT_REPLACED', { location: backend.location, reason: messageOf(cause), cause })
  }
  await safe.remove()
}

/**
 * Brings back the config of a repository whose upgrade was killed while it had none. To be called before a repository is
 * opened; true when there was something to bring back.
 */
export async function bringBackConfig(backend: Backend, safe: ConfigSafe, options: Cancellable = {}): Promise<boolean> {
  const kept = await safe.load()
  if (!kept || (await backend.size(config, options)) !== undefined) return false
  for await (const _ of backend.list('key', options)) {
    await backend.write(config, kept, options)
    return true
  }
  return false
}

function sealUpgraded({ codec, config: now }: Repository, old: Buffer): Buffer {
  const plain = encodeConfig({ ...decodeConfig(codec.openBytes(old)), version: 2 })
  const sealed = Buffer.allocUnsafeSlow(plain.length + sealOverhead)
  codec.sealBytes(plain, sealed, 0)
  const again = decodeConfig(codec.openBytes(sealed))
  if (again.version === 2 && again.id === now.id && again.chunkerPolynomial === now.chunkerPolynomial) return sealed
  throw new RepositoryError('BLOB_NOT_VERIFIED', { reason: 'the config differs' })
}

async function putBack(
  backend: Backend,
  old: Buffer,
  { path, cause }: { readonly path: string; readonly cause: unknown },
): Promise<void> {
  try {
    const there = await backend.read(config).catch(() => undefined)
    if (there?.equals(old) === true) return
    await backend.delete(config)
    await backend.write(config, old)
  } catch (failure) {
    const { location } = backend
    throw new RepositoryError('CONFIG_LOST', {
      location,
      path,
      reason: `${messageOf(cause)}; ${messageOf(failure)}`,
      cause,
    })
  }
}
