/**
 * A server whose clock was wrong for an hour has written times that lie ahead. Left as they are, they would silence alerts
 * until then: a year, perhaps. Taken for now, they delay nothing for longer than usual.
 */
import type { AlertState, OpenCondition, Told } from './state.ts'

/** Changes `state`. */
export function forgetTheFuture(state: AlertState, now: number): void {
  for (const entry of Object.values(state.open)) bringBack(entry, now)
  for (const [key, { sent, health }] of Object.entries(state.ways)) {
    const past = sent.filter(({ at }) => at <= now)
    state.ways[key] = { sent: past, health: health && { ...health, lastTry: Math.min(health.lastTry, now) } }
  }
}

function bringBack(entry: OpenCondition, now: number): void {
  const notAfterNow = (at: number | null) => (at === null ? null : Math.min(at, now))
  const { gone, acknowledged, stepSince } = entry
  if (gone) entry.gone = { ...gone, at: Math.min(gone.at, now) }
  if (acknowledged) entry.acknowledged = { ...acknowledged, at: Math.min(acknowledged.at, now) }
  entry.stepSince = notAfterNow(stepSince)
  for (const [key, told] of Object.entries(entry.told)) {
    const { at, firstAt, overAt } = told
    const times = {
      at: Math.min(at, now),
      firstAt: notAfterNow(firstAt),
      overAt: notAfterNow(overAt),
    }
    entry.told[key] = { ...told, ...times } satisfies Told
  }
}
