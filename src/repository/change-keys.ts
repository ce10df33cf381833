import type { Cancellable } from '#base'
import { RepositoryError } from './errors.ts'
import { addKey } from './keys.ts'
import type { KeyOwner } from './keys.ts'
import type { HeldLock } from './lock.ts'
import { openRepository } from './repository.ts'
import type { Repository } from './repository.ts'

export interface NewKey extends KeyOwner {
  readonly password: string
}

export interface LockedOptions extends Cancellable {
  /** The exclusive lock. */
  readonly lock: Pick<HeldLock, 'ensure'>
}

/**
 * Adds a key and opens the repository with it, as whoever has the password will: a key that does not work must not stay.
 * Returns the key's name. Throws `KEY_DAMAGED`.
 */
export async function addVerifiedKey(
  { backend, settings, config }: Repository,
  { password, ...owner }: NewKey,
  { signal }: Cancellable = {},
): Promise<string> {
  const name = await addKey(backend, settings.masterKey, password, { ...owner, signal })
  try {
    using again = await openRepository(backend, { password, keyHint: name, signal })
    if (again.config.id === config.id && again.keyName === name) return name
    throw new RepositoryError('KEY_DAMAGED', { name, location: backend.location, reason: 'it does not open' })
  } catch (thrown) {
    await backend.delete({ type: 'key', name }).catch(() => undefined)
    throw thrown
  }
}

/**
 * Gives the key in use another password: adds a key, proves it, and only then removes the old one. Whatever ends this
 * leaves a password that opens the repository. Returns the new key's name.
 */
export async function changePassword(
  repository: Repository,
  key: NewKey,
  { lock, signal }: LockedOptions,
): Promise<string> {
  const name = await addVerifiedKey(repository, key, { signal })
  await lock.ensure()
  await repository.backend.delete({ type: 'key', name: repository.keyName }, { signal })
  return name
}

/** Removes a key. Never the one in use, and so never the last that opens. Throws `KEY_IN_USE`. */
export async function removeKey(
  { backend, keyName }: Repository,
  name: string,
  { lock, signal }: LockedOptions,
): Promise<void> {
  if (name === keyName) throw new RepositoryError('KEY_IN_USE', { name: name.slice(0, 8) })
  await lock.ensure()
  await backend.delete({ type: 'key', name }, { signal })
}
