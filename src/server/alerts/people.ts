/** Who hears of a condition, and on which ways. */
import type { AlertSettings, Person, Way } from '#protocol'
import { type Condition, isAtLeast } from './condition.ts'
import { hears } from './recipient.ts'
import { type AlertState, isBroken, wayKey } from './state.ts'
import { minute } from './units.ts'

/** A broken way gets a message again after this time, so that its recovery is noticed. */
const tryBrokenAgain = 30 * minute

/**
 * The people who look after what the condition is about, in the order of settings. What belongs to the server itself goes to
 * those who hear all; where there is nobody of that kind, to everyone, rather than to nobody.
 */
export function peopleFor({ people }: AlertSettings, { subject: { client } }: Condition): readonly Person[] {
  const all = people.filter(({ clients }) => clients === 'all')
  if (client === null) return all.length > 0 ? all : people
  return people.filter((person) => hears(person, client.id))
}

export interface Reach {
  /** Ways that work, as far as is known, and that carry a condition of this severity. */
  readonly working: readonly Way[]
  /** Broken ways on which one message now would show whether they work again. */
  readonly trial: readonly Way[]
  /** True when a way that the person chose for this severity is broken, and `working` stands in for it. */
  readonly standIn: boolean
}

/**
 * How to reach a person now. When all ways that were chosen for this severity are broken, the others stand in: better a
 * warning where only alarms were wanted than none at all.
 */
export function reach(
  person: Person,
  condition: Condition,
  { state, now }: { readonly state: AlertState; readonly now: number },
): Reach {
  const isWorking = ({ channel }: Way) => !isBroken(state, person.id, channel)
  const chosen = person.ways.filter(({ atLeast }) => isAtLeast(condition.severity, atLeast))
  const working = chosen.filter(isWorking)
  const trial = chosen.filter((way) => !isWorking(way) && isWorthATrial(state, wayKey(person.id, way.channel), now))
  if (chosen.length === 0 || working.length > 0) return { working, trial: withoutOwn(trial, condition), standIn: false }
  return { working: person.ways.filter(isWorking), trial: withoutOwn(trial, condition), standIn: true }
}

/** That a channel is broken is not news for whoever reads it there. */
function withoutOwn(ways: readonly Way[], { subject }: Condition): readonly Way[] {
  return ways.filter(({ channel }) => subject.type !== 'channel' || subject.id !== channel)
}

function isWorthATrial({ ways }: AlertState, key: string, now: number): boolean {
  const health = ways[key]?.health
  return health !== undefined && health !== null && now - health.lastTry >= tryBrokenAgain
}
