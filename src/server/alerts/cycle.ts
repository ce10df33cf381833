/** One round: look, decide, store, send, and call the outside watch. Run every minute, on any number of nodes at once. */
import { isDeepStrictEqual } from 'node:util'
import type { Cancellable } from '#base'
import { decideWatchCall, recordWatchCall, type Vital, type WatchDecision } from './dead-man.ts'
import { decideNotifications } from './decide.ts'
import { findConditions } from './find-conditions.ts'
import { changeState, deliverDue, type OutboxParts } from './outbox.ts'
import type { AlertView } from './view.ts'
import { type KnownNames, wayViews } from './ways.ts'

export interface CycleParts extends OutboxParts {
  /** Everything that is watched, as it is now. */
  readonly look: () => Promise<Omit<AlertView, 'ways'>>
  readonly names: KnownNames
  readonly vitals: () => readonly Vital[]
}

export interface CycleResult {
  /** Messages that were tried. */
  readonly tried: number
  readonly watch: WatchDecision
}

export async function runAlertCycle(parts: CycleParts, { signal }: Cancellable = {}): Promise<CycleResult> {
  const { store, settings, clock, names } = parts
  const view = await parts.look()
  await changeState(store, (state) => {
    const now = clock.now()
    const findings = findConditions({ ...view, ways: wayViews(settings, state, names) }, now)
    const decision = decideNotifications(state, findings, { settings, now })
    // Mostly nothing happens, and then nothing is written.
    return isDeepStrictEqual(decision.state, state) ? null : decision
  })
  signal?.throwIfAborted()
  const tried = await deliverDue(parts, { signal })
  return { tried, watch: await callWatch(parts, { signal }) }
}

async function callWatch(
  { store, postman, settings, clock, vitals }: CycleParts,
  { signal }: Cancellable,
): Promise<WatchDecision> {
  const { state } = await store.load()
  const decision = decideWatchCall(state, vitals(), { settings, now: clock.now() })
  if (!decision.call || !settings.deadMan) return decision
  const delivery = await postman.callWatch(settings.deadMan, { signal })
  await changeState(store, (current) => ({ state: recordWatchCall(current, delivery, clock.now()) }))
  return decision
}
