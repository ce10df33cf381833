import { randomBytes } from 'node:crypto'
import { hasCode } from '#base'
import type { Cancellable } from '#base'
import { displayLocation, parseLocation } from '#backend'
import type { Backend } from '#backend'
import { placeCredentialsSchema } from '#protocol'
import { addVerifiedKey, initRepository, lockRepository, openRepository, removeKey } from '#repository'
import type { Repository } from '#repository'
import { z } from 'zod'
import type { Services } from '../app/services.ts'
import { openReached, reach, requireFolder } from '../copies/open-place.ts'
import type { PlaceCredentials } from '../copies/open-place.ts'
import { ProvenBackend } from '../copies/proven-backend.ts'
import { OwnBackupError } from './errors.ts'

/** The repository that the server backs itself up into, below its storage or a location of its own. */

/** Its name there: no machine's repository has one like it. */
export const ownRepositoryName = 'server'

const setting = 'own-backup'

const secretsSchema = z.object({
  /** As `--repo` takes it; null: in the server's own storage. */
  location: z.string().nullable(),
  credentials: placeCredentialsSchema.nullable(),
  password: z.string(),
})

const stateSchema = z.object({
  /** Location, credentials and password. */
  sealed: z.string(),
  configId: z.string().nullable(),
  /** Nobody can use the backup before somebody has seen a password for it. */
  passwordShownAt: z.number().nullable(),
  completeAt: z.number().nullable(),
  snapshotId: z.string().nullable(),
  thinnedAt: z.number().nullable().default(null),
})

export type OwnBackupState = z.output<typeof stateSchema> & { readonly secrets: z.output<typeof secretsSchema> }

/** Made at the first look: a server backs itself up from its first day. */
export async function ownBackupState(services: Services): Promise<OwnBackupState> {
  const { store, sealer } = services
  const row = await store.db.selectFrom('settings').select('value').where('name', '=', setting).executeTakeFirst()
  if (!row) {
    await begin(services)
    return await ownBackupState(services)
  }
  const state = stateSchema.parse(JSON.parse(row.value))
  return { ...state, secrets: secretsSchema.parse(JSON.parse(sealer.open(setting, state.sealed))) }
}

export interface OwnPlace {
  readonly location: string | null
  readonly credentials: PlaceCredentials | null
  /** Of the repository that lies there already. Left out: the password stays the one that it is. */
  readonly password?: string | undefined
}

/**
 * Names another place, and opens or makes the repository there. What lies at the old place stays. Throws what opening throws;
 * then everything is as it was.
 */
export async function moveOwnBackup(
  services: Services,
  { password, ...place }: OwnPlace,
  { signal }: Cancellable = {},
): Promise<void> {
  const { store, sealer } = services
  const { secrets, ...before } = await ownBackupState(services)
  const sealed = sealer.seal(setting, JSON.stringify({ ...place, password: password ?? secrets.password }))
  const set = async (state: z.output<typeof stateSchema>) =>
    await store.db
      .updateTable('settings')
      .set({ value: JSON.stringify(state) })
      .where('name', '=', setting)
      .execute()
  await set({ ...before, sealed, configId: null, completeAt: null, snapshotId: null })
  try {
    await using opened = await openOwnBackup(services, { signal })
    void opened
  } catch (thrown) {
    await set(before)
    throw thrown
  }
}

async function begin({ store, sealer }: Services): Promise<void> {
  const sealed = sealer.seal(setting, JSON.stringify({ location: null, credentials: null, password: makePassword() }))
  const value = JSON.stringify({ sealed, configId: null, passwordShownAt: null, completeAt: null, snapshotId: null })
  await store.db
    .insertInto('settings')
    .values({ name: setting, value })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .execute()
}

