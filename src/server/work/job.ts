import type { Outcome, Progress } from '#protocol'
import type { z } from 'zod'
import type { Services } from '../app/services.ts'
import type { Row } from '../store/tables.ts'

/**
 * What waits behind each other: a first copy over a thin line may take for days, and must keep neither the server's own backup nor
 * retention nor checks from being done.
 */
export type Lane = 'care' | 'proofs' | 'copies'

/** A kind of operation that a server node does. */
export interface ServerJob {
  /** As in the operation's `kind`. */
  readonly kind: string
  /** What an order of this kind must be. */
  readonly order: z.ZodType
  /** Default: the care of the repositories. */
  readonly lane?: Lane
  run(order: unknown, work: ServerJobWork): Promise<Outcome>
}

/** What a job works with. What it throws makes its operation a failed one, with the code and sentence of the error. */
export interface ServerJobWork {
  readonly services: Services
  readonly operation: Row<'operations'>
  /** Aborts when somebody asked for an end, when the claim is lost, and when the server stops. */
  readonly signal: AbortSignal
  /** Said to whoever watches, now and then. */
  readonly report: (progress: Progress) => void
}

/** Makes a job whose order has the type of its schema. */
export function serverJob<Order extends z.ZodType>(definition: {
  readonly kind: string
  readonly order: Order
  readonly lane?: Lane
  run(order: z.output<Order>, work: ServerJobWork): Promise<Outcome>
}): ServerJob {
  return definition
}
