/** What is remembered between two looks: what is open, who knows what of it, and how the channels are. Plain and storable. */
import type { AlertSettings, Severity } from '#protocol'
import type { Condition } from './condition.ts'
import { compareSeverity } from './condition.ts'
import { hour } from './units.ts'

export interface AlertState {
  readonly version: 1
  /** Grows with every message; part of their ids. */
  sequence: number
  /** By the condition's key. */
  open: Record<string, OpenCondition>
  /** By `wayKey`. */
  ways: Record<string, WayState>
  /** By `personKey`: the date of the last digest. */
  digests: Record<string, string>
  /** The calls to the outside watch. */
  deadMan: { readonly lastCall: number | null; readonly health: WayHealth | null }
}

export interface OpenCondition {
  /** As it was last found. */
  condition: Condition
  /** Set while it does not hold. */
  gone: { readonly at: number; readonly how: 'resolved' | 'unwatched' } | null
  acknowledged: { readonly by: string; readonly at: number; readonly severity: Severity } | null
  muted: { readonly by: string; readonly until: number; readonly severity: Severity } | null
  /** How far it has been escalated, and when somebody of that step was first told. */
  step: number | null
  stepSince: number | null
  /** By `wayKey`. */
  told: Record<string, Told>
}

/** What the reader of one way has been told of one condition. */
export interface Told {
  /** What they take it for; null: they believe that it is over. What they believe is never better than the truth. */
  readonly believes: Severity | null
  /** The worst that they were told since they last heard nothing of it for the reminder time. */
  readonly highest: Severity
  readonly at: number
  readonly firstAt: number | null
  readonly overAt: number | null
  readonly message: string
  readonly delivered: boolean
  /** What it was before the message, should that not arrive. */
  readonly before: Omit<Told, 'before'> | null
}

export interface WayState {
  /** The messages of the last hour, and which kinds of conditions they were about. */
  readonly sent: readonly { readonly at: number; readonly kinds: readonly string[] }[]
  /** Null when the last message arrived. */
  readonly health: WayHealth | null
}

export interface WayHealth {
  readonly failures: number
  /** Set when failing is no longer taken for a passing fault. */
  readonly brokenSince: number | null
  readonly lastTry: number
  readonly reason: string
}

export function emptyAlertState(): AlertState {
  return { version: 1, sequence: 0, open: {}, ways: {}, digests: {}, deadMan: { lastCall: null, health: null } }
}

/**
 * A copy whose records and entries may be changed. What is read-only in them is shared: with ten thousand conditions open a
 * deep copy would hold up everything else that the server does.
 */
export function copyState(state: AlertState): AlertState {
  const open: AlertState['open'] = {}
  for (const [key, entry] of Object.entries(state.open)) open[key] = { ...entry, told: { ...entry.told } }
  return { ...state, open, ways: { ...state.ways }, digests: { ...state.digests } }
}

/** What a decision is made by, besides what was found. */
export interface Terms {
  readonly settings: AlertSettings
  readonly now: number
}

// The words before the slash keep ids that look like a property of every object (`constructor`) from finding one.
export const wayKey = (person: string, channel: string): string => `way/${person}/${channel}`
export const personKey = (person: string): string => `person/${person}`

/** Somebody has taken it on: no reminders and no escalation, until it gets worse or this is forgotten after a time. */
export function acknowledge(
  state: AlertState,
  keys: readonly string[],
  { by, now }: { readonly by: string; readonly now: number },
): AlertState {
  return changeOpen(state, keys, ({ condition: { severity } }) => ({ acknowledged: { by, at: now, severity } }))
}

/** Nobody hears of it until then, unless it gets worse. */
export function mute(
  state: AlertState,
  keys: readonly string[],
  { by, until }: { readonly by: string; readonly until: number },
): AlertState {
  return changeOpen(state, keys, ({ condition: { severity } }) => ({ muted: { by, until, severity } }))
}

export function unmute(state: AlertState, keys: readonly string[]): AlertState {
  return changeOpen(state, keys, () => ({ muted: null }))
}

/** Keys of what is no longer open are passed over: it ended while somebody looked at it. */
function changeOpen(
  state: AlertState,
  keys: readonly string[],
  change: (entry: OpenCondition) => Partial<OpenCondition>,
): AlertState {
  const changed = keys.flatMap((key) => {
    const entry = openEntry(state, key)
    return entry ? [[key, { ...entry, ...change(entry) }] as const] : []
  })
  return { ...state, open: { ...state.open, ...Object.fromEntries(changed) } }
}

export function openEntry({ open }: AlertState, key: string): OpenCondition | undefined {
  return Object.hasOwn(open, key) ? open[key] : undefined
}

export function isMuted({ muted, condition }: OpenCondition, now: number): boolean {
  return muted !== null && muted.until > now && compareSeverity(condition.severity, muted.severity) <= 0
}

export function isAcknowledged(
  { acknowledged, condition }: OpenCondition,
  settings: AlertSettings,
  now: number,
): boolean {
  if (!acknowledged) return false
  const isFresh = now - acknowledged.at < settings.acknowledgedForHours * hour
  return isFresh && compareSeverity(condition.severity, acknowledged.severity) <= 0
}

export function isBroken({ ways }: AlertState, person: string, channel: string): boolean {
  return (ways[wayKey(person, channel)]?.health?.brokenSince ?? null) !== null
}
