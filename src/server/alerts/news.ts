/**
 * What one way has to be told of one condition.
 *
 * Two promises are kept by how the events follow on one another. Nobody gets the same message twice within the reminder
 * time, and what people believe is never better than the truth: "it is over" is said only when "it is back" can be said at
 * any moment after it. What comes and goes is said to be new, over and back once; then people believe that it is so until
 * the reminder time has passed since they last heard that it is over.
 */
import type { Severity } from '#protocol'
import { isAtLeast, moreSevere } from './condition.ts'
import type { NewsEvent } from './message.ts'
import { isAcknowledged, isMuted, type OpenCondition, type Terms, type Told } from './state.ts'
import { hour, minute } from './units.ts'

export interface Tellable {
  readonly event: NewsEvent
  readonly severity: Severity
}

/** Null when there is nothing to say on this way now. `isFirstStep`: whether the person hears before anything is escalated. */
export function newsFor(
  entry: OpenCondition,
  told: Told | undefined,
  { settings, now, isFirstStep }: Terms & { readonly isFirstStep: boolean },
): Tellable | null {
  if (isMuted(entry, now)) return null
  const within = (at: number | null | undefined) =>
    at !== null && at !== undefined && now - at < settings.remindAfterHours * hour
  if (entry.gone) return overNews(entry, told, { settings, now, within })
  if (isAcknowledged(entry, settings, now)) return null
  const { severity } = entry.condition
  if (!told || told.believes === null) {
    // What was over a short while ago is taken for as bad as it was: else its getting worse again would be the same message.
    const taken = told && within(told.at) ? moreSevere(severity, told.highest) : severity
    return { event: within(told?.firstAt) ? 'again' : isFirstStep ? 'new' : 'escalated', severity: taken }
  }
  if (!isAtLeast(told.believes, severity)) return { event: 'worse', severity }
  return within(told.at) || severity === 'notice' ? null : { event: 'reminder', severity }
}

function overNews(
  { gone }: OpenCondition,
  told: Told | undefined,
  { settings, now, within }: Terms & { readonly within: (at: number | null) => boolean },
): Tellable | null {
  if (!gone || !told || told.believes === null) return null
  if (now - gone.at < settings.settleMinutes * minute || within(told.overAt)) return null
  return { event: gone.how, severity: told.believes }
}

/** What the way has been told after this. */
export function afterTelling(
  told: Told | undefined,
  { event, severity }: Tellable,
  { at, message }: { readonly at: number; readonly message: string },
): Told {
  const isOver = event === 'resolved' || event === 'unwatched'
  const isFresh = event === 'reminder' || event === 'new' || event === 'escalated'
  const { before: _, ...previous } = told ?? { before: null }
  return {
    believes: isOver ? null : severity,
    highest: told && !isFresh ? moreSevere(told.highest, severity) : severity,
    at,
    firstAt: event === 'new' || event === 'escalated' ? at : (told?.firstAt ?? null),
    overAt: isOver ? at : (told?.overAt ?? null),
    message,
    delivered: false,
    before: told ? (previous as Omit<Told, 'before'>) : null,
  }
}
