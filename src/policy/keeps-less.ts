import type { Keep } from './backup-policy.ts'
import { parseDuration, type CalendarDuration } from './duration.ts'
import type { KeepCount } from './retention.ts'

const counts = ['last', 'hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const

/**
 * Whether `after` may remove what `before` keeps: one of its numbers is smaller. It does not look whether another, larger one
 * makes up for that: who asks wants to hear of every doubt.
 *
 * @throws PolicyError POLICY_DURATION_INVALID
 */
export function keepsLess(before: Keep, after: Keep): boolean {
  if (counts.some((count) => asNumber(after[count]) < asNumber(before[count]))) return true
  return before.within !== undefined && isShorter(parseDuration(after.within ?? ''), parseDuration(before.within))
}

function asNumber(count: KeepCount = 0): number {
  return count === 'unlimited' ? Infinity : count
}

/** A month has 28 days where that makes the one shorter, and 31 where that makes the other longer. */
function isShorter(one: CalendarDuration, other: CalendarDuration): boolean {
  const isSame = (['years', 'months', 'days', 'hours'] as const).every((unit) => one[unit] === other[unit])
  return !isSame && hours(one, { year: 365, month: 28 }) < hours(other, { year: 366, month: 31 })
}

function hours(duration: CalendarDuration, days: { readonly year: number; readonly month: number }): number {
  return (duration.years * days.year + duration.months * days.month + duration.days) * 24 + duration.hours
}
