import type { Cancellable } from '#base'
import { encodeIndexFile } from '../format/index-file.ts'
import type { IndexedPack } from '../format/index-file.ts'
import { idFromHex, idToHex } from '../format/ids.ts'
import { formatTime } from '../format/time.ts'
import type { LoadedIndexFile } from '../load-index.ts'
import type { LoadedMark } from '../read-index-file.ts'
import { indexedPackOf, inFiles } from '../index-packs.ts'
import type { PackFate, PlannedPack, PrunePlan } from './plan.ts'
import { defaultKeepDeleted } from './options.ts'

/** Files with fewer blobs are joined with others when the index is written anyway: every backup leaves a small one. */
const smallFile = 10_000

/** What happens to the index files. */
export interface IndexChange {
  /** Files that go: what counts of them stands in the new ones. */
  readonly obsolete: readonly string[]
  /** JSON of each new file. Made when it is asked for: an index may have gigabytes. */
  newFiles(): Iterable<Buffer>
}

/** Decides which index files must be written anew: those that name or mark a pack whose fate is not to stay as it is. */
export function planIndexChange(plan: PrunePlan): IndexChange {
  const changed = new Set(plan.view.files.filter((file) => isChanged(plan, file)))
  const fresh = newMarks(plan)
  const returning = plan.packs.filter(({ fate }) => fate === 'undelete')
  const mustWrite = changed.size > 0 || fresh.length > 0 || returning.length > 0
  if (mustWrite && changed.size > 0) for (const file of plan.view.files) if (isSmall(file)) changed.add(file)
  const obsolete = [...changed].map(({ name }) => name)
  return { obsolete, newFiles: () => (mustWrite ? writeFiles(plan, changed, fresh) : []) }
}

function isSmall({ blobs, marks }: LoadedIndexFile): boolean {
  return blobs < smallFile && marks.length === 0
}

const leavesIndex: ReadonlySet<PackFate> = new Set(['repack', 'drop', 'forget'])

function isChanged({ view, packs }: PrunePlan, { firstPack, packsEnd, marks }: LoadedIndexFile): boolean {
  const fates = fatesByName(packs)
  for (let number = firstPack; number < packsEnd; number++) {
    const name = view.repository.index.packName(number).toString('hex')
    if (leavesIndex.has(fates.get(name)?.fate as PackFate)) return true
    // Named in a second file, too: that is mended on the way.
    if (view.table.get(name)?.number !== number) return true
  }
  return marks.some((mark) => !isMarkKept(view.marked.get(idToHex(mark.id))?.mark, fates.get(idToHex(mark.id)), mark))
}

function isMarkKept(current: LoadedMark | undefined, planned: PlannedPack | undefined, mark: LoadedMark): boolean {
  if (planned?.fate !== 'wait' || current !== mark) return false
  return mark.time !== undefined && planned.markedSince === Date.parse(mark.time)
}

const plansByName = new WeakMap<readonly PlannedPack[], Map<string, PlannedPack>>()

function fatesByName(packs: readonly PlannedPack[]): Map<string, PlannedPack> {
  const known = plansByName.get(packs)
  if (known) return known
  const made = new Map(packs.map((pack) => [pack.name, pack]))
  plansByName.set(packs, made)
  return made
}

/** Marks for packs that begin to wait now. */
function newMarks(plan: PrunePlan): LoadedMark[] {
  const { packs, limits, now } = plan
  const time = formatTime(BigInt(now) * 1_000_000n)
  if ((limits.keepDeleted ?? defaultKeepDeleted) === 0) return []
  return packs
    .filter(({ fate }) => fate === 'drop' || fate === 'repack' || fate === 'mark')
    .map((pack) => ({ ...indexedPack(plan, pack), time, size: pack.size }))
}

function* writeFiles(plan: PrunePlan, changed: ReadonlySet<LoadedIndexFile>, fresh: LoadedMark[]): Iterable<Buffer> {
  for (const packs of inFiles(packsThatStay(plan, changed))) yield encodeIndexFile({ packs })
  const waiting = marksThatStay(plan, changed)
  for (const packsToDelete of inFiles([...waiting, ...fresh])) yield encodeIndexFile({ packs: [], packsToDelete })
}

function* packsThatStay(plan: PrunePlan, changed: ReadonlySet<LoadedIndexFile>): Iterable<IndexedPack> {
  const { view, packs } = plan
  const fates = fatesByName(packs)
  for (const { firstPack, packsEnd } of changed) {
    for (let number = firstPack; number < packsEnd; number++) {
      const pack = fates.get(view.repository.index.packName(number).toString('hex'))
      if (pack?.fate !== 'keep' || view.table.packs[pack.use?.place as number]?.number !== number) continue
      yield indexedPack(plan, pack)
    }
  }
  for (const pack of packs) if (pack.fate === 'undelete') yield indexedPack(plan, pack)
}

function marksThatStay({ view, packs }: PrunePlan, changed: ReadonlySet<LoadedIndexFile>): LoadedMark[] {
  const fates = fatesByName(packs)
  return [...changed].flatMap(({ marks }) =>
    marks.flatMap((mark): LoadedMark[] => {
      const planned = fates.get(idToHex(mark.id))
      if (planned?.fate !== 'wait' || view.marked.get(planned.name)?.mark !== mark) return []
      const since = planned.markedSince as number
      // Kept as it is spelt, unless it counts from now.
      const time = mark.time !== undefined && Date.parse(mark.time) === since ? mark.time : undefined
      return [{ ...mark, time: time ?? formatTime(BigInt(since) * 1_000_000n) }]
    }),
  )
}

function indexedPack({ view }: PrunePlan, { name, use }: PlannedPack): IndexedPack {
  const entries = use ? view.table.entriesOf(use.place) : []
  return indexedPackOf(view.repository.index, idFromHex(name), entries)
}

/** Writes the new files; then the old ones may go. Returns the new names. */
export async function writeIndexFiles(
  { view }: PrunePlan,
  change: IndexChange,
  { signal, guard }: Cancellable & { readonly guard: () => Promise<void> },
): Promise<Set<string>> {
  const names = new Set<string>()
  for (const json of change.newFiles()) {
    await guard()
    names.add(await view.repository.saveFile('index', json, { signal }))
  }
  return names
}
