/** Storage that fills, with the date when it will be full; and storage whose clock is wrong. */
import { fullWhen } from '#policy'
import type { Severity } from '#protocol'
import { type Finding, finding, type Subject } from '../condition.ts'
import type { StorageView } from '../view.ts'
import { limits } from './limits.ts'

export function storageFindings(storage: StorageView, now: number): Finding[] {
  const { id, name, client, space, used, clockAhead } = storage
  const subject: Subject = { type: 'storage', id, name, client }
  const findings: Finding[] = []
  if (space) findings.push(filling(subject, { ...space, fullAt: fullAt(used, space, now), now }))
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
  return finding('clock_wrong', subject, { trouble: { severity, since: now, facts: { ahead, than: 'server' } } })
}

/** When it will be full if it goes on as it does: null when it does not fill, or when that cannot be said yet. */
function fullAt(used: StorageView['used'], { capacity }: { readonly capacity: number }, now: number): number | null {
  const series = used.map(({ at, bytes }) => ({ at, used: bytes }))
  const foreseen = fullWhen(series, { now, capacity, timeZone: 'UTC' })
  if (foreseen.answer === 'full') return now
  return foreseen.answer === 'date' ? Math.round(foreseen.date) : null
}
