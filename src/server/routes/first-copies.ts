import { isAbsolute } from 'node:path'
import { idSchema, operationSchema } from '#protocol'
import { z } from 'zod'
import { route } from '../app/route.ts'
import { workingMachine } from '../restores/order-restore.ts'
import { showOperation } from './operations.ts'

export const firstCopyRoutes = [
  route({
    method: 'POST',
    path: '/api/machines/:machine/take-first-copy',
    summary: 'Takes in the first copy of a machine that came by disk, from a folder of the server itself.',
    command: 'machine take-first-copy',
    // It reads where the server may read: that is for who administers the server, not one of its clients.
    access: { by: 'person', right: 'administer', of: 'server' },
    params: z.object({ machine: idSchema }),
    body: z.strictObject({
      folder: z
        .string()
        .max(4_000)
        .refine((path) => isAbsolute(path) && !path.includes('\0'), 'It must be the whole path of a folder.')
        .describe('a folder of the server: the one that "understudy agent first-copy" wrote'),
    }),
    answer: operationSchema,
    async handle({ params: { machine: machineId }, body: { folder }, caller: { actor } }, services) {
      const { clientId } = await workingMachine(services, machineId)
      return await services.store.db.transaction().execute(async (transaction) => {
        const about = { clientId, machineId: null, kind: 'take-first-copy', requestedBy: actor.who }
        const operation = await services.operations.create({ ...about, order: { machineId, folder } }, transaction)
        const details = { machineId, folder, operation: operation.id }
        await services.audit.write({ actor, what: 'machine.take-first-copy', clientId, details }, transaction)
        return showOperation(operation)
      })
    },
  }),
]
