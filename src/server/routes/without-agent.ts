import {
  doneSchema,
  idSchema,
  machineSchema,
  madeScriptSchema,
  newMachineSchema,
  resticAccessSchema,
  scriptOrderSchema,
  scriptSchema,
} from '#protocol'
import { z } from 'zod'
import { route } from '../app/route.ts'
import type { Services } from '../app/services.ts'
import { showMachine } from '../fleet/machines.ts'
import { takeReport } from '../fleet/script-runs.ts'
import { createMachine, findScript, grantToRestic, makeScript } from '../fleet/without-agent.ts'
import { scriptReport } from '../scripts/index.ts'
import { formatMoment } from '../time.ts'

const named = z.object({ machine: idSchema })

export const withoutAgentRoutes = [
  route({
    method: 'POST',
    path: '/api/clients/:client/machines',
    command: 'machine create',
    summary: 'Makes a machine without our agent known: stock restic backs it up.',
    access: { by: 'person', right: 'operate', of: 'client' },
    params: z.object({ client: idSchema }),
    body: newMachineSchema,
    answer: machineSchema,
    async handle({ params: { client: clientId }, body, caller }, services) {
      const machine = await createMachine(services, { clientId, ...body })
      const details = { id: machine.id, ...body }
      await services.audit.write({ actor: caller.actor, what: 'machine.create', clientId, details })
      return showMachine(machine)
    },
  }),
  route({
    method: 'POST',
    path: '/api/machines/:machine/script',
    command: 'machine make-script',
    summary:
      'Makes the ready script of a machine without our agent. It holds secrets and is shown once; one made before works no longer.',
    access: { by: 'person', right: 'operate', of: 'machine' },
    rate: 'handing',
    fresh: true,
    params: named,
    body: scriptOrderSchema,
    answer: madeScriptSchema,
    async handle({ params: { machine }, body: order, caller }, services) {
      const made = await makeScript(services, machine, { order, caller })
      const details = { machine, order }
      await services.audit.write({
        actor: caller.actor,
        what: 'script.make',
        ...(await ofClient(services, machine)),
        details,
      })
      return made
    },
  }),
  route({
    method: 'GET',
    path: '/api/machines/:machine/script',
    command: 'machine script',
    summary: 'What the script of a machine without our agent backs up, and when. Without its secrets.',
    access: { by: 'person', right: 'see', of: 'machine' },
    params: named,
    answer: scriptSchema,
    async handle({ params: { machine } }, services) {
      const found = await findScript(services, machine)
      return { ...found, madeAt: formatMoment(found.madeAt) }
    },
  }),
  route({
    method: 'POST',
    path: '/api/machines/:machine/restic-access',
    command: 'machine restic-access',
    summary:
      'What stock restic needs for the repository of a machine without our agent. Shown once; what was made before holds no longer.',
    access: { by: 'person', right: 'operate', of: 'machine' },
    rate: 'handing',
    fresh: true,
    params: named,
    answer: resticAccessSchema,
    async handle({ params: { machine }, caller }, services) {
      const access = await grantToRestic(services, machine, caller)
      await services.store.db.deleteFrom('scripts').where('machineId', '=', machine).execute()
      const details = { machine, repositoryId: access.repositoryId }
      await services.audit.write({
        actor: caller.actor,
        what: 'repository.grant',
        ...(await ofClient(services, machine)),
        details,
      })
      return access
    },
  }),
  route({
    method: 'POST',
    path: '/api/script-reports',
    summary: 'How a run of a machine’s script ended.',
    access: { by: 'script' },
    body: scriptReport,
    answer: doneSchema,
    async handle({ caller: { machineId: id, clientId }, body }, services) {
      await takeReport(services, { id, clientId }, body)
      return { done: true as const }
    },
  }),
]

async function ofClient({ store }: Services, machine: string): Promise<{ readonly clientId: string }> {
  return await store.db.selectFrom('machines').select('clientId').where('id', '=', machine).executeTakeFirstOrThrow()
}
