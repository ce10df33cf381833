/** Recovery kits: without one that somebody has in hands, a lost server takes all passwords with it. */
import { finding, type Finding, type Subject } from '../condition.ts'
import type { KitView } from '../view.ts'
import { limits } from './limits.ts'

/** An outdated kit still opens what was there when it was printed; of none, and of one that nobody has typed back, nothing is known. */
export function kitFindings({ client, state, since }: KitView, now: number): Finding[] {
  const subject: Subject = { type: 'client', id: client.id, name: client.name, client }
  const isEarly = (state === 'none' || state === 'unconfirmed') && now - since < limits.kitGrace
  if (state === 'stored' || isEarly) return [finding('kit_not_stored', subject, { trouble: null })]
  const severity = state === 'outdated' ? 'notice' : 'warning'
  return [finding('kit_not_stored', subject, { trouble: { severity, since, facts: { state } } })]
}
