import { RepositoryError } from '../errors.ts'
import type { TablePack } from '../pack-table.ts'
import { parseSize } from '../prune/options.ts'

/** Which packs `--read-data-subset` reads. */
export type DataSubset =
  /** Part `part` of `of`, by the first byte of the pack's name: reading all parts, one each day, reads everything. */
  | { readonly kind: 'part'; readonly part: number; readonly of: number }
  /** So many per cent of the packs, chosen at random. */
  | { readonly kind: 'percent'; readonly percent: number }
  /** About so many bytes of packs, chosen at random. */
  | { readonly kind: 'bytes'; readonly bytes: number }

const mostParts = 256

/** Parses `1/7`, `2.5%` or `500M`. Throws `OPTION_INVALID`. */
export function parseDataSubset(text: string): DataSubset {
  const parts = /^(\d+)\/(\d+)$/.exec(text)
  if (parts) return parsePart(text, Number(parts[1]), Number(parts[2]))
  if (text.endsWith('%')) return parsePercent(text)
  const bytes = parseSize(text)
  if (bytes === 0) throw invalid(text, 'it must be more than 0 bytes')
  return { kind: 'bytes', bytes }
}

function parsePart(text: string, part: number, of: number): DataSubset {
  if (part < 1 || part > of) throw invalid(text, 'n/t needs n from 1 to t')
  if (of > mostParts) throw invalid(text, `there can be ${mostParts} parts at most`)
  return { kind: 'part', part, of }
}

function parsePercent(text: string): DataSubset {
  const percent = Number(text.slice(0, -1))
  if (!/^\d*\.?\d+%$/.test(text) || !(percent > 0 && percent <= 100)) {
    throw invalid(text, 'a percentage must be above 0 and at most 100')
  }
  return { kind: 'percent', percent }
}

/** The packs that a subset means. `random`: in [0, 1). */
export function choosePacks(
  packs: readonly TablePack[],
  subset: DataSubset | undefined,
  random: () => number,
): readonly TablePack[] {
  if (!subset) return packs
  if (subset.kind === 'part') {
    return packs.filter(({ name }) => Number.parseInt(name.slice(0, 2), 16) % subset.of === subset.part - 1)
  }
  const total = packs.reduce((sum, { size }) => sum + size, 0)
  const percent = subset.kind === 'percent' ? subset.percent : Math.min(100, (subset.bytes / total) * 100)
  const count = packs.length === 0 ? 0 : Math.max(1, Math.floor((packs.length * percent) / 100))
  return shuffled(packs, random).slice(0, count)
}

function shuffled<Item>(items: readonly Item[], random: () => number): Item[] {
  const all = [...items]
  for (let i = all.length - 1; i > 0; i--) {
    const other = Math.floor(random() * (i + 1))
    ;[all[i], all[other]] = [all[other] as Item, all[i] as Item]
  }
  return all
}

function invalid(value: string, reason: string): RepositoryError {
  return new RepositoryError('OPTION_INVALID', { value, what: 'part of the data', reason })
}
