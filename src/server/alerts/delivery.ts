/** How the sending of one message ended, as a value: it is stored, shown, and decided upon. */
import { AlertError } from './errors.ts'

export type Delivery =
  | {
      readonly outcome: 'delivered'
      /** What the other side said. */
      readonly answer: string
    }
  | {
      readonly outcome: 'failed'
      readonly code: string
      /** A sentence without secrets. */
      readonly reason: string
      readonly hint: string
      /** Whether a later try may succeed. */
      readonly transient: boolean
      /** Milliseconds that the other side asked us to wait. */
      readonly retryAfter?: number | undefined
    }

/** What was thrown while sending, as a value. Anything but an `AlertError` is a mistake of ours, and is thrown on. */
export function failedDelivery(thrown: unknown): Delivery {
  if (!(thrown instanceof AlertError)) throw thrown
  const { code, message, hint, transient, details } = thrown
  const { retryAfter } = details
  return {
    outcome: 'failed',
    code,
    reason: message,
    hint,
    transient,
    ...(typeof retryAfter === 'number' ? { retryAfter } : {}),
  }
}
