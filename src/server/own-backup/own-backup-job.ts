import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { hasCode, messageOf, throwIfBug } from '#base'
import { z } from 'zod'
import type { Services } from '../app/services.ts'
import { stepsDone } from '../store/migrate.ts'
import { serverJob } from '../work/job.ts'
import { withExport } from './export.ts'
import { noteOwnBackup, openOwnBackup } from './own-repository.ts'
import { saveFiles } from './snapshot-files.ts'
import type { MadeFile } from './snapshot-files.ts'
import { thinOwnBackup } from './thin-own-backup.ts'

/** The server's own backup: the control data of one moment, the key that opens its secrets, its certificate. */

/** Names in the snapshot. */
export const ownFolder = 'understudy-server'
export const aboutFile = 'about.json'
export const ownTag = 'understudy-server'

/** Files of the server's folder that go with the control data; the password of the repository is what keeps them. */
export const ownFiles = {
  'sealing.key': 'sealing.key',
  'tls-server.key': 'tls/server.key',
  'tls-server.crt': 'tls/server.crt',
}

export const aboutSchema = z.object({
  format: z.literal(1),
  /** The schema's last step. */
  step: z.string(),
  /** Milliseconds since 1970. */
  madeAt: z.number(),
  origin: z.string(),
})

export const ownBackupJob = serverJob({
  kind: 'own-backup',
  order: z.object({}),
  async run(_, { services, signal }) {
    await using opened = await openOwnBackup(services, { signal })
    const madeAt = services.clock.now()
    const snapshotId = await withExport(services.store, services.folder, async (tables) => {
      const files = allFiles(services, tables, madeAt)
      const about = { clock: services.clock, folder: ownFolder, tags: [ownTag], signal }
      return await saveFiles(opened.repository, files, about)
    })
    await noteOwnBackup(services, { completeAt: madeAt, snapshotId })
    try {
      const removed = await thinOwnBackup(services, opened.repository, { ownTag, signal })
      return { state: 'done', result: { snapshotId, removed } }
    } catch (thrown) {
      signal.throwIfAborted()
      throwIfBug(thrown)
      const reason = `The server is backed up, but old snapshots could not be removed: ${messageOf(thrown)}`
      return { state: 'warnings', reason, result: { snapshotId } }
    }
  },
})

async function* allFiles(services: Services, tables: AsyncIterable<MadeFile>, madeAt: number): AsyncIterable<MadeFile> {
  yield* tables
  for (const [name, path] of Object.entries(ownFiles)) {
    const bytes = await readFile(join(services.folder, path)).catch((thrown: unknown) => {
      if (hasCode(thrown, 'ENOENT')) return undefined // a certificate that was given lies elsewhere
      throw thrown
    })
    if (bytes) yield { name, pieces: [bytes] }
  }
  const step = (await stepsDone(services.store)).at(-1) ?? ''
  const about: z.input<typeof aboutSchema> = { format: 1, step, madeAt, origin: services.origin }
  yield { name: aboutFile, pieces: [Buffer.from(`${JSON.stringify(about, undefined, 2)}\n`)] }
}

/** So often the server backs itself up, in milliseconds: what is younger is learned from the repositories when it is lost. */
export const ownBackupEvery = 3 * 3_600_000

/** Enters the operation that backs the server up, unless one waits or runs. */
export async function orderOwnBackup({ store, operations, clock }: Services, by = 'schedule') {
  const open = await store.db
    .selectFrom('operations')
    .selectAll()
    .where('kind', '=', 'own-backup')
    .where('state', 'in', ['waiting', 'running'])
    .executeTakeFirst()
  if (open) return open
  const onceKey = `own-backup ${clock.now()}`
  return await operations.create({
    clientId: null,
    machineId: null,
    kind: 'own-backup',
    order: {},
    requestedBy: by,
    onceKey,
  })
}
