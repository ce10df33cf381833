/** Brings what is remembered up to date with what was found. */
import type { AlertSettings } from '#protocol'
import type { Condition } from './condition.ts'
import type { Findings } from './find-conditions.ts'
import { type AlertState, type OpenCondition, openEntry, personKey, type Terms, wayKey } from './state.ts'
import { hour, minute } from './units.ts'

/** Changes `state`. */
export function takeIn(state: AlertState, { conditions, watched, unsure }: Findings, terms: Terms): void {
  forgetWhoIsGone(state, terms.settings)
  for (const condition of conditions) hold(state, condition, terms)
  const holding = new Set(conditions.map(({ key }) => key))
  for (const [key, entry] of Object.entries(state.open)) {
    if (holding.has(key) || unsure.has(key)) continue
    entry.gone = { at: entry.gone?.at ?? terms.now, how: watched.has(key) ? 'resolved' : 'unwatched' }
    if (isForgettable(entry, terms)) delete state.open[key]
  }
}

function hold(state: AlertState, condition: Condition, { settings, now }: Terms): void {
  const entry = openEntry(state, condition.key)
  if (!entry) {
    const answers = { gone: null, acknowledged: null, muted: null, step: null, stepSince: null }
    state.open[condition.key] = { condition, told: {}, ...answers }
    return
  }
  const { gone } = entry
  entry.gone = null
  if (gone && now - gone.at >= settings.settleMinutes * minute) {
    // It was over for good, and is another trouble of the same kind: an old answer is no answer to it.
    Object.assign(entry, { condition, acknowledged: null, step: null, stepSince: null })
  } else {
    entry.condition = { ...condition, since: Math.min(entry.condition.since, condition.since) }
  }
}

/** Nobody believes that it is still so, and nobody could be told the same of it twice. */
function isForgettable({ told, muted, gone }: OpenCondition, { settings, now }: Terms): boolean {
  if (muted && muted.until > now) return false
  if (!gone || now - gone.at < settings.settleMinutes * minute) return false
  return Object.values(told).every(
    ({ believes, at }) => believes === null && now - at >= settings.remindAfterHours * hour,
  )
}

function forgetWhoIsGone(state: AlertState, { people }: AlertSettings): void {
  const ways = new Set(people.flatMap(({ id, ways: all }) => all.map(({ channel }) => wayKey(id, channel))))
  forgetOthers(state.ways, ways)
  forgetOthers(state.digests, new Set(people.map(({ id }) => personKey(id))))
  for (const { told } of Object.values(state.open)) forgetOthers(told, ways)
}

function forgetOthers(values: Record<string, unknown>, keys: ReadonlySet<string>): void {
  for (const key of Object.keys(values)) if (!keys.has(key)) delete values[key]
}
