import type { Cancellable } from '#base'
import { shortName } from './findings.ts'
import type { Findings, NoticeKind } from './findings.ts'
import { idToHex } from '../format/ids.ts'
import type { LoadedIndexFile } from '../load-index.ts'
import type { PackTable, TablePack } from '../pack-table.ts'
import type { IndexedRepository } from '../repository.ts'

/** Packs named in a notice. */
const mostNamed = 20

/** Holds what the index says against the packs that are there, without reading any. `sizes`: of what was listed. */
export async function checkPacks(
  repository: IndexedRepository,
  { table, files, sizes }: { table: PackTable; files: readonly LoadedIndexFile[]; sizes: ReadonlyMap<string, number> },
  { findings, signal }: { readonly findings: Findings } & Cancellable,
): Promise<void> {
  for (const [place, pack] of table.packs.entries()) {
    const { name, size } = pack
    // A listing may be behind: asked for by its name before it is called missing.
    const actual = sizes.get(name) === size ? size : await repository.backend.size({ type: 'pack', name }, { signal })
    const file = { type: 'pack', name } as const
    const badEntries = table.entriesOf(place)
    if (actual === undefined) {
      const message = `The pack ${shortName(name)}, which the index names, is missing.`
      findings.add({ kind: 'pack-missing', message, file, badEntries })
    } else if (actual !== size) {
      const message = `The pack ${shortName(name)} has ${actual} bytes, and by the index it must have ${size}.`
      findings.add({ kind: 'pack-size', message, file, badEntries: beyond(repository, badEntries, actual) })
    }
  }
  compareIndexes(repository, table, files, findings)
  noticeUnindexed(table, files, sizes, findings)
  noticeOddities(repository, table, findings)
}

function beyond({ index }: IndexedRepository, entries: Uint32Array, size: number): Uint32Array {
  return entries.filter((entry) => index.offsetOf(entry) + index.lengthOf(entry) > size)
}

// Named in two index files: a hint when both say the same, damage when they differ.
function compareIndexes(
  { index }: IndexedRepository,
  table: PackTable,
  files: readonly LoadedIndexFile[],
  findings: Findings,
): void {
  const twice = table.packs.filter(({ numbers }) => numbers.length > 1)
  if (twice.length === 0) return
  const wanted = new Set(twice.flatMap(({ numbers }) => numbers))
  const contents = new Map<number, string[]>()
  for (let entry = 0; entry < index.size; entry++) {
    const number = index.packOf(entry)
    if (!wanted.has(number)) continue
    const place = `${index.typeOf(entry)} ${index.offsetOf(entry)} ${index.lengthOf(entry)}`
    const blob = `${place} ${index.uncompressedLengthOf(entry)} ${idToHex(index.idOf(entry))}`
    contents.set(number, [...(contents.get(number) ?? []), blob])
  }
  const textOf = (number: number) => (contents.get(number) ?? []).toSorted().join('\n')
  const same: TablePack[] = []
  for (const pack of twice) {
    if (new Set(pack.numbers.map(textOf)).size === 1) {
      same.push(pack)
      continue
    }
    const names = pack.numbers.map((number) => fileOf(files, number)).join(', ')
    const message = `The pack ${shortName(pack.name)} has different blobs in the index files ${names}.`
    findings.add({ kind: 'pack-indexes-differ', message, file: { type: 'pack', name: pack.name } })
  }
  notice(findings, 'pack-indexed-twice', same, 'packs are named by more than one index file; a prune mends that')
}

function fileOf(files: readonly LoadedIndexFile[], number: number): string {
  const file = files.find(({ firstPack, packsEnd }) => number >= firstPack && number < packsEnd)
  return shortName(file?.name ?? '')
}

function noticeUnindexed(
  table: PackTable,
  files: readonly LoadedIndexFile[],
  sizes: ReadonlyMap<string, number>,
  findings: Findings,
): void {
  const marked = new Set(files.flatMap(({ marks }) => marks.map(({ id }) => idToHex(id))))
  const unindexed = [...sizes.keys()].filter((name) => !table.get(name)).map((name) => ({ name }))
  const waiting = unindexed.filter(({ name }) => marked.has(name))
  const orphaned = unindexed.filter(({ name }) => !marked.has(name))
  notice(findings, 'packs-waiting', waiting, 'packs wait to be deleted by a later prune')
  notice(findings, 'packs-orphaned', orphaned, 'packs are in no index')
}

function noticeOddities({ index }: IndexedRepository, table: PackTable, findings: Findings): void {
  const mixed = table.packs.filter(({ type }) => type === 'mixed')
  notice(findings, 'pack-mixed', mixed, 'packs hold both trees and data; a prune mends that')
  let duplicates = 0
  for (const entry of index.repeated()) if (!table.repeated.has(entry)) duplicates++
  if (duplicates === 0) return
  const message = `${duplicates} blobs are stored more than once; a prune mends that.`
  findings.notice({ kind: 'blobs-duplicate', message, count: duplicates, packs: [] })
}

function notice(
  findings: Findings,
  kind: NoticeKind,
  packs: readonly { readonly name: string }[],
  about: string,
): void {
  const count = packs.length
  if (count === 0) return
  const message = `${count} ${about}.`
  findings.notice({ kind, message, count, packs: packs.slice(0, mostNamed).map(({ name }) => name) })
}
