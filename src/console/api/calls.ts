import {
  alertSchema,
  auditEntrySchema,
  clientSchema,
  doneSchema,
  evidenceRecordSchema,
  forecastSchema,
  invitationSchema,
  machineDetailsSchema,
  machineDiscoverySchema,
  machineGlanceSchema,
  machineSchema,
  newSecondFactorSchema,
  operationSchema,
  passkeySchema,
  personSchema,
  previewAnswerSchema,
  proofStateSchema,
  recoveryPointPageSchema,
  searchAnswerSchema,
  secondFactorSchema,
  sessionSchema,
  storedPolicySchema,
} from '#protocol'
import type {
  askRestoreSchema,
  alertKeysSchema,
  askTestRestoreSchema,
  operationStateSchema,
  previewOrderSchema,
  searchQuerySchema,
  setUpSchema,
  wordsSchema,
} from '#protocol'
import { z } from 'zod'
import { call, shape } from './call.ts'

/**
 * The calls of the API that the console makes, by subject. `test/console-calls.test.ts` holds each against the server's
 * table: method, path and answer are the same there.
 */

/** People and the own account. */
export const readMe = call({ method: 'GET', path: '/api/me', answer: personSchema, about: ['person'] })
export const setUp = call({
  method: 'POST',
  path: '/api/set-up',
  body: shape<z.input<typeof setUpSchema>>(),
  answer: z.object({ id: z.string() }),
})
export const readSecondFactor = call({
  method: 'GET',
  path: '/api/me/second-factor',
  answer: secondFactorSchema,
  about: ['person'],
})
export const beginSecondFactor = call({ method: 'POST', path: '/api/me/second-factor', answer: newSecondFactorSchema })
export const confirmSecondFactor = call({
  method: 'POST',
  path: '/api/me/second-factor/confirmation',
  body: shape<{ readonly code: string }>(),
  answer: doneSchema,
  about: ['person'],
})
export const listSessions = call({
  method: 'GET',
  path: '/api/me/sessions',
  answer: z.array(sessionSchema),
  about: ['person'],
})
export const endSession = call({
  method: 'DELETE',
  path: '/api/me/sessions/:session',
  answer: doneSchema,
  about: ['person'],
})
export const listPasskeys = call({
  method: 'GET',
  path: '/api/me/passkeys',
  answer: z.array(passkeySchema),
  about: ['person'],
})
export const listPeople = call({ method: 'GET', path: '/api/people', answer: z.array(personSchema), about: ['person'] })
export const listInvitations = call({
  method: 'GET',
  path: '/api/people/invitations',
  answer: z.array(invitationSchema),
  about: ['person'],
})
export const invitePerson = call({
  method: 'POST',
  path: '/api/people/invite',
  body: shape<{ readonly email: string; readonly roles: z.input<typeof personSchema>['roles'] }>(),
  answer: z.object({ link: z.string() }),
  about: ['person'],
})
export const listAudit = call({
  method: 'GET',
  path: '/api/audit',
  query: shape<{ readonly after?: number }>(),
  answer: z.array(auditEntrySchema),
})

export const verifyAudit = call({
  method: 'GET',
  path: '/api/audit/verification',
  answer: z.object({
    entries: z.int(),
    hash: z.string(),
    fault: z.object({ kind: z.enum(['missing', 'changed', 'cut']), seq: z.int() }).nullable(),
  }),
})

