/** What a record of evidence says, where it is a proof of copies. */

interface Measured {
  readonly kind: string
  readonly measured: Readonly<Record<string, unknown>>
}

type ScopeWord = 'scopeSample' | 'scopeWhole' | 'scopePart' | 'scopeCheck' | 'scopeLine'

/** Restores and checks; dumps and lines are told elsewhere. */
export function isProof({ kind }: Measured): boolean {
  return kind === 'restore' || kind === 'check'
}

/** The word of what was tried. */
export function scopeOf({ kind, measured }: Measured): ScopeWord {
  if (kind === 'check') return 'scopeCheck'
  if (kind === 'line') return 'scopeLine'
  const { scope } = measured
  return scope === 'whole' ? 'scopeWhole' : scope === 'part' ? 'scopePart' : 'scopeSample'
}

/** How long it took; null where nobody said so. */
export function secondsIn(measured: Measured['measured']): number | null {
  const { seconds } = measured
  return typeof seconds === 'number' ? seconds : null
}
