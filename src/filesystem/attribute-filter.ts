import { compilePatterns } from './filter.ts'

/** Which extended attributes a restore sets and removes, by patterns of their names; a plain value, for threads. */
export interface AttributeNames {
  readonly how: 'include' | 'exclude'
  readonly patterns: readonly string[]
}

export type TakesAttribute = (name: string) => boolean

/** Throws PATTERN_INVALID. */
export function compileAttributeNames(names: AttributeNames | undefined): TakesAttribute {
  if (!names) return () => true
  const patterns = compilePatterns(names.patterns)
  const isIncluding = names.how === 'include'
  return (name) => patterns.match(name).matched === isIncluding
}
