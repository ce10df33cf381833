/** What is to become of a snapshot's tags: others in their place, or some more and some fewer. */
export type TagChange =
  | { readonly set: readonly string[] }
  | { readonly add: readonly string[]; readonly remove: readonly string[] }

/** The tags afterwards; undefined when they stay as they are. Setting them counts as a change even to the same, as with restic. */
export function changeTags(tags: readonly string[], change: TagChange): readonly string[] | undefined {
  if ('set' in change) return change.set
  const more = [...new Set(change.add)].filter((tag) => !tags.includes(tag))
  const left = [...tags, ...more].filter((tag) => !change.remove.includes(tag))
  const isSame = left.length === tags.length && left.every((tag, i) => tag === tags[i])
  return isSame ? undefined : left
}
