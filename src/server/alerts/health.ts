/** What a delivery, good or bad, changes in what is known: of the way, and of who knows what. */
import type { Delivery } from './delivery.ts'
import type { Message } from './message.ts'
import { type AlertState, copyState, type Told, type WayHealth, wayKey } from './state.ts'

/** So many failures in a row are no passing fault any more. */
const brokenAfter = 3

export interface Outcome {
  readonly message: Message
  readonly delivery: Delivery
  /** The message is not tried again. */
  readonly isLast: boolean
}

/**
 * Takes in how messages fared. A way on which nothing arrives becomes broken, and what a lost message should have told counts
 * as not told.
 */
export function recordDeliveries(state: AlertState, outcomes: readonly Outcome[], now: number): AlertState {
  const next = copyState(state)
  for (const { message, delivery, isLast } of outcomes) {
    const key = wayKey(message.recipient.person, message.recipient.channel)
    const way = next.ways[key] ?? { sent: [], health: null }
    next.ways[key] = { ...way, health: healthAfter(way.health, { delivery, isLast, now }) }
    for (const entry of Object.values(next.open)) {
      const told = entry.told[key]
      if (told?.message !== message.id) continue
      if (delivery.outcome === 'delivered') entry.told[key] = { ...told, delivered: true }
      else if (isLast) restore(entry.told, key)
    }
  }
  return next
}

export function healthAfter(
  health: WayHealth | null,
  { delivery, isLast, now }: { readonly delivery: Delivery; readonly isLast: boolean; readonly now: number },
): WayHealth | null {
  if (delivery.outcome === 'delivered') return null
  const failures = (health?.failures ?? 0) + 1
  const isBroken = isLast || failures >= brokenAfter
  return {
    failures,
    brokenSince: health?.brokenSince ?? (isBroken ? now : null),
    lastTry: now,
    reason: delivery.reason,
  }
}

function restore(told: Record<string, Told>, key: string): void {
  const before = told[key]?.before
  if (before) told[key] = { ...before, before: null }
  else delete told[key]
}
