/** Storage that fills, with the date when it will be full; and storage whose clock is wrong. */
import type { Severity } from '#protocol'
import { type Finding, finding, type Subject } from '../condition.ts'
import { day } from '../units.ts'
import type { StorageView } from '../view.ts'
import { limits } from './limits.ts'

export function storageFindings(storage: StorageView, now: number): Finding[] {
  const { id, name, client, space, used, clockAhead } = storage
  const subject: Subject = { type: 'storage', id, name, client }
  const findings: Finding[] = []
  if (space) findings.push(filling(subject, { ...space, fullAt: fullAt(used, space.free, now), now }))
  if (clockAhead !== undefined) findings.push(clock(subject, clockAhead, now))
  return findings
}

interface Filling {
  readonly free: number
  readonly capacity: number
  readonly fullAt: number | null
  readonly now: number
}

function filling(subject: Subject, { now, ...facts }: Filling): Finding {
  const isWithin = ({ within, share }: { readonly within: number; readonly share: number }) =>
    facts.free < share * facts.capacity || (facts.fullAt !== null && facts.fullAt - now < within)
  const { warning, critical } = limits.full
  if (!isWithin(warning)) return finding('storage_filling', subject, { trouble: null })
  const severity: Severity = isWithin(critical) ? 'critical' : 'warning'
  return finding('storage_filling', subject, { trouble: { severity, since: now, facts } })
}

/** Retention goes by the server's time: a storage that lives in another time would lose what is young or keep what is old. */
function clock(subject: Subject, ahead: number, now: number): Finding {
  if (Math.abs(ahead) <= limits.clock) return finding('clock_wrong', subject, { trouble: null })
  const severity: Severity = Math.abs(ahead) > limits.storageClockCritical ? 'critical' : 'warning'
  return finding('clock_wrong', subject, { trouble: { severity, since: now, facts: { ahead } } })
}

/** As many samples as are compared pair by pair. */
const mostSamples = 60

/**
 * When the storage will be full if it goes on as in the last month: null when it does not grow, or when less than a day has
 * been measured. By the median of all slopes between two samples (Theil–Sen): what is pruned every week belongs to how it
 * goes on, and one disk that was copied or cleared does not.
 */
export function fullAt(used: StorageView['used'], free: number, now: number): number | null {
  const stride = Math.ceil(used.length / mostSamples)
  // From the newest backwards, so that the newest is one of them.
  const samples = used.filter((_, index) => (used.length - 1 - index) % stride === 0)
  const [first, last] = [samples[0], samples.at(-1)]
  if (!first || !last || last.at - first.at < day) return null
  const slopes = samples.flatMap((a, index) =>
    samples.slice(index + 1).flatMap((b) => (b.at > a.at ? (b.bytes - a.bytes) / (b.at - a.at) : [])),
  )
  const growth = slopes.toSorted((a, b) => a - b)[Math.floor(slopes.length / 2)] ?? 0
  return growth > 0 ? Math.round(now + free / growth) : null
}
