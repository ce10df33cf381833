import { formatCount, printable } from '#base'
import { idSchema } from '#protocol'
import { z } from 'zod'
import { approvalAction } from '../approvals/action.ts'
import { noteCopyCare } from './copy-care.ts'

/** What makes a copy lose more, or sooner, than goes unasked. */

export const copyKeySchema = z.object({
  destinationId: idSchema,
  repositoryId: idSchema,
  diskId: z.union([idSchema, z.literal('')]),
})

const ofCopy = z.object({ key: copyKeySchema, name: z.string(), destination: z.string() })

export const thinCopyDetails = ofCopy.extend({ snapshots: z.array(z.string()) })

export const thinCopyAction = approvalAction({
  name: 'copy.thin',
  details: thinCopyDetails,
  describe: ({ name, destination, snapshots }) =>
    `remove ${formatCount(snapshots.length, 'snapshot')} from the copy of "${printable(name)}" at "${printable(destination)}" for good, more than goes unasked`,
  async perform({ key }, { services, transaction, approval, actor }) {
    const about = { clientId: approval.clientId, machineId: null, kind: 'thin-copy', requestedBy: actor.who }
    const order = { ...key, approval: approval.id }
    await services.operations.create({ ...about, order, onceKey: `approval ${approval.id}` }, transaction)
  },
})

export const shortenCopyAction = approvalAction({
  name: 'copy.shorten',
  details: ofCopy,
  describe: ({ name, destination }) =>
    `keep less of "${printable(name)}" in its copy at "${printable(destination)}" than until now`,
  async perform({ key }, { transaction }) {
    await noteCopyCare(transaction, key, { keeps: [] })
  },
})
