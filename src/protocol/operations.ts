import { z } from 'zod'
import { idSchema, timeSchema } from './answers.ts'

/** Everything that runs, has run or is to run. */
export const operationStates = ['waiting', 'running', 'done', 'warnings', 'failed', 'cancelled'] as const
export const operationStateSchema = z.enum(operationStates)
export type OperationState = z.infer<typeof operationStateSchema>

/** How far an operation is. What is not known is left out. */
export const progressSchema = z.object({
  /** What is done just now, for people. */
  step: z.string().max(200).optional(),
  done: z.number().min(0).optional(),
  total: z.number().min(0).optional(),
  unit: z.enum(['bytes', 'files', 'packs', 'trees', 'steps']).optional(),
  secondsLeft: z.number().min(0).optional(),
})
export type Progress = z.infer<typeof progressSchema>

/** How an operation has ended. */
export const outcomeSchema = z.object({
  state: z.enum(['done', 'warnings', 'failed', 'cancelled']),
  /** A sentence: why it failed, or what the warnings are. */
  reason: z.string().max(2_000).optional(),
  code: z.string().max(100).optional(),
  /** Figures and ids, by the kind of the operation. */
  result: z.record(z.string(), z.unknown()).optional(),
})
export type Outcome = z.infer<typeof outcomeSchema>

export const operationSchema = z.object({
  id: idSchema,
  clientId: idSchema.nullable(),
  machineId: idSchema.nullable(),
  kind: z.string(),
  state: operationStateSchema,
  order: z.record(z.string(), z.unknown()),
  progress: progressSchema.nullable(),
  result: z.record(z.string(), z.unknown()).nullable(),
  reason: z.string().nullable(),
  code: z.string().nullable(),
  requestedBy: z.string(),
  createdAt: timeSchema,
  /** When it is to run; of what a machine told later, having been without its server: when it ran, by its own clock. */
  runAt: timeSchema,
  /** By the server's clock, as it heard of it. */
  startedAt: timeSchema.nullable(),
  endedAt: timeSchema.nullable(),
  cancelAsked: z.boolean(),
})
