import {
  comparisonAnswerSchema,
  comparisonOrderSchema,
  downloadOrderSchema,
  idSchema,
  listedFolderQuerySchema,
  listedFolderSchema,
  previewAnswerSchema,
  previewOrderSchema,
  recoveryPointPageSchema,
  recoveryPointIdSchema,
} from '#protocol'
import { z } from 'zod'
import type { Caller } from '../app/caller.ts'
import { fileAnswerSchema } from '../app/file-answer.ts'
import { route } from '../app/route.ts'
import type { Services } from '../app/services.ts'
import { listFolder } from '../reading/list-folder.ts'
import { compareVersions, download, previewFile } from '../reading/look-inside.ts'
import { bytesOf } from '../reading/open-recovery-point.ts'
import type { Place, RecoveryPointName } from '../reading/open-recovery-point.ts'
import { listRecoveryPoints } from '../reading/recovery-points.ts'

/** Recovery points and what lies in them. Names are for who may restore; content is for who may read, and asks for a reason. */

const ofMachine = z.object({ machine: idSchema })
const named = ofMachine.extend({ snapshot: recoveryPointIdSchema })

export const recoveryPointRoutes = [
  route({
    method: 'GET',
    path: '/api/machines/:machine/snapshots',
    command: 'machine snapshots',
    summary: 'The recovery points of a machine, the one received last first.',
    access: { by: 'person', right: 'see', of: 'machine' },
    params: ofMachine,
    query: z.object({
      limit: z.coerce.number().int().min(1).max(500).default(100).describe('how many on a page (default: 100)'),
      after: recoveryPointIdSchema.optional().describe('the last one of the page before'),
    }),
    answer: recoveryPointPageSchema,
    handle: async ({ params: { machine }, query, signal }, services) =>
      await listRecoveryPoints(services, machine, { ...query, signal }),
  }),
  route({
    method: 'GET',
    path: '/api/machines/:machine/snapshots/:snapshot/files',
    command: 'machine files',
    summary: 'What lies in a folder of a recovery point: names, sizes and times.',
    access: { by: 'person', right: 'restore', of: 'machine' },
    params: named,
    query: listedFolderQuerySchema,
    answer: listedFolderSchema,
    handle: async ({ params, query, signal }, services) => await listFolder(services, params, { ...query, signal }),
  }),
  route({
    method: 'POST',
    path: '/api/machines/:machine/snapshots/:snapshot/preview',
    command: 'machine preview',
    summary:
      'What a file in a recovery point holds, to be looked at. Asks for a reason, which stands in the audit log.',
    access: { by: 'person', right: 'read', of: 'machine' },
    rate: 'content',
    params: named,
    body: previewOrderSchema,
    answer: previewAnswerSchema,
    async handle({ params, body: { reason, ...place }, caller, signal }, services) {
      await auditReading(services, 'content.preview', { caller, params, place, reason })
      return await previewFile(services, params, { ...place, signal })
    },
  }),
  route({
    method: 'POST',
    path: '/api/machines/:machine/snapshots/:snapshot/comparison',
    command: 'machine compare',
    summary:
      'What has changed in a file since an older recovery point. Asks for a reason, which stands in the audit log.',
    access: { by: 'person', right: 'read', of: 'machine' },
    rate: 'content',
    params: named,
    body: comparisonOrderSchema,
    answer: comparisonAnswerSchema,
    async handle({ params, body: { reason, older, ...place }, caller, signal }, services) {
      await auditReading(services, 'content.compare', { caller, params, place, reason, more: { older } })
      return await compareVersions(services, params, { ...place, older, signal })
    },
  }),
  route({
    method: 'POST',
    path: '/api/machines/:machine/snapshots/:snapshot/download',
    command: 'machine download',
    summary: 'A file as it was, or a folder as an archive. Asks for a reason, which stands in the audit log.',
    access: { by: 'person', right: 'read', of: 'machine' },
    rate: 'download',
    params: named,
    body: downloadOrderSchema,
    answer: fileAnswerSchema,
    async handle({ params, body: { reason, format, ...place }, caller, signal }, services) {
      const about = { caller, params, place, reason }
      await auditReading(services, 'content.download', about)
      const onEnd = async (more: object) => await auditReading(services, 'content.download.end', { ...about, more })
      return await download(services, params, { ...place, format, signal, onEnd })
    },
  }),
]

interface Reading {
  readonly caller: Caller
  readonly params: RecoveryPointName
  readonly place: Place
  readonly reason: string
  readonly more?: object
}

/** Longest path in the audit log, in characters. */
const longestPath = 4_096

/** Before anything is shown: what cannot be written down is not shown. */
async function auditReading(services: Services, what: string, about: Reading): Promise<void> {
  const { caller, params, place, reason, more = {} } = about
  const { machine, snapshot } = params
  const { clientId } = await services.store.db
    .selectFrom('machines')
    .select('clientId')
    .where('id', '=', machine)
    .executeTakeFirstOrThrow()
  const path = bytesOf(place).toString('utf8').slice(0, longestPath)
  await services.audit.write({
    actor: caller.actor,
    what,
    clientId,
    details: { machine, snapshot, path, reason, ...more },
  })
}
