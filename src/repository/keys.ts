import { createHash, randomBytes, randomFillSync } from 'node:crypto'
import { hostname as machineName, userInfo } from 'node:os'
import { hasCode, messageOf, throwIfBug } from '#base'
import type { Cancellable } from '#base'
import type { Backend } from '#backend'
import { RepositoryError } from './errors.ts'
import { encodeMasterKey, parseMasterKey, randomIvs, sealOverhead, splitMasterKey } from './format/crypto.ts'
import type { MasterKey } from './format/crypto.ts'
import { decodeKeyFile, encodeKeyFile } from './format/key-file.ts'
import type { KeyFile } from './format/key-file.ts'
import { deriveKey, keyCost, saltLength } from './format/password.ts'
import { choosePrimitives } from './format/primitives.ts'
import { formatTime } from './format/time.ts'

/**
 * Keys: each key file holds the repository's one master key, sealed with a key that scrypt derives from a password.
 * A repository may have several; removing one does not take the master key from whoever has already seen it.
 */

/** restic tries no more key files than this unless it is told which one to use. */
const mostKeysTried = 20
/** Larger is no key file. */
const largestKeyFile = 64 << 10

export interface OpenedKey {
  /** Name of the key file. */
  readonly name: string
  readonly masterKey: MasterKey
}

export interface ListedKey {
  readonly name: string
  readonly file: KeyFile
}

/**
 * Opens the repository's keys in turn until the password fits one. A damaged key is passed over as long as another opens.
 * Throws `PASSWORD_WRONG`, `KEYS_NOT_ALL_TRIED`, `KEY_DAMAGED`, `REPOSITORY_NOT_FOUND`, `KEYS_MISSING`.
 */
export async function openKey(
  backend: Backend,
  password: string,
  { keyHint, signal }: { readonly keyHint?: string | undefined } & Cancellable = {},
): Promise<OpenedKey> {
  const names = await namesOfKeys(backend, { keyHint, signal })
  let damage: Error | undefined
  for (const name of names.slice(0, mostKeysTried)) {
    try {
      const masterKey = await tryKey(backend, name, password, { signal })
      if (masterKey) return { name, masterKey }
    } catch (thrown) {
      if (hasCode(thrown, 'FILE_NOT_FOUND')) continue // removed since it was listed
      if (!hasCode(thrown, 'KEY_DAMAGED')) throw thrown
      damage ??= thrown as Error
    }
  }
  throw damage ?? passwordWrong(backend, names.length)
}

function passwordWrong({ location }: Backend, keys: number): RepositoryError {
  if (keys <= mostKeysTried) return new RepositoryError('PASSWORD_WRONG', { location })
  return new RepositoryError('KEYS_NOT_ALL_TRIED', { location, tried: mostKeysTried, keys })
}

/** Makes a key file for a password and returns its name. */
export async function addKey(
  backend: Backend,
  masterKey: MasterKey,
  password: string,
  { host, user, signal }: KeyOwner & Cancellable = {},
): Promise<string> {
  const salt = randomBytes(saltLength)
  const derived = await deriveKey(password, salt, keyCost)
  const bytes = encodeKeyFile({
    created: formatTime(BigInt(Date.now()) * 1_000_000n),
    username: user ?? userInfo().username,
    hostname: host ?? machineName(),
    ...keyCost,
    salt,
    data: sealWith(derived, encodeMasterKey(masterKey)),
  })
  const name = createHash('sha256').update(bytes).digest('hex')
  await verifyKey(decodeNamed(backend, name, bytes), password, masterKey)
  await backend.write({ type: 'key', name }, bytes, { signal })
  return name
}

// Derived once more, from the file: a key that does not open would show only when it is the last one left.
async function verifyKey(file: KeyFile, password: string, masterKey: MasterKey): Promise<void> {
  const opened = openWith(await deriveKey(password, file.salt, file), file.data)
  if (!opened?.equals(encodeMasterKey(masterKey))) {
    throw new RepositoryError('BLOB_NOT_VERIFIED', { reason: 'the key does not open' })
  }
}

export interface KeyOwner {
  readonly host?: string | undefined
  readonly user?: string | undefined
}

/** A master key for a new repository. */
export function createMasterKey(): MasterKey {
  return splitMasterKey(randomBytes(64))
}

