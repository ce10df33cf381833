/**
 * A server whose clock was wrong for an hour has written times that lie ahead. Left as they are, they would silence alerts
 * until then: a year, perhaps. Taken for now, they delay nothing for longer than usual.
 */
import type { AlertState, OpenCondition } from './state.ts'

/** Changes `state`. */
export function forgetTheFuture(state: AlertState, now: number): void {
  for (const entry of Object.values(state.open)) bringBack(entry, now)
  for (const [key, { sent, health }] of Object.entries(state.ways)) {
    const past = sent.filter(({ at }) => at <= now)
    state.ways[key] = { sent: past, health: health && { ...health, lastTry: Math.min(health.lastTry, now) } }
  }
}

function bringBack(entry: OpenCondition, now: number): void {
  const { gone, acknowledged, stepSince } = entry
  if (gone && gone.at > now) entry.gone = { ...gone, at: now }
  if (acknowledged && acknowledged.at > now) entry.acknowledged = { ...acknowledged, at: now }
  if (stepSince !== null && stepSince > now) entry.stepSince = now
  for (const [key, told] of Object.entries(entry.told)) {
    // The newest of its times.
    if (told.at <= now) continue
    const [firstAt, overAt] = [told.firstAt, told.overAt].map((at) => (at === null ? null : Math.min(at, now)))
    entry.told[key] = { ...told, at: now, firstAt: firstAt ?? null, overAt: overAt ?? null }
  }
}
