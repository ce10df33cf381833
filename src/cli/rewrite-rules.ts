import { textOfRaw } from '#filesystem'
import type { Patterns, PatternState } from '#filesystem'
import type { RewriteRules } from '#repository'

/** Where a rewriting stands in each list of patterns. */
type States = readonly PatternState[]

type OnPath = (path: Buffer) => void

/** Leaves out what matches one of the lists. */
export function excludeRules(lists: readonly Patterns[], onExcluded: OnPath): RewriteRules<States> {
  return {
    ...alike(lists),
    entry(node, states, place) {
      const name = textOfRaw(node.name.toString('latin1'))
      const entered = node.type === 'dir' ? enter(lists, states, name) : undefined
      if (entered ? isMatch(entered) : matches(lists, states, name)) {
        onExcluded(place.path())
        return 'drop'
      }
      return entered ? { enter: entered } : 'keep'
    },
  }
}

/** Keeps only what matches one of the lists, and the folders that lead there. */
export function includeRules(lists: readonly Patterns[], onIncluded: OnPath): RewriteRules<States> {
  return {
    ...alike(lists),
    entry(node, states, place) {
      const name = textOfRaw(node.name.toString('latin1'))
      if (node.type === 'dir') {
        const entered = enter(lists, states, name)
        return entered.some(({ matched, childMayMatch }) => matched || childMayMatch) ? { enter: entered } : 'drop'
      }
      if (!matches(lists, states, name)) return 'drop'
      onIncluded(place.path())
      return 'keep'
    },
    keepsEmpty: isMatch,
  }
}

/** Keeps everything: to count it. */
export function countingRules(): RewriteRules<States> {
  return { ...alike([]), entry: (node) => (node.type === 'dir' ? { enter: [] } : 'keep') }
}

function alike(lists: readonly Patterns[]): Pick<RewriteRules<States>, 'root' | 'keyOf'> {
  return { root: lists.map(({ root }) => root), keyOf: (states) => JSON.stringify(states.map(({ next }) => next)) }
}

function enter(lists: readonly Patterns[], states: States, name: string): States {
  return lists.map((list, i) => list.enter(states[i] as PatternState, name))
}

function matches(lists: readonly Patterns[], states: States, name: string): boolean {
  return lists.some((list, i) => list.matches(states[i] as PatternState, name))
}

function isMatch(states: States): boolean {
  return states.some(({ matched }) => matched)
}
