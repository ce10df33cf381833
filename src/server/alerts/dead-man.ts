/**
 * The outside watch: an address is called as long as this server is well. It stays silent when the server is, and somebody
 * there raises the alarm. So nothing but the truth may be called: a server that only seems alive must fall silent, too.
 */
import type { Delivery } from './delivery.ts'
import { healthAfter } from './health.ts'
import { type AlertState, isBroken, type Terms } from './state.ts'
import { minute } from './units.ts'

/** A part without which the server does not do its work: its last sign of life, and how old that may be. */
export interface Vital {
  readonly name: string
  readonly lastGood: number | null
  readonly limit: number
}

export interface WatchDecision {
  readonly call: boolean
  /** A sentence, for the log and the status page. */
  readonly because: string
}

/** A round that comes a moment early must not leave a call out. */
const slack = minute / 2

/** Whether the outside watch is called now. */
export function decideWatchCall(state: AlertState, vitals: readonly Vital[], { settings, now }: Terms): WatchDecision {
  const { deadMan, people } = settings
  if (!deadMan) return { call: false, because: 'no outside watch is set up' }
  const dead = vitals.find(({ lastGood, limit }) => lastGood === null || now - lastGood > limit)
  if (dead) return { call: false, because: `${dead.name} shows no sign of life` }
  const ways = people.flatMap((person) => person.ways.map(({ channel }) => isBroken(state, person.id, channel)))
  if (ways.length > 0 && ways.every(Boolean)) return { call: false, because: 'no channel of the alerts works' }
  const { lastCall } = state.deadMan
  const isDue = lastCall === null || now - lastCall >= deadMan.everyMinutes * minute - slack || lastCall > now
  return isDue ? { call: true, because: 'all is well' } : { call: false, because: 'it was called a short while ago' }
}

/** A failed call is made again at the next time, so none is the last. */
export function recordWatchCall(state: AlertState, delivery: Delivery, now: number): AlertState {
  const health = healthAfter(state.deadMan.health, { delivery, isLast: false, now })
  return { ...state, deadMan: { lastCall: now, health } }
}
