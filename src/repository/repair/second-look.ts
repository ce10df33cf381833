import { createHash } from 'node:crypto'
import { UnderstudyError, systemClock } from '#base'
import type { Cancellable, Clock } from '#base'

/**
 * Repair believes in damage only when two looks at different times see the same: a disk, a line or a memory that is wrong
 * now and then must not cost a file that is right.
 */

/** Milliseconds between the two looks. */
export const secondLookAfter = 3_000

export interface LookOptions extends Cancellable {
  readonly clock?: Clock | undefined
}

/** One look at something: right, with what was found, or wrong. */
export type Look<Found> = { readonly ok: true; readonly found: Found } | Wrong

export interface Wrong {
  readonly ok: false
  /** What is wrong, a part of a sentence. */
  readonly reason: string
  /** The same for two looks that saw the same. */
  readonly trace: string
}

/** What two looks say together. */
export type Verdict<Found> =
  | { readonly kind: 'right'; readonly found: Found; readonly onlyWhenReadAgain: boolean }
  | { readonly kind: 'wrong'; readonly reason: string }
  /** Wrong both times, each time in another way. */
  | { readonly kind: 'unsteady'; readonly reason: string }

/** The trace of bytes that are wrong. */
export function traceOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** The trace of a call that failed. */
export function traceOfFailure(thrown: unknown): string {
  return thrown instanceof UnderstudyError ? thrown.code : String(thrown)
}

export async function waitForSecondLook({ clock = systemClock, signal }: LookOptions): Promise<void> {
  await clock.sleep(secondLookAfter, { signal })
}

export function judge<Found>(first: Wrong, second: Look<Found>): Verdict<Found> {
  if (second.ok) return { kind: 'right', found: second.found, onlyWhenReadAgain: true }
  const kind = first.trace === second.trace ? 'wrong' : 'unsteady'
  return { kind, reason: second.reason }
}
