import { stat } from 'node:fs/promises'
import { parseLocation } from '#backend'
import type { OwnBackupView } from '../alerts/index.ts'
import type { Services } from '../app/services.ts'
import { ownBackupState } from '../own-backup/own-repository.ts'
import type { OwnBackupState } from '../own-backup/own-repository.ts'

/** `since`: from when on the server has had something to lose. */
export async function lookAtOwnBackup(services: Services, since: number): Promise<OwnBackupView> {
  const state = await ownBackupState(services)
  const { completeAt: lastComplete, passwordShownAt } = state
  const newest = await services.store.db
    .selectFrom('operations')
    .select(['state', 'reason'])
    .where('kind', '=', 'own-backup')
    .where('endedAt', 'is not', null)
    .orderBy('endedAt', 'desc')
    .limit(1)
    .executeTakeFirst()
  return {
    since,
    lastComplete,
    reason: newest?.state === 'failed' ? newest.reason : null,
    isPasswordKnown: passwordShownAt !== null,
    isOnSameDisk: await isOnSameDisk(services, state),
  }
}

async function isOnSameDisk({ folder, storageFolder }: Services, { secrets }: OwnBackupState): Promise<boolean> {
  const place = secrets.location === null ? storageFolder : localPath(secrets.location)
  if (place === undefined) return false
  const disks = await Promise.all([place, folder].map(async (path) => await diskOf(path)))
  return disks[0] !== undefined && disks[0] === disks[1]
}

function localPath(location: string): string | undefined {
  const parsed = parseLocation(location)
  return parsed.scheme === 'local' ? parsed.path : undefined
}

/** Undefined: it is away just now, and then it is not this one. */
async function diskOf(path: string): Promise<number | undefined> {
  return await stat(path).then(
    ({ dev }) => dev,
    () => undefined,
  )
}
