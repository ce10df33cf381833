/**
 * Alerts: *conditions* are what is not as it should be; *findings* are all that the rules saw; *news* is what one reader
 * has not been told yet; a *message* carries news on a *way* (a person and a channel); the *outbox* holds messages until
 * they have arrived or are given up; the *outside watch* notices when this server is silent itself.
 */
export { withoutSecrets } from './channels/secrets.ts'
export { Postman, type SendOptions } from './channels/send.ts'
export type { Condition, Facts, Subject } from './condition.ts'
export { type CycleParts, type CycleResult, runAlertCycle } from './cycle.ts'
export type { Vital, WatchDecision } from './dead-man.ts'
export { type Decision, decideNotifications } from './decide.ts'
export type { Delivery } from './delivery.ts'
export { AlertError } from './errors.ts'
export { type Findings, findConditions } from './find-conditions.ts'
export type { Message, News, NewsGroup, Recipient } from './message.ts'
export {
  type AlertChange,
  type AlertStore,
  type Attempt,
  changeState,
  type ClaimOptions,
  type OutboxEntry,
} from './outbox.ts'
export { describeCondition, type Sender } from './render.ts'
export { limits } from './rules/limits.ts'
export {
  acknowledge,
  type AlertState,
  emptyAlertState,
  isAcknowledged,
  isMuted,
  mute,
  type OpenCondition,
  unmute,
} from './state.ts'
export { testChannel } from './test-channel.ts'
export type * from './view.ts'
export { type KnownNames, wayViews } from './ways.ts'
