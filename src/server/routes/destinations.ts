import {
  changedDestinationSchema,
  destinationSchema,
  diskSchema,
  doneSchema,
  everyClient,
  idSchema,
  nameSchema,
  newDestinationSchema,
  operationSchema,
  placeTestSchema,
  strangeDiskSchema,
} from '#protocol'
import { z } from 'zod'
import { clientsWith, may } from '../app/caller.ts'
import type { Caller } from '../app/caller.ts'
import { route } from '../app/route.ts'
import { orderCopyNow, wantedCopies } from '../copies/copy-round.ts'
import { changeDestination, createDestination, destinationOf, removeDestination } from '../copies/destinations.ts'
import { adoptDisk, foldersOf, retireDisk } from '../copies/disks.ts'
import { askObjectLock } from '../copies/object-locks.ts'
import { showDestination, showDisk } from '../copies/show.ts'
import { testPlace } from '../copies/test-place.ts'
import { ServerError } from '../errors.ts'
import { showOperation } from './operations.ts'

const named = z.object({ destination: idSchema })

export const destinationRoutes = [
  route({
    method: 'GET',
    path: '/api/destinations',
    command: 'destination list',
    summary: 'Where copies lie, how old each is, who can delete it, and what the last tamper test found.',
    access: { by: 'person', right: 'see', of: 'each' },
    query: z.object({ client: idSchema.optional().describe('only those of this client') }),
    answer: z.array(destinationSchema),
    async handle({ caller, query: { client } }, services) {
      const seen = clientsWith(caller.grants, 'see')
      let query = services.store.db.selectFrom('destinations').selectAll().orderBy('name').orderBy('id')
      if (seen !== 'every') query = query.where('clientId', 'in', seen.length > 0 ? [...seen] : [''])
      if (client !== undefined) query = query.where('clientId', '=', client)
      return await Promise.all((await query.execute()).map(async (row) => await showDestination(services, row)))
    },
  }),
  route({
    method: 'GET',
    path: '/api/destinations/:destination',
    command: 'destination show',
    summary: 'One destination of copies.',
    access: { by: 'person', right: 'see', of: 'destination' },
    params: named,
    answer: destinationSchema,
    handle: async ({ params: { destination } }, services) =>
      await showDestination(services, await destinationOf(services, destination)),
  }),
  route({
    method: 'POST',
    path: '/api/clients/:client/destinations',
    command: 'destination create',
    summary: 'Makes a destination of copies. Backup policies name it in `to.copies`.',
    access: { by: 'person', right: 'administer', of: 'client' },
    params: z.object({ client: idSchema }),
    body: newDestinationSchema,
    answer: destinationSchema,
    async handle({ params: { client: clientId }, body, caller }, services) {
      const made = await createDestination(services, clientId, { ...body, isOfServer: isOfServer(caller) })
      const shown = await showDestination(services, made)
      const { id, name, kind, location, place, deletableBy } = shown
      const details = { id, name, kind, location, place, deletableBy }
      await services.audit.write({ actor: caller.actor, what: 'destination.create', clientId, details })
      return shown
    },
  }),
  route({
    method: 'PUT',
    path: '/api/destinations/:destination',
    command: 'destination change',
    summary: 'Changes what is known of a destination. What is left out stays as it is, and so does where it lies.',
    access: { by: 'person', right: 'administer', of: 'destination' },
    params: named,
    body: changedDestinationSchema,
    answer: destinationSchema,
    async handle({ params: { destination: id }, body, caller }, services) {
      const changed = await changeDestination(services, id, { ...body, isOfServer: isOfServer(caller) })
      const { credentials, ...about } = body
      const details = { id, ...about, credentialsChanged: credentials !== undefined }
      const { clientId } = changed
      await services.audit.write({ actor: caller.actor, what: 'destination.change', clientId, details })
      return await showDestination(services, changed)
    },
  }),
  route({
    method: 'POST',
    path: '/api/destinations/:destination/remove',
    command: 'destination remove',
    summary: 'Forgets a destination that no backup policy names, its name typed back. What lies there stays.',
    access: { by: 'person', right: 'administer', of: 'destination' },
    params: named,
    body: z.object({ name: nameSchema.describe('its name, typed back') }),
    answer: doneSchema,
    async handle({ params: { destination: id }, body: { name }, caller }, services) {
      const { clientId } = await removeDestination(services, id, name)
      const details = { id, name }
      await services.audit.write({ actor: caller.actor, what: 'destination.remove', clientId, details })
      return { done: true as const }
    },
  }),
  route({
    method: 'POST',
    path: '/api/destinations/:destination/test',
    command: 'destination test',
    summary: 'Tries a destination with a small file, in a folder of its own there.',
    access: { by: 'person', right: 'operate', of: 'destination' },
    params: named,
    answer: z.array(placeTestSchema.extend({ folder: z.string().nullable() })),
    async handle({ params: { destination: id }, signal }, services) {
      const destination = await destinationOf(services, id)
      const folders =
        destination.kind === 'disks' ? [...(await foldersOf(services, destination)).found.values()] : [undefined]
      const tests = folders.map(async (folder) => ({
        ...(await testPlace(services, destination, { folder, signal })),
        objectLock: destination.kind === 's3' ? await askObjectLock(services, destination, { signal }) : null,
        folder: folder ?? null,
      }))
      return await Promise.all(tests)
    },
  }),
  route({
    method: 'POST',
    path: '/api/destinations/:destination/copy',
    command: 'destination copy',
    summary: 'Copies to a destination now what backup policies want there, whatever their schedule.',
    access: { by: 'person', right: 'operate', of: 'destination' },
    params: named,
    answer: z.array(operationSchema),
    async handle({ params: { destination: id }, caller }, services) {
      const { clientId, kind } = await destinationOf(services, id)
      const wanted = (await wantedCopies(services)).filter(({ destinationId }) => destinationId === id)
      if (wanted.length === 0) {
        const away = kind === 'disks' ? ', or has none of its disks plugged in' : ''
        throw new ServerError('STATE_WRONG', { what: 'destination', state: `in no backup policy of a machine${away}` })
      }
      const operations = []
      for (const each of wanted) operations.push(await orderCopyNow(services, each, caller.actor.who))
      const details = { id, operations: operations.map((operation) => operation.id) }
      await services.audit.write({ actor: caller.actor, what: 'destination.copy', clientId, details })
      return operations.map(showOperation)
    },
  }),
  route({
    method: 'POST',
    path: '/api/destinations/:destination/tamper-test',
    command: 'destination tamper-test',
    summary: 'Tries to destroy a file that is written for this, with what the server writes to the destination with.',
    access: { by: 'person', right: 'operate', of: 'destination' },
    params: named,
    answer: operationSchema,
    async handle({ params: { destination: id }, caller }, services) {
      const { clientId } = await destinationOf(services, id)
      const order = { destinationId: id }
      const about = { clientId, machineId: null, kind: 'tamper-test', order, requestedBy: caller.actor.who }
      const operation = await services.operations.create(about)
      const details = { id, operationId: operation.id }
      await services.audit.write({ actor: caller.actor, what: 'destination.tamper-test', clientId, details })
      return showOperation(operation)
    },
  }),
  route({
    method: 'POST',
    path: '/api/machines/:machine/tamper-test',
    command: 'machine tamper-test',
    summary: 'Tries to destroy a file in a machine’s repository at this server, with a credential like the machine’s.',
    access: { by: 'person', right: 'operate', of: 'machine' },
    params: z.object({ machine: idSchema }),
    answer: operationSchema,
    async handle({ params: { machine }, caller }, { store, operations, audit }) {
      const { db } = store
      const repository = await db
        .selectFrom('repositories')
        .select(['id', 'clientId'])
        .where('machineId', '=', machine)
        .executeTakeFirst()
      if (!repository) throw new ServerError('NOTHING_YET', { what: 'repository' })
      const { id: repositoryId, clientId } = repository
      const order = { repositoryId }
      const about = { clientId, machineId: null, kind: 'tamper-test', order, requestedBy: caller.actor.who }
      const operation = await operations.create(about)
      const details = { machine, operationId: operation.id }
      await audit.write({ actor: caller.actor, what: 'machine.tamper-test', clientId, details })
      return showOperation(operation)
    },
  }),
  route({
    method: 'GET',
    path: '/api/destinations/:destination/strange-disks',
    command: 'destination strange-disks',
    summary:
      'Folders where disks of a destination are looked for, and that bear no mark of it. Nothing is written to them.',
    access: { by: 'person', right: 'operate', of: 'destination' },
    params: named,
    answer: z.array(strangeDiskSchema),
    handle: async ({ params: { destination: id } }, services) => [
      ...(await foldersOf(services, await destinationOf(services, id))).strange,
    ],
  }),
  route({
    method: 'POST',
    path: '/api/destinations/:destination/disks',
    command: 'destination add-disk',
    summary: 'Makes a disk that is plugged in one of a destination’s, by a mark in its folder.',
    access: { by: 'person', right: 'administer', of: 'destination' },
    params: named,
    body: z.object({
      folder: z.string().min(1).max(4096).describe('where it is plugged in'),
      label: nameSchema.describe('what is written on it'),
    }),
    answer: diskSchema,
    async handle({ params: { destination: id }, body: { folder, label }, caller }, services) {
      const destination = await destinationOf(services, id)
      const disk = await adoptDisk(services, destination, { folder, label, by: caller.actor.who })
      const details = { id, disk: disk.id, folder, label }
      const { clientId } = destination
      await services.audit.write({ actor: caller.actor, what: 'disk.adopt', clientId, details })
      return showDisk(disk)
    },
  }),
  route({
    method: 'POST',
    path: '/api/destinations/:destination/disks/retire',
    command: 'destination retire-disk',
    summary: 'Forgets one of a destination’s disks, which is lost or worn out. What is on it stays.',
    access: { by: 'person', right: 'administer', of: 'destination' },
    params: named,
    body: z.object({ disk: idSchema.describe('id of the disk') }),
    answer: doneSchema,
    async handle({ params: { destination: id }, body: { disk }, caller }, services) {
      const { clientId } = await destinationOf(services, id)
      const { label } = await retireDisk(services, id, disk)
      const details = { id, disk, label }
      await services.audit.write({ actor: caller.actor, what: 'disk.retire', clientId, details })
      return { done: true as const }
    },
  }),
]

/** An administrator of the server itself, who may also name its disks and its network. */
function isOfServer({ grants }: Caller): boolean {
  return may(grants, 'administer', everyClient)
}