/** Changes what is known of it; what somebody else changes at the same time is kept. */
export async function noteOwnBackup({ store }: Services, change: Partial<z.output<typeof stateSchema>>): Promise<void> {
  for (;;) {
    const { value: before } = await store.db
      .selectFrom('settings')
      .select('value')
      .where('name', '=', setting)
      .executeTakeFirstOrThrow()
    const value = JSON.stringify({ ...stateSchema.parse(JSON.parse(before)), ...change })
    const changed = await store.db
      .updateTable('settings')
      .set({ value })
      .where('name', '=', setting)
      .where('value', '=', before)
      .returning('name')
      .executeTakeFirst()
    if (changed) return
  }
}

export function shownOwnLocation({ secrets: { location } }: OwnBackupState): string | null {
  return location === null ? null : displayLocation(location)
}

export interface OpenedOwn extends AsyncDisposable {
  readonly repository: Repository
}

/** Opens it, or makes it where it never was. Throws `OWN_BACKUP_GONE`, and what the storage throws. */
export async function openOwnBackup(services: Services, { signal }: Cancellable = {}): Promise<OpenedOwn> {
  const state = await ownBackupState(services)
  await using stack = new AsyncDisposableStack()
  const backend = await backendOf(services, state, stack)
  const repository = stack.use(await openOrMake(backend, state, { signal }))
  const { configId } = state
  if (configId !== null && repository.config.id !== configId) throw gone(state)
  if (configId === null) await noteOwnBackup(services, { configId: repository.config.id })
  const owned = stack.move()
  return { repository, [Symbol.asyncDispose]: async () => await owned.disposeAsync() }
}

async function backendOf(
  { storage }: Services,
  { secrets: { location, credentials } }: OwnBackupState,
  stack: AsyncDisposableStack,
): Promise<Backend> {
  if (location === null) return new ProvenBackend(await storage.backend(ownRepositoryName))
  if (parseLocation(location).scheme === 'local') await requireFolder('the server’s own backup', location)
  const reached = await reach(location, credentials ?? undefined, { below: ownRepositoryName })
  return new ProvenBackend(stack.use(openReached(reached)).backend)
}

async function openOrMake(backend: Backend, state: OwnBackupState, options: Cancellable): Promise<Repository> {
  const { password } = state.secrets
  try {
    return await openRepository(backend, { password, ...options })
  } catch (thrown) {
    if (!hasCode(thrown, 'REPOSITORY_NOT_FOUND')) throw thrown
    if (state.configId !== null) throw gone(state, thrown)
    return await initRepository(backend, { password, ...options })
  }
}

function gone(state: OwnBackupState, cause?: unknown): OwnBackupError {
  return new OwnBackupError('OWN_BACKUP_GONE', { location: shownOwnLocation(state) ?? 'the server’s storage', cause })
}

const lockWait = 60_000

/**
 * Gives the repository a new password, to be shown once: the server keeps it sealed, and whoever has it and the repository can
 * bring the server back. The one before opens nothing any more.
 */
export async function renewOwnPassword(services: Services, { signal }: Cancellable = {}): Promise<string> {
  await using opened = await openOwnBackup(services, { signal })
  const state = await ownBackupState(services)
  const password = makePassword()
  const { repository } = opened
  await using lock = await lockRepository(repository, { exclusive: true, signal, retryFor: lockWait })
  const { secrets } = state
  const sealed = services.sealer.seal(setting, JSON.stringify({ ...secrets, password }))
  // Whatever ends this between two steps: the password that the server has opens the repository.
  const added = await addVerifiedKey(repository, { password }, { signal })
  await noteOwnBackup(services, { sealed, passwordShownAt: services.clock.now() })
  using again = await openRepository(repository.backend, { password, keyHint: added, signal })
  await removeKey(again, repository.keyName, { lock, signal })
  return password
}

/** To be typed from paper: letters and digits that nobody takes for others, 120 bits, in groups. */
function makePassword(): string {
  const letters = 'abcdefghijkmnpqrstuvwxyz23456789'
  const text = [...randomBytes(24)].map((byte) => letters[byte % letters.length]).join('')
  return (text.match(/.{6}/g) ?? []).join('-')
}
