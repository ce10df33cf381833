/** What is sent to one person on one way, before it is put into words. Small however much it is about: it is stored. */
import type { Language, Severity } from '#protocol'
import type { Condition } from './condition.ts'

/**
 * Why somebody is told. `new` and `again` (it was over a short while ago), `escalated` (nobody before this person answered),
 * `worse`, `reminder` (still so); `resolved`, and `unwatched` (nobody looks any more); `open` in a digest.
 */
export type NewsEvent = 'new' | 'again' | 'escalated' | 'worse' | 'reminder' | 'resolved' | 'unwatched' | 'open'

export interface News {
  readonly event: NewsEvent
  /** What this person takes it for from now on. It may be more than the condition's own, when that comes and goes. */
  readonly severity: Severity
  readonly condition: Condition
}

/** Much of the same: only some names, and the reason when all have the same. */
export interface NewsGroup {
  readonly count: number
  readonly names: readonly { readonly name: string; readonly client: string | null }[]
  /** One of them, for what all have in common. */
  readonly example: News
  /** Whether all have the same reason as the example. */
  readonly sameReason: boolean
}

export interface Recipient {
  readonly person: string
  readonly name: string
  readonly channel: string
  readonly address: string | null
  readonly language: Language
  readonly timeZone: string
  /** Whether the name of the client must be said: this person hears of several. */
  readonly namesClients: boolean
}

export interface Message {
  /** The same at every try: who gets it twice can tell. */
  readonly id: string
  readonly kind: 'alert' | 'digest' | 'test'
  readonly at: number
  readonly recipient: Recipient
  /** The worst that is news; null when nothing bad is said. */
  readonly severity: Severity | null
  readonly news: readonly News[]
  readonly groups: readonly NewsGroup[]
  /** Of a digest. */
  readonly overview?: { readonly machines: number; readonly open: number } | undefined
}
