import { deviceAccessSchema, doneSchema, idSchema, machineSchema, nameSchema } from '#protocol'
import { z } from 'zod'
import { route } from '../app/route.ts'
import { changeDevice, createDevice, showDevice } from '../fleet/devices.ts'
import { showMachine } from '../fleet/machines.ts'

/** Machines that take no software, and how the agents beside them read them. */

const named = z.object({ machine: idSchema })

export const deviceRoutes = [
  route({
    method: 'POST',
    path: '/api/clients/:client/devices',
    command: 'machine create-device',
    summary: 'Enters a machine that takes no software: the agent of another machine reads it over SFTP, FTP or SMB.',
    access: { by: 'person', right: 'operate', of: 'client' },
    params: z.object({ client: idSchema }),
    body: z.object({
      name: nameSchema.describe('its name'),
      readBy: idSchema.meta({ thing: 'machine' }).describe('machine whose agent reads it'),
      access: deviceAccessSchema,
    }),
    answer: machineSchema,
    async handle({ params: { client: clientId }, body, caller }, services) {
      const machine = await createDevice(services, clientId, body)
      const { readBy, access } = body
      const details = { id: machine.id, name: machine.name, readBy, kind: access.kind, host: access.host }
      await services.audit.write({ actor: caller.actor, what: 'device.create', clientId, details })
      return showMachine(machine)
    },
  }),
  route({
    method: 'GET',
    path: '/api/machines/:machine/device',
    command: 'machine device',
    summary: 'How a machine that takes no software is read, without its secrets.',
    access: { by: 'person', right: 'see', of: 'machine' },
    params: named,
    answer: z.object({
      machineId: idSchema,
      readBy: idSchema,
      kind: z.enum(['sftp', 'ftp', 'smb']),
      host: z.string(),
      port: z.int().nullable(),
      user: z.string(),
    }),
    handle: async ({ params: { machine } }, services) => await showDevice(services, machine),
  }),
  route({
    method: 'PUT',
    path: '/api/machines/:machine/device',
    command: 'machine set-device',
    summary: 'Changes how a machine that takes no software is read, and by which machine.',
    access: { by: 'person', right: 'operate', of: 'machine' },
    params: named,
    body: z.object({
      readBy: idSchema.meta({ thing: 'machine' }).describe('machine whose agent reads it'),
      access: deviceAccessSchema,
    }),
    answer: doneSchema,
    async handle({ params: { machine: id }, body, caller }, services) {
      await changeDevice(services, id, body)
      const { clientId } = await services.store.db
        .selectFrom('machines')
        .select('clientId')
        .where('id', '=', id)
        .executeTakeFirstOrThrow()
      const { readBy, access } = body
      const details = { id, readBy, kind: access.kind, host: access.host }
      await services.audit.write({ actor: caller.actor, what: 'device.change', clientId, details })
      return { done: true as const }
    },
  }),
]