/** Every key file that can be read, and the names of those that cannot. */
export async function listKeys(
  backend: Backend,
  options: Cancellable = {},
): Promise<{ readonly keys: ListedKey[]; readonly damaged: { readonly name: string; readonly error: Error }[] }> {
  const keys: ListedKey[] = []
  const damaged: { name: string; error: Error }[] = []
  for await (const { name } of backend.list('key', options)) {
    try {
      keys.push({ name, file: await loadKeyFile(backend, name, options) })
    } catch (error) {
      options.signal?.throwIfAborted()
      throwIfBug(error)
      damaged.push({ name, error: error as Error })
    }
  }
  return { keys, damaged }
}

/** In the order in which they are tried. */
async function namesOfKeys(
  backend: Backend,
  { keyHint, signal }: { readonly keyHint?: string | undefined } & Cancellable,
): Promise<string[]> {
  const names: string[] = []
  for await (const { name } of backend.list('key', { signal })) names.push(name)
  if (names.length === 0) throw await whyNoKeys(backend, { signal })
  names.sort()
  if (keyHint === undefined) return names
  const hinted = names.filter((name) => name.startsWith(keyHint))
  if (hinted.length === 0) throw new RepositoryError('KEY_NOT_FOUND', { name: keyHint })
  return [...hinted, ...names.filter((name) => !hinted.includes(name))]
}

async function whyNoKeys(backend: Backend, options: Cancellable): Promise<RepositoryError> {
  const config = await backend.size({ type: 'config', name: '' }, options)
  const { location } = backend
  return new RepositoryError(config === undefined ? 'REPOSITORY_NOT_FOUND' : 'KEYS_MISSING', { location })
}

async function tryKey(
  backend: Backend,
  name: string,
  password: string,
  options: Cancellable,
): Promise<MasterKey | undefined> {
  const file = await loadKeyFile(backend, name, options)
  const derived = await deriveKey(password, file.salt, file)
  const opened = openWith(derived, file.data)
  if (!opened) return undefined
  try {
    return parseMasterKey(opened)
  } catch (cause) {
    throwIfBug(cause)
    throw damagedKey(backend, name, messageOf(cause), cause)
  } finally {
    opened.fill(0)
  }
}

async function loadKeyFile(backend: Backend, name: string, options: Cancellable): Promise<KeyFile> {
  const load = async () => decodeNamed(backend, name, await backend.read({ type: 'key', name }, options))
  try {
    return await load()
  } catch (thrown) {
    if (!hasCode(thrown, 'KEY_DAMAGED')) throw thrown
  }
  // Once more: a flaky line or disk must not look like damage.
  return await load()
}

function decodeNamed(backend: Backend, name: string, bytes: Buffer): KeyFile {
  if (bytes.length > largestKeyFile) throw damagedKey(backend, name, `it has ${bytes.length} bytes`)
  const isWhole = createHash('sha256').update(bytes).digest('hex') === name
  if (!isWhole) throw damagedKey(backend, name, 'its content is not what its name says')
  try {
    return decodeKeyFile(bytes)
  } catch (cause) {
    throwIfBug(cause)
    throw damagedKey(backend, name, messageOf(cause), cause)
  }
}

function damagedKey({ location }: Backend, name: string, reason: string, cause?: unknown): RepositoryError {
  return new RepositoryError('KEY_DAMAGED', { name: name.slice(0, 10), location, reason, cause })
}

function sealWith(key: MasterKey, plain: Buffer): Buffer {
  using primitives = choosePrimitives()
  using sealer = primitives.createSealer(key)
  const sealed = Buffer.alloc(plain.length + sealOverhead)
  sealer.seal(plain, sealed, 0, randomIvs((into) => randomFillSync(into))())
  return sealed
}

/** Undefined when the seal does not open: the password is another one. */
function openWith(key: MasterKey, sealed: Uint8Array): Buffer | undefined {
  using primitives = choosePrimitives()
  using sealer = primitives.createSealer(key)
  const plain = Buffer.alloc(Math.max(0, sealed.length - sealOverhead))
  try {
    sealer.open(sealed, plain, 0)
    return plain
  } catch (thrown) {
    if (hasCode(thrown, 'SEAL_BROKEN')) return undefined
    throw thrown
  }
}
