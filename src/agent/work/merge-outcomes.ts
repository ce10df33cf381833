import type { Outcome } from '#protocol'

const order = ['done', 'warnings', 'failed', 'cancelled'] as const

/**
 * What several parts of one run come to: as bad as the worst of them, except that one that failed beside one that did not makes
 * warnings, because something was backed up. All reasons are told, the worst first; figures stand beside each other.
 */
export function mergeOutcomes(parts: readonly Outcome[]): Outcome {
  const byBadness = parts.toSorted((a, b) => order.indexOf(b.state) - order.indexOf(a.state))
  const [worst] = byBadness
  if (!worst) return { state: 'failed', reason: 'There was nothing to be done.', code: 'NOT_FOUND' }
  const hasGood = parts.some(({ state, result }) => state !== 'failed' && result !== undefined)
  const state = worst.state === 'failed' && hasGood ? 'warnings' : worst.state
  const reason = byBadness.flatMap((part) => part.reason ?? []).join(' ')
  const code = byBadness.find((part) => part.code !== undefined)?.code
  const results = parts.flatMap(({ result }) => result ?? [])
  return {
    state,
    ...(reason !== '' && { reason: reason.slice(0, 2_000) }),
    ...(code !== undefined && { code }),
    ...(results.length > 0 && { result: Object.assign({}, ...results) as Record<string, unknown> }),
  }
}
