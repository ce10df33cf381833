import {
  approvalSchema,
  clientSchema,
  doneOrWaitsSchema,
  kitConfirmationSchema,
  kitStateSchema,
  madeKitSchema,
} from '#protocol'
import type { newKitSchema } from '#protocol'
import { z } from 'zod'
import { call, shape } from './call.ts'

/** What keeps backups safe from people and from loss: approvals, the state "attacked", recovery kits. */

export const listApprovals = call({
  method: 'GET',
  path: '/api/approvals',
  query: shape<{ readonly client?: string; readonly state?: z.output<typeof approvalSchema>['state'] }>(),
  answer: z.array(approvalSchema),
  about: ['approval'],
})
const deciding = { method: 'POST', answer: approvalSchema, about: ['approval'] } as const
export const allowApproval = call({ ...deciding, path: '/api/approvals/:approval/allow' })
export const refuseApproval = call({ ...deciding, path: '/api/approvals/:approval/refuse' })
export const withdrawApproval = call({ ...deciding, path: '/api/approvals/:approval/withdraw' })

export const sayAttacked = call({
  method: 'POST',
  path: '/api/clients/:client/attacked',
  answer: clientSchema,
  about: ['client', 'alert'],
})
export const sayNotAttacked = call({
  method: 'POST',
  path: '/api/clients/:client/not-attacked',
  answer: doneOrWaitsSchema,
  about: ['client', 'approval'],
})

export const readKit = call({
  method: 'GET',
  path: '/api/clients/:client/kit',
  answer: kitStateSchema,
  about: ['client', 'repository', 'machine'],
})
export const makeKit = call({
  method: 'POST',
  path: '/api/clients/:client/kit',
  body: shape<z.input<typeof newKitSchema>>(),
  answer: madeKitSchema,
  about: ['client'],
})
export const confirmKit = call({
  method: 'POST',
  path: '/api/clients/:client/kit/confirmation',
  body: shape<{ readonly code: string }>(),
  answer: kitConfirmationSchema,
  about: ['client', 'alert'],
})
