import { createRequire } from 'node:module'

type Madvise = (address: bigint, length: number, advice: number) => number

/** madvise(2): the pages are not needed, and are zeros when they are touched again. */
const dontNeed = 4
/** … and are to be large ones then: that halves what touching them costs. */
const hugePages = 14
const pageSize = 4096n

let lent: ((memory: Uint8Array) => void) | undefined

/**
 * Gives memory whose content is not needed any more back to the system, though it stays in its place and is used again: what
 * lies idle counts for nobody. What was in it is lost. Does nothing where the system has no way for it.
 */
export function giveBack(memory: Uint8Array): void {
  lent ??= load()
  lent(memory)
}

function load(): (memory: Uint8Array) => void {
  if (process.platform !== 'linux') return () => undefined
  try {
    const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi')
    const madvise = koffi
      .load(null)
      .func('int madvise(uintptr_t address, size_t length, int advice)') as unknown as Madvise
    return (memory) => {
      const start = koffi.address(memory)
      // Whole pages only: what lies beside them is others'.
      const first = ((start + pageSize - 1n) / pageSize) * pageSize
      const end = ((start + BigInt(memory.length)) / pageSize) * pageSize
      if (end <= first) return
      madvise(first, Number(end - first), hugePages)
      madvise(first, Number(end - first), dontNeed)
    }
  } catch {
    return () => undefined
  }
}
