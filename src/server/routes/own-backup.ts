import { idSchema, operationSchema, placeCredentialsSchema, timeSchema } from '#protocol'
import { z } from 'zod'
import { route } from '../app/route.ts'
import type { Services } from '../app/services.ts'
import { orderOwnBackup } from '../own-backup/own-backup-job.ts'
import { moveOwnBackup, ownBackupState, renewOwnPassword, shownOwnLocation } from '../own-backup/own-repository.ts'
import { giveRepositoryPassword } from '../rebuild/learn.ts'
import { formatMomentOrNull } from '../time.ts'
import { showOperation } from './operations.ts'

const ownBackupSchema = z.object({
  /** Without secrets; null: in the server's own storage, in the folder `server` beside the machines' repositories. */
  location: z.string().nullable(),
  completeAt: timeSchema.nullable(),
  snapshotId: z.string().nullable(),
  /** Null: nobody has a password for it yet, so that it brings nothing back. */
  passwordShownAt: timeSchema.nullable(),
})

export const ownBackupRoutes = [
  route({
    method: 'GET',
    path: '/api/server/backup',
    command: 'server-backup show',
    summary: 'Where the server backs itself up, when it did so last, and whether anybody has the password.',
    access: { by: 'person', right: 'administer', of: 'server' },
    answer: ownBackupSchema,
    handle: async (_, services) => await show(services),
  }),
  route({
    method: 'PUT',
    path: '/api/server/backup',
    command: 'server-backup change',
    summary:
      'Names another place for the server’s own backup. What lies at the old one stays. The password stays what it is.',
    access: { by: 'person', right: 'administer', of: 'server' },
    body: z.strictObject({
      location: z.string().trim().min(1).max(2000).nullable().describe('as --repo takes it'),
      credentials: placeCredentialsSchema.nullable().default(null),
      /** Of the repository that lies there already. */
      password: z.string().min(1).max(200).optional(),
    }),
    answer: ownBackupSchema,
    async handle({ body, caller, signal }, services) {
      await moveOwnBackup(services, body, { signal })
      const shown = await show(services)
      const details = { location: shown.location }
      await services.audit.write({ actor: caller.actor, what: 'server-backup.move', details })
      await orderOwnBackup(services, caller.actor.who)
      return shown
    },
  }),
  route({
    method: 'POST',
    path: '/api/server/backup',
    command: 'server-backup run',
    summary: 'Backs the server up now.',
    access: { by: 'person', right: 'administer', of: 'server' },
    answer: operationSchema,
    async handle({ caller }, services) {
      const operation = await orderOwnBackup(services, caller.actor.who)
      const details = { operationId: operation.id }
      await services.audit.write({ actor: caller.actor, what: 'server-backup.order', details })
      return showOperation(operation)
    },
  }),
  route({
    method: 'POST',
    path: '/api/server/backup/password',
    command: 'server-backup new-password',
    summary:
      'Gives the server’s own backup a new password, shown this once, for the recovery kit. The one before opens nothing more.',
    access: { by: 'person', right: 'administer', of: 'server' },
    fresh: true,
    answer: z.object({ password: z.string(), location: z.string().nullable() }),
    async handle({ caller, signal }, services) {
      const password = await renewOwnPassword(services, { signal })
      await services.audit.write({ actor: caller.actor, what: 'server-backup.password' })
      return { password, location: shownOwnLocation(await ownBackupState(services)) }
    },
  }),
  route({
    method: 'POST',
    path: '/api/repositories/:repository/password',
    command: 'repository give-password',
    summary:
      'Gives the server the password of a repository that it keeps and cannot open: one that it learned of, or that a client kept.',
    access: { by: 'person', right: 'administer', of: 'repository' },
    params: z.object({ repository: idSchema }),
    body: z.object({ password: z.string().min(1).max(200) }),
    answer: z.object({ hostnames: z.array(z.string()), snapshots: z.int() }),
    async handle({ params: { repository: id }, body: { password }, caller, signal }, services) {
      const { clientId, hostnames, snapshots } = await giveRepositoryPassword(services, id, { password, signal })
      const details = { id, hostnames, snapshots }
      await services.audit.write({ actor: caller.actor, what: 'repository.password', clientId, details })
      return { hostnames: [...hostnames], snapshots }
    },
  }),
]

async function show(services: Services): Promise<z.input<typeof ownBackupSchema>> {
  const state = await ownBackupState(services)
  const { completeAt, snapshotId, passwordShownAt } = state
  return {
    location: shownOwnLocation(state),
    completeAt: formatMomentOrNull(completeAt),
    snapshotId,
    passwordShownAt: formatMomentOrNull(passwordShownAt),
  }
}
