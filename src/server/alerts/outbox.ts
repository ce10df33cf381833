/**
 * What must be kept of alerts, and how: a message is stored together with the decision to send it, before it is sent, and
 * how it fared together with what that changes. So nothing is lost; a crash between sending and storing the outcome sends
 * a message a second time, under the same id.
 */
import type { Cancellable, Clock } from '#base'
import type { AlertSettings } from '#protocol'
import type { Postman } from './channels/send.ts'
import { type Delivery, failedDelivery } from './delivery.ts'
import { AlertError } from './errors.ts'
import { type Outcome, recordDeliveries } from './health.ts'
import type { Message } from './message.ts'
import type { AlertState } from './state.ts'
import { hour, minute } from './units.ts'

export interface AlertStore {
  /** The state as it was saved last, `emptyAlertState()` at first. */
  load(): Promise<{ readonly state: AlertState; readonly revision: number }>
  /**
   * Saves all of it or, when the state has been saved by somebody else since `revision`, nothing: then it answers false.
   * A message whose id is there already is passed over.
   */
  save(change: AlertChange, options: { readonly revision: number }): Promise<boolean>
  /**
   * Messages that wait and whose time is not after `now`, or lies after `horizon` (the clock was wrong when it was set); at
   * most `limit`, the oldest first. They are the caller's until `until`: nobody else gets them before, and somebody gets
   * them after, unless they have been settled.
   */
  claim(options: ClaimOptions): Promise<readonly OutboxEntry[]>
}

/** Times in milliseconds since 1970. */
export interface ClaimOptions {
  readonly now: number
  readonly horizon: number
  readonly until: number
  readonly limit: number
}

export interface AlertChange {
  readonly state: AlertState
  readonly messages?: readonly Message[]
  readonly attempts?: readonly Attempt[]
}

export interface OutboxEntry {
  readonly message: Message
  /** How often it was tried before. */
  readonly tries: number
}

/** One line of the delivery log. */
export interface Attempt {
  readonly message: string
  readonly at: number
  readonly delivery: Delivery
  /** When it is tried again; null when it has arrived or is given up. */
  readonly next: number | null
}

/** After so many tries, over about two hours, a message is given up: what it said is then said again, elsewhere if need be. */
const mostTries = 8
const firstWait = minute
const longestWait = hour
/** Longer than any sending takes. */
const claimTime = 5 * minute
const batch = 16

export interface OutboxParts {
  readonly store: AlertStore
  readonly postman: Postman
  readonly settings: AlertSettings
  readonly clock: Clock
  /** From 0 up to 1. */
  readonly random: () => number
}

/** Sends what is due. Answers how many messages were tried. */
export async function deliverDue(parts: OutboxParts, { signal }: Cancellable = {}): Promise<number> {
  const { store, clock } = parts
  let tried = 0
  for (;;) {
    const now = clock.now()
    const entries = await store.claim({ now, horizon: now + longestWait, until: now + claimTime, limit: batch })
    if (entries.length === 0) return tried
    tried += entries.length
    const endings = await Promise.allSettled(entries.map((entry) => attempt(entry, parts, { signal })))
    const results = endings.flatMap((ending) => (ending.status === 'fulfilled' ? ending.value : []))
    await changeState(store, (state) => ({
      state: recordDeliveries(
        state,
        results.map(({ outcome }) => outcome),
        clock.now(),
      ),
      attempts: results.map((result) => result.attempt),
    }))
    // Cancelled, or a mistake of ours: what the others did is stored first, else they would all be sent once more.
    const thrown = endings.find((ending) => ending.status === 'rejected')
    if (thrown) throw thrown.reason
  }
}

interface Result {
  readonly outcome: Outcome
  readonly attempt: Attempt
}

async function attempt(
  { message, tries }: OutboxEntry,
  { postman, settings, clock, random }: OutboxParts,
  { signal }: Cancellable,
): Promise<Result> {
  const channel = settings.channels.find(({ id }) => id === message.recipient.channel)
  const delivery = channel ? await postman.send(channel, message, { signal }) : channelGone(message)
  const wait = waitAfter(delivery, { tries: tries + 1, random })
  const now = clock.now()
  const next = wait === null ? null : now + wait
  return {
    outcome: { message, delivery, isLast: next === null },
    attempt: { message: message.id, at: now, delivery, next },
  }
}

function channelGone({ recipient }: Message): Delivery {
  return failedDelivery(new AlertError('ALERT_CHANNEL_GONE', { channel: recipient.channel }))
}

/** Milliseconds until the next try; null when there is none. Spread, so that many messages do not come back at once. */
export function waitAfter(
  delivery: Delivery,
  { tries, random }: { readonly tries: number; readonly random: () => number },
): number | null {
  if (delivery.outcome === 'delivered' || !delivery.transient || tries >= mostTries) return null
  const bound = Math.min(longestWait, firstWait * 2 ** (tries - 1))
  return Math.max(Math.round(bound * (0.5 + random() / 2)), delivery.retryAfter ?? 0)
}

/** Changes the state by `change`, again on what somebody else has saved meanwhile. Null: there is nothing to save. */
export async function changeState(store: AlertStore, change: (state: AlertState) => AlertChange | null): Promise<void> {
  for (;;) {
    const { state, revision } = await store.load()
    const changed = change(state)
    if (changed === null || (await store.save(changed, { revision }))) return
  }
}