/** Clients and machines. */
export const listClients = call({
  method: 'GET',
  path: '/api/clients',
  answer: z.array(clientSchema),
  about: ['client'],
})
export const listMachines = call({
  method: 'GET',
  path: '/api/machines',
  query: shape<{ readonly client?: string }>(),
  answer: z.array(machineSchema),
  about: ['machine'],
})
export const glanceAtMachines = call({
  method: 'GET',
  path: '/api/overview',
  query: shape<{ readonly client?: string }>(),
  answer: z.array(machineGlanceSchema),
  about: ['machine', 'repository', 'policy', 'operation'],
})
export const readMachine = call({
  method: 'GET',
  path: '/api/machines/:machine',
  answer: machineDetailsSchema,
  about: ['machine'],
})
export const approveMachine = call({
  method: 'POST',
  path: '/api/machines/:machine/approve',
  answer: machineSchema,
  about: ['machine'],
})
export const backUpMachine = call({
  method: 'POST',
  path: '/api/machines/:machine/backup',
  body: shape<{ readonly policy: string }>(),
  answer: operationSchema,
  about: ['operation'],
})
export const makeEnrolmentLine = call({
  method: 'POST',
  path: '/api/clients/:client/enrolment-lines',
  body: shape<{ readonly machineKind?: 'server' | 'pc' | 'laptop' | 'appliance' }>(),
  answer: z.object({ line: z.string(), expiresAt: z.iso.datetime({ offset: true }) }),
})
export const listMachinePolicies = call({
  method: 'GET',
  path: '/api/machines/:machine/policies',
  answer: z.array(storedPolicySchema),
  about: ['policy'],
})
export const readDiscovery = call({
  method: 'GET',
  path: '/api/machines/:machine/discovery',
  answer: machineDiscoverySchema,
  about: ['machine', 'policy'],
})
export const acceptProposal = call({
  method: 'POST',
  path: '/api/machines/:machine/proposal',
  body: shape<{ readonly besides?: boolean }>(),
  answer: storedPolicySchema,
  about: ['policy', 'machine'],
})
export const readProofState = call({
  method: 'GET',
  path: '/api/machines/:machine/proofs',
  answer: proofStateSchema,
  about: ['operation'],
})
export const readForecast = call({
  method: 'GET',
  path: '/api/machines/:machine/forecast',
  answer: forecastSchema,
  about: ['operation'],
})
export const listEvidence = call({
  method: 'GET',
  path: '/api/evidence',
  query: shape<{ readonly machine?: string; readonly kind?: string }>(),
  answer: z.array(evidenceRecordSchema),
  about: ['operation'],
})
export const testRestore = call({
  method: 'POST',
  path: '/api/machines/:machine/test-restore',
  body: shape<z.input<typeof askTestRestoreSchema>>(),
  answer: operationSchema,
  about: ['operation'],
})

/** Operations. */
export const listOperations = call({
  method: 'GET',
  path: '/api/operations',
  query: shape<{
    readonly client?: string
    readonly machine?: string
    readonly state?: z.output<typeof operationStateSchema>
    readonly kind?: string
    readonly before?: number
  }>(),
  answer: z.array(operationSchema),
  about: ['operation'],
})
export const readOperation = call({
  method: 'GET',
  path: '/api/operations/:operation',
  answer: operationSchema,
  about: ['operation'],
})
export const cancelOperation = call({
  method: 'POST',
  path: '/api/operations/:operation/cancel',
  answer: operationSchema,
  about: ['operation'],
})

/** Alerts. */
export const listAlerts = call({
  method: 'GET',
  path: '/api/alerts',
  query: shape<z.input<typeof wordsSchema> & { readonly client?: string }>(),
  answer: z.array(alertSchema),
  about: ['alert'],
})
type Keys = z.input<typeof alertKeysSchema>
const answering = { method: 'POST', answer: doneSchema, about: ['alert'] } as const
export const acknowledgeAlerts = call({ ...answering, path: '/api/alerts/acknowledge', body: shape<Keys>() })
export const muteAlerts = call({
  ...answering,
  path: '/api/alerts/mute',
  body: shape<Keys & { readonly until: string }>(),
})
export const unmuteAlerts = call({ ...answering, path: '/api/alerts/unmute', body: shape<Keys>() })
export const acknowledgeClientAlerts = call({
  ...answering,
  path: '/api/clients/:client/alerts/acknowledge',
  body: shape<Keys>(),
})
export const muteClientAlerts = call({
  ...answering,
  path: '/api/clients/:client/alerts/mute',
  body: shape<Keys & { readonly until: string }>(),
})
export const unmuteClientAlerts = call({
  ...answering,
  path: '/api/clients/:client/alerts/unmute',
  body: shape<Keys>(),
})

/** Recovery points and getting back. */
export const listRecoveryPoints = call({
  method: 'GET',
  path: '/api/machines/:machine/snapshots',
  query: shape<{ readonly limit?: number; readonly after?: string }>(),
  answer: recoveryPointPageSchema,
  about: ['repository', 'operation'],
})
export const searchFiles = call({
  method: 'POST',
  path: '/api/search',
  body: shape<z.input<typeof searchQuerySchema>>(),
  answer: searchAnswerSchema,
})
export const previewFile = call({
  method: 'POST',
  path: '/api/machines/:machine/snapshots/:snapshot/preview',
  body: shape<z.input<typeof previewOrderSchema>>(),
  answer: previewAnswerSchema,
})
export const restore = call({
  method: 'POST',
  path: '/api/machines/:machine/restore',
  body: shape<z.input<typeof askRestoreSchema>>(),
  answer: operationSchema,
  about: ['operation'],
})
