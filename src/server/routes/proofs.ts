import {
  askTestRestoreSchema,
  askTrialSchema,
  evidenceRecordSchema,
  forecastSchema,
  idSchema,
  operationSchema,
  proofSettingsSchema,
  proofStateSchema,
} from '#protocol'
import { z } from 'zod'
import { clientsWith } from '../app/caller.ts'
import { route } from '../app/route.ts'
import { askProof } from '../proofs/ask-proof.ts'
import { showEvidence } from '../proofs/evidence.ts'
import { forecastMachine } from '../proofs/forecast.ts'
import { loadTurn } from '../proofs/reading-turn.ts'
import { loadSettings, saveSettings } from '../proofs/settings.ts'
import { repositoryOf } from '../restores/find-snapshot.ts'
import { formatMoment, formatMomentOrNull } from '../time.ts'
import { showOperation } from './operations.ts'

const ofMachine = z.object({ machine: idSchema })
const ofClient = z.object({ client: idSchema })

/** Rows that one call gives. */
const pageLength = 200

/** What proves that data comes back: evidence, what makes it, and what follows from it. */
export const proofRoutes = [
  route({
    method: 'GET',
    path: '/api/evidence',
    command: 'evidence list',
    summary: 'What was measured, newest first.',
    access: { by: 'person', right: 'see', of: 'each' },
    query: z.object({
      client: idSchema.optional().describe('only of this client'),
      machine: idSchema.optional().describe('only of this machine'),
      repository: idSchema.optional().describe('only of this repository'),
      kind: z.string().max(100).optional().describe('only of this kind: backup, check, test-restore, trial, ledger, …'),
      before: z.coerce.number().int().optional().describe('measured before, milliseconds since 1970'),
    }),
    answer: z.array(evidenceRecordSchema),
    async handle({ caller, query: { client, machine, repository, kind, before } }, { store }) {
      const seen = clientsWith(caller.grants, 'see')
      let query = store.db.selectFrom('evidence').selectAll().orderBy('measuredAt', 'desc').limit(pageLength)
      if (seen !== 'every') query = query.where('clientId', 'in', seen.length > 0 ? [...seen] : [''])
      if (client !== undefined) query = query.where('clientId', '=', client)
      if (machine !== undefined) query = query.where('machineId', '=', machine)
      if (repository !== undefined) query = query.where('repositoryId', '=', repository)
      if (kind !== undefined) query = query.where('kind', '=', kind)
      if (before !== undefined) query = query.where('measuredAt', '<', before)
      return (await query.execute()).map(showEvidence)
    },
  }),
  route({
    method: 'GET',
    path: '/api/clients/:client/proofs',
    command: 'client proofs',
    summary: 'How often the backups of a client are proven, and how.',
    access: { by: 'person', right: 'see', of: 'client' },
    params: ofClient,
    answer: proofSettingsSchema,
    async handle({ params }, services) {
      return await loadSettings(services, params.client)
    },
  }),
  route({
    method: 'PUT',
    path: '/api/clients/:client/proofs',
    command: 'client set-proofs',
    summary: 'Changes how often the backups of a client are proven, and how. What is left out is as usual.',
    access: { by: 'person', right: 'operate', of: 'client' },
    params: ofClient,
    body: proofSettingsSchema,
    answer: proofSettingsSchema,
    async handle({ params: { client: clientId }, body: settings, caller }, services) {
      await saveSettings(services, clientId, settings)
      await services.audit.write({ actor: caller.actor, what: 'proofs.change', clientId, details: { settings } })
      return settings
    },
  }),
  route({
    method: 'GET',
    path: '/api/machines/:machine/proofs',
    command: 'machine proofs',
    summary: 'How far the proofs of a machine’s backups are, and whether the server can make any.',
    access: { by: 'person', right: 'see', of: 'machine' },
    params: ofMachine,
    answer: proofStateSchema,
    async handle({ params }, services) {
      const { id, clientId, sealedPassword } = await repositoryOf(services, params.machine)
      const turn = await loadTurn(services, id)
      return {
        impossible: sealedPassword === null ? passwordKept : null,
        settings: await loadSettings(services, clientId),
        reading: turn
          ? {
              part: turn.part,
              parts: turn.parts,
              turnBegunAt: formatMoment(turn.turnBegunAt),
              coveredAt: formatMomentOrNull(turn.coveredAt),
              coveredSince: formatMomentOrNull(turn.coveredSince),
            }
          : null,
      }
    },
  }),
  route({
    method: 'POST',
    path: '/api/machines/:machine/check',
    command: 'machine check',
    summary: 'Has the server check the repository of a machine now: the next part of its data, or everything.',
    access: { by: 'person', right: 'operate', of: 'machine' },
    params: ofMachine,
    body: z.strictObject({
      read: z.enum(['next part', 'everything']).default('next part').describe('how much is read (default: next part)'),
    }),
    answer: operationSchema,
    async handle({ params, body: { read }, caller }, services) {
      const asked = { kind: 'check', where: 'server', readEverything: read === 'everything' } as const
      return showOperation(await askProof(services, params.machine, { asked, caller }))
    },
  }),
  route({
    method: 'POST',
    path: '/api/machines/:machine/test-restore',
    command: 'machine test-restore',
    summary:
      'Has a random sample restored now, on the server or on the machine, compared and timed; it is removed again.',
    access: { by: 'person', right: 'operate', of: 'machine' },
    params: ofMachine,
    body: askTestRestoreSchema,
    answer: operationSchema,
    async handle({ params, body: { where, snapshot, seed }, caller }, services) {
      const place = where === 'server' ? 'server' : params.machine
      const asked = { kind: 'test-restore', where: place, snapshot, seed } as const
      return showOperation(await askProof(services, params.machine, { asked, caller }))
    },
  }),
  route({
    method: 'POST',
    path: '/api/machines/:machine/trial',
    command: 'machine trial',
    summary:
      'Has everything restored now for trial, on the machine, on a spare one or on the server, and timed; it is removed again.',
    access: { by: 'person', right: 'operate', of: 'machine' },
    params: ofMachine,
    body: askTrialSchema,
    answer: operationSchema,
    async handle({ params, body: { where = params.machine, snapshot }, caller }, services) {
      return showOperation(
        await askProof(services, params.machine, { asked: { kind: 'trial', where, snapshot }, caller }),
      )
    },
  }),
  route({
    method: 'GET',
    path: '/api/machines/:machine/forecast',
    command: 'machine forecast',
    summary: 'How long a full restore will take, from what was measured, with reasons; or that it is not known.',
    access: { by: 'person', right: 'see', of: 'machine' },
    params: ofMachine,
    query: z.object({
      to: idSchema
        .meta({ thing: 'machine' })
        .optional()
        .describe('the machine that would be restored to (default: itself)'),
      limit: z.coerce.number().positive().optional().describe('seconds that it may take'),
    }),
    answer: forecastSchema,
    async handle({ params, query: { to = params.machine, limit }, signal }, services) {
      const { forecast, content, fit } = await forecastMachine(services, params.machine, { to, limit, signal })
      const { known, reasons } = forecast
      const range = known ? forecast : { low: null, likely: null, high: null, basedOn: [] }
      return {
        known,
        low: range.low,
        likely: range.likely,
        high: range.high,
        reasons: [...reasons],
        basedOn: [...new Set(range.basedOn.map(({ id }) => id))],
        bytes: content?.bytes ?? null,
        files: content?.files ?? null,
        fit: fit ?? null,
      }
    },
  }),
]

const passwordKept =
  'The client keeps the password of this repository from the server: only the machine itself can make test restores and trials, and nobody but its people can check it.'
