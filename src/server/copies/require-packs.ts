import type { Cancellable } from '#base'
import { idToHex } from '#repository'
import type { IndexedRepository } from '#repository'
import { CopyError } from './errors.ts'

/**
 * Sees that every pack that a copy counts on is there and as long as it must be, by what the place lists. What was read back when
 * it arrived may have been removed since, and what is copied later leaves out all that seems to be there. Throws
 * `COPY_PACKS_MISSING`.
 */
export async function requirePacks(
  copy: IndexedRepository,
  { signal, ...names }: Cancellable & { readonly name: string; readonly repository: string },
): Promise<void> {
  const { index, backend } = copy
  const ends = new Float64Array(index.packCount)
  for (let entry = 0; entry < index.size; entry++) {
    const end = index.offsetOf(entry) + index.lengthOf(entry)
    const pack = index.packOf(entry)
    if (end > (ends[pack] as number)) ends[pack] = end
  }
  const sizes = new Map<string, number>()
  for await (const { name, size } of backend.list('pack', { signal })) sizes.set(name, size)
  let count = 0
  for (const [pack, end] of ends.entries()) {
    const name = idToHex(index.packName(pack))
    const listed = sizes.get(name)
    // A listing may be behind: it is asked for by its name before it is called missing.
    const size = listed === undefined || listed <= end ? await backend.size({ type: 'pack', name }, { signal }) : listed
    if (size === undefined || size <= end) count++
  }
  if (count > 0) throw new CopyError('COPY_PACKS_MISSING', { ...names, count })
}
