import { eventSchema } from '#protocol'
import type { WatchedEvent } from '#protocol'
import { z } from 'zod'
import { may } from '../app/caller.ts'
import type { Grants } from '../app/caller.ts'
import { streamRoute } from '../app/route.ts'
import type { Streamed } from '../app/send-events.ts'
import type { Services } from '../app/services.ts'
import { ServerError } from '../errors.ts'
import type { Admission } from '../events/admissions.ts'
import type { Fed } from '../events/event-feed.ts'
import { formatMoment } from '../time.ts'

/** Number of the last event that was read. */
const seqSchema = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER)

export const eventRoutes = [
  streamRoute({
    path: '/api/events',
    command: 'server events',
    summary: 'Tells what changes, as it does: a stream of events. Each names what is to be asked for anew.',
    access: { by: 'person', right: 'see', of: 'each' },
    answer: eventSchema,
    handle({ caller, lastEventId, signal }, services) {
      const after = lastEventId === undefined ? undefined : seqOf(lastEventId)
      const admission = services.admissions.admit(caller)
      signal.addEventListener('abort', () => admission[Symbol.dispose](), { once: true })
      return streamOf({ admission, after, signal }, services)
    },
  }),
]

function seqOf(lastEventId: string): number {
  const { success, data } = seqSchema.safeParse(lastEventId)
  if (success) return data
  throw new ServerError('INPUT_INVALID', { part: 'call', reason: '"last-event-id": it is no number of an event' })
}

async function* streamOf(
  { admission, after, signal }: { readonly admission: Admission; readonly after: number | undefined } & Ending,
  { feed, clock }: Services,
): AsyncGenerator<Streamed<WatchedEvent>> {
  using _ = admission
  const ending = AbortSignal.any([signal, admission.signal])
  for await (const fed of feed.watch({ after, signal: ending })) {
    if (ending.aborted) return
    yield* shown(fed, admission.grants, clock.now())
  }
}

interface Ending {
  readonly signal: AbortSignal
}

function* shown(fed: Fed, grants: Grants, now: number): Generator<Streamed<WatchedEvent>> {
  if ('subject' in fed) {
    const { kind, subject, clientId, at } = fed
    if (!may(grants, 'see', clientId ?? '*')) return
    const event = { kind: eventSchema.shape.kind.parse(kind), subject, clientId, at: formatMoment(at) }
    yield { id: String(fed.seq), event }
  } else if (fed.kind === 'missed') {
    const event = { kind: 'missed', subject: null, clientId: null, at: formatMoment(now) } as const
    yield { id: String(fed.seq), event }
  } else yield 'alive'
}
