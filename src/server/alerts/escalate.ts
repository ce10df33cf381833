/** How far a condition has come: whose turn it is when those before have not answered, or cannot be reached. */
import type { AlertSettings } from '#protocol'
import { isAtLeast } from './condition.ts'
import { peopleFor, reach } from './people.ts'
import { type AlertState, isAcknowledged, isMuted, type OpenCondition, type Terms } from './state.ts'
import { minute } from './units.ts'

/** Changes `state`. */
export function escalate(state: AlertState, terms: Terms): void {
  for (const entry of Object.values(state.open)) {
    if (entry.gone || isMuted(entry, terms.now)) continue
    while (mustGoOn(entry, state, terms)) {
      const next = nextStep(entry, terms.settings)
      if (next === undefined) break
      entry.step = next
      entry.stepSince = null
    }
  }
}

function mustGoOn(entry: OpenCondition, state: AlertState, { settings, now }: Terms): boolean {
  const { step, stepSince, condition } = entry
  if (step === null) return true
  if (condition.severity === 'notice' || isAcknowledged(entry, settings, now)) return false
  // A person who wants to hear only of worse things has been asked; one whose channels are all broken has not.
  const people = peopleFor(settings, condition).filter((person) => person.step === step)
  const isOutOfReach = people.every((person) => {
    const { working, standIn } = reach(person, condition, { state, now })
    return working.length === 0 && (standIn || person.ways.length === 0)
  })
  if (isOutOfReach) return true
  const isLate = stepSince !== null && now - stepSince >= settings.escalateAfterMinutes * minute
  return isLate && isAtLeast(condition.severity, settings.escalateFrom)
}

function nextStep({ step, condition }: OpenCondition, settings: AlertSettings): number | undefined {
  const steps = peopleFor(settings, condition).map((person) => person.step)
  const later = steps.filter((candidate) => candidate > (step ?? 0))
  return later.length > 0 ? Math.min(...later) : undefined
}
