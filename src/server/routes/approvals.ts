import { approvalSchema, changedSafetySchema, idSchema, safetySettingsSchema } from '#protocol'
import { z } from 'zod'
import { clientsWith } from '../app/caller.ts'
import { route } from '../app/route.ts'
import { allowApproval, askApproval, endApproval } from '../approvals/approvals.ts'
import { carryOut } from '../approvals/carry-out.ts'
import { lessSafetyAction } from '../approvals/safety-action.ts'
import { isLessSafe, readSafety, writeSafety } from '../approvals/settings.ts'
import { loadApproval, showApproval } from '../approvals/show.ts'

const named = z.object({ approval: idSchema })

/** Approvals that one call gives. */
const pageLength = 200

const settingsAnswer = z.object({ settings: safetySettingsSchema, waits: approvalSchema.nullable() })

export const approvalRoutes = [
  route({
    method: 'GET',
    path: '/api/approvals',
    summary: 'What was asked for and needs a second person or a delay, newest first.',
    command: 'approval list',
    access: { by: 'person', right: 'see', of: 'each' },
    query: z.object({
      client: idSchema.optional().describe('only those of this client'),
      state: approvalSchema.shape.state.optional().describe('only those in this state'),
    }),
    answer: z.array(approvalSchema),
    async handle({ caller, query: { client, state } }, { store }) {
      const seen = clientsWith(caller.grants, 'see')
      let query = store.db.selectFrom('approvals').selectAll().orderBy('askedAt', 'desc').limit(pageLength)
      if (seen !== 'every') query = query.where('clientId', 'in', seen.length > 0 ? [...seen] : [''])
      if (client !== undefined) query = query.where('clientId', '=', client)
      if (state !== undefined) query = query.where('state', '=', state)
      return (await query.execute()).map(showApproval)
    },
  }),
  route({
    method: 'GET',
    path: '/api/approvals/:approval',
    summary: 'What was asked for, by whom, and until when it waits.',
    command: 'approval show',
    access: { by: 'person', right: 'see', of: 'approval' },
    params: named,
    answer: approvalSchema,
    handle: async ({ params: { approval } }, services) => showApproval(await loadApproval(services, approval)),
  }),
  route({
    method: 'POST',
    path: '/api/approvals/:approval/allow',
    summary:
      'Allows what another person asked for; it is done at once. Needs a sign-in of the last minutes, and no token.',
    command: 'approval allow',
    bySession: true,
    access: { by: 'person', right: 'administer', of: 'approval' },
    params: named,
    answer: approvalSchema,
    async handle({ params: { approval: id }, caller }, services) {
      await allowApproval(services, id, caller)
      await carryOut(services, id)
      return showApproval(await loadApproval(services, id))
    },
  }),
  route({
    method: 'POST',
    path: '/api/approvals/:approval/refuse',
    summary: 'Refuses what another person asked for.',
    command: 'approval refuse',
    access: { by: 'person', right: 'administer', of: 'approval' },
    params: named,
    answer: approvalSchema,
    handle: async ({ params: { approval: id }, caller }, services) =>
      showApproval(await endApproval(services, id, { state: 'refused', caller })),
  }),
  route({
    method: 'POST',
    path: '/api/approvals/:approval/withdraw',
    summary: 'Withdraws what was asked for, by whomever.',
    command: 'approval withdraw',
    access: { by: 'person', right: 'operate', of: 'approval' },
    params: named,
    answer: approvalSchema,
    handle: async ({ params: { approval: id }, caller }, services) =>
      showApproval(await endApproval(services, id, { state: 'withdrawn', caller })),
  }),
  route({
    method: 'GET',
    path: '/api/settings/safety',
    summary: 'What keeps a single person from removing backups: delays, days to put back, the brake.',
    command: 'safety show',
    access: { by: 'person', right: 'see', of: 'server' },
    answer: safetySettingsSchema,
    handle: async (_, { store }) => await readSafety(store.db),
  }),
  route({
    method: 'PUT',
    path: '/api/settings/safety',
    summary:
      'Sets what is named of it. What would let more be removed, or sooner, waits for a second person or for the delay of now.',
    command: 'safety change',
    access: { by: 'person', right: 'administer', of: 'server' },
    body: changedSafetySchema,
    answer: settingsAnswer,
    async handle({ body, caller }, services) {
      const { store, audit } = services
      const before = await readSafety(store.db)
      const settings = { ...before, ...body }
      if (isLessSafe(before, settings)) {
        const waits = await askApproval(services, lessSafetyAction, { clientId: null, details: settings, by: caller })
        return { settings: before, waits: showApproval(waits) }
      }
      await store.db.transaction().execute(async (transaction) => {
        await writeSafety(transaction, settings)
        await audit.write({ actor: caller.actor, what: 'settings.safety', details: settings }, transaction)
      })
      return { settings, waits: null }
    },
  }),
]
