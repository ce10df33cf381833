/** What a language has to say. Every sentence that reaches a reader comes from one of these tables. */
import type { ConditionKind, Severity } from '#protocol'
import type { Condition, Subject } from '../condition.ts'
import type { NewsEvent } from '../message.ts'
import type { Say } from './say.ts'

export interface ConditionWords {
  /** After the name of the subject and a colon: `backup failed`. */
  readonly title: string
  /** What happened. */
  readonly sentence: string
  /** What to do. */
  readonly hint: string
  /** One sentence for when it is over. */
  readonly over: string
}

type ConditionOf<Kind extends ConditionKind> = Extract<Condition, { readonly kind: Kind }>

export interface Texts {
  readonly conditions: {
    readonly [Kind in ConditionKind]: (condition: ConditionOf<Kind>, say: Say) => ConditionWords
  }
  readonly severities: Readonly<Record<Severity, string>>
  /** The word before a heading: how bad it is, and why it is said now. */
  readonly label: (event: NewsEvent, severity: string) => string
  /** `7 machines`. */
  readonly count: (type: Subject['type'], count: number, say: Say) => string
  readonly since: (date: string) => string
  readonly whatToDo: string
  readonly comesAndGoes: string
  readonly notWatched: string
  /** Some names out of many. */
  readonly among: (names: string, others: number, say: Say) => string
  readonly sameReason: (reason: string) => string
  readonly andMore: (count: number, say: Say) => string
  readonly digest: {
    readonly subject: (open: number, say: Say) => string
    readonly lead: (machines: number, open: number, say: Say) => string
  }
  readonly test: { readonly subject: string; readonly lead: (name: string) => string }
  readonly footer: (server: string, at: string) => string
  readonly answer: string
}
