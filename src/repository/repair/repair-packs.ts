import type { BlobIndex } from '../blob-index.ts'
import type { BlobType } from '../delivery.ts'
import { RepositoryError } from '../errors.ts'
import type { IndexedPack } from '../format/index-file.ts'
import { idFromHex, idToHex } from '../format/ids.ts'
import type { PackBlobs } from '../format/pack-header.ts'
import { enterPack } from '../index-packs.ts'
import type { Repository } from '../repository.ts'
import { planIndexSwap } from './index-swap.ts'
import type { IndexSwap } from './index-swap.ts'
import { loadIndexView } from './index-view.ts'
import type { IndexView } from './index-view.ts'
import { lookAtPack, readBlobs } from './pack-look.ts'
import type { PackLook } from './pack-look.ts'
import { readHeader } from './pack-headers.ts'
import { waitForSecondLook } from './second-look.ts'
import type { Look, LookOptions } from './second-look.ts'

/**
 * What becomes of a pack that was named for repair:
 * - `salvage`: it is damaged; intact blobs are copied, then it leaves the index and is deleted
 * - `forget`: it is gone; the index no longer names it
 * - `reindex`: it is sound, and the index says something else; its header counts
 * - `sound`: nothing is wrong; `unsteady`: wrong at both looks, each time in another way. Both stay as they are.
 */
export type PackRepairFate = 'salvage' | 'forget' | 'reindex' | 'sound' | 'unsteady'

export interface PlannedPackRepair {
  readonly name: string
  readonly fate: PackRepairFate
  /** Bytes of the file. */
  readonly size: number
  /** Parts of a sentence. */
  readonly reasons: readonly string[]
  /** Entries of the index whose blobs are copied. */
  readonly intact: readonly number[]
  /** Blobs that are damaged here and whole in another pack. */
  readonly elsewhere: number
  readonly lost: readonly LostBlob[]
  /** True when it was wrong at the first look only. */
  readonly onlyWhenReadAgain: boolean
}

export interface LostBlob {
  readonly type: BlobType
  readonly id: string
}

export interface PackRepairPlan {
  readonly view: IndexView
  readonly packs: readonly PlannedPackRepair[]
  readonly swap: IndexSwap
  readonly isEmpty: boolean
}

export interface PlanPackRepairOptions extends LookOptions {
  readonly onProgress?:
    | ((step: 'load index' | 'read packs', done: number, total: number | undefined) => void)
    | undefined
}

/** A pack under repair. */
interface Patient {
  readonly name: string
  readonly size: number | undefined
  /** Its blobs by index and header, each place once. */
  readonly entries: readonly number[]
  /** Those of them that the header names. */
  readonly named: readonly number[]
  /** What stands in the index is what the header says. */
  readonly isIndexed: boolean
  readonly header: Look<PackBlobs>
}

/**
 * Reads the packs whose ids begin with these names, twice where they are not right, and decides what to do.
 * Throws `PACK_NOT_FOUND`, `PACK_AMBIGUOUS`, `INDEX_INCOMPLETE`, `STORAGE_UNSTEADY`.
 */
export async function planPackRepair(
  repository: Repository,
  names: readonly string[],
  options: PlanPackRepairOptions = {},
): Promise<PackRepairPlan> {
  const view = await loadIndexView(repository, options)
  refuseDamagedIndex(view)
  const chosen = [...new Set(names.map((name) => findPack(view, name)))]
  const looked: { readonly patient: Patient; readonly look: PackLook; before?: PackLook }[] = []
  for (const name of chosen) {
    const patient = await examine(view, name, options)
    looked.push({ patient, look: await look(view, patient, options) })
    options.onProgress?.('read packs', looked.length, chosen.length)
  }
  const again = await lookAgain(view, looked, options)
  const marks = enterMarks(view)
  const packs: PlannedPackRepair[] = []
  const undeleted = new Map<string, IndexedPack>()
  for (const { patient, look: found, before } of again) {
    packs.push(await decide(view, { patient, look: found, before, chosen: new Set(chosen), marks, undeleted }, options))
  }
  const swap = planSwap(view, packs, again, undeleted)
  const isEmpty = packs.every(({ fate }) => fate === 'sound' || fate === 'unsteady')
  return { view, packs, swap, isEmpty }
}

// What a damaged index says is not known, so nothing can be called lost.
function refuseDamagedIndex({ damagedFiles }: IndexView): void {
  const [name] = damagedFiles.keys()
  if (name === undefined) return
  throw new RepositoryError('INDEX_INCOMPLETE', { reason: `the index ${name.slice(0, 10)} is damaged` })
}

function findPack({ table, sizes }: IndexView, start: string): string {
  const all = new Set([...sizes.keys(), ...table.packs.map(({ name }) => name)])
  const found = /^[0-9a-f]+$/.test(start) ? [...all].filter((name) => name.startsWith(start)) : []
  if (found.length > 1) throw new RepositoryError('PACK_AMBIGUOUS', { name: start })
  if (found[0] === undefined) throw new RepositoryError('PACK_NOT_FOUND', { name: start })
  return found[0]
}

async function examine(view: IndexView, name: string, options: LookOptions): Promise<Patient> {
  const { repository, table, sizes } = view
  const { index } = repository
  const size = sizes.get(name) ?? (await repository.backend.size({ type: 'pack', name }, options))
  const indexed = table.get(name)
  const known = indexed ? [...table.entriesOf(indexed.place)] : []
  const gone = { ok: false, reason: 'it is missing', trace: '' } as const
  const header = size === undefined ? gone : await readHeader(repository, { name, size, blobs: known.length }, options)
  if (!header.ok) return { name, size, entries: known, named: [], isIndexed: indexed !== undefined, header }
  const named = enterNamed(index, name, known, header.found)
  const entries = [...new Set([...known, ...named])]
  const isIndexed = indexed?.numbers.length === 1 && entries.length === known.length && named.length === known.length
  return { name, size, entries, named, isIndexed, header }
}

/** The entries of what the header names; what the index does not know is entered in memory. */
function enterNamed(index: BlobIndex, name: string, known: readonly number[], blobs: PackBlobs): number[] {
  const byPlace = new Map(known.map((entry) => [placeOf(index, entry), entry]))
  let pack = -1
  return Array.from({ length: blobs.count }, (_, i) => {
    const type = blobs.types[i] === 1 ? 'tree' : 'data'
    const [offset, length, plainLength] = [blobs.offsets[i], blobs.lengths[i], blobs.plainLengths[i]] as Numbers
    const entry = byPlace.get(`${type} ${idToHex(blobs.ids, i * 32)} ${offset} ${length} ${plainLength}`)
    if (entry !== undefined) return entry
    if (pack < 0) pack = index.addPack(idFromHex(name))
    return index.add(type, blobs.ids, i * 32, { pack, offset, length, plainLength })
  })
}

type Numbers = [number, number, number]

function placeOf(index: BlobIndex, entry: number): string {
  const place = `${index.offsetOf(entry)} ${index.lengthOf(entry)} ${index.uncompressedLengthOf(entry)}`
  return `${index.typeOf(entry)} ${idToHex(index.idOf(entry))} ${place}`
}

async function look(view: IndexView, patient: Patient, options: LookOptions): Promise<PackLook> {
  const { size, entries } = patient
  if (size !== undefined) return await lookAtPack(view.repository, { ...patient, size }, options)
  return { intact: [], bad: entries, isWhole: false, reasons: ['it is missing'], trace: 'missing' }
}

interface Looked {
  readonly patient: Patient
  readonly look: PackLook
  /** The first look, where a second was needed. */
  readonly before?: PackLook | undefined
}

async function lookAgain(view: IndexView, looked: readonly Looked[], options: LookOptions): Promise<Looked[]> {
  if (looked.every(({ look: { reasons } }) => reasons.length === 0)) return [...looked]
  await waitForSecondLook(options)
  const again: Looked[] = []
  for (const { patient, look: before } of looked) {
    if (before.reasons.length === 0) again.push({ patient, look: before })
    else {
      const second = await examine(view, patient.name, options)
      again.push({ patient: second, look: await look(view, second, options), before })
    }
  }
  return again
}

/** Blobs of packs that wait to be deleted count as copies, too. Returns the first number of such a pack. */
function enterMarks({ repository: { index }, marked }: IndexView): number {
  const first = index.packCount
  for (const mark of marked.values()) enterPack(index, mark)
  return first
}

interface Deciding extends Looked {
  readonly chosen: ReadonlySet<string>
  /** From this number on, packs wait to be deleted. */
  readonly marks: number
  /** Packs that no longer wait, because the only sound copy of a blob lies there. */
  readonly undeleted: Map<string, IndexedPack>
}

async function decide(view: IndexView, deciding: Deciding, options: LookOptions): Promise<PlannedPackRepair> {
  const { patient, look: found, before } = deciding
  const { name, size = 0 } = patient
  const none = { name, size, reasons: found.reasons, intact: [], elsewhere: 0, lost: [], onlyWhenReadAgain: false }
  if (found.reasons.length === 0) {
    return { ...none, fate: patient.isIndexed ? 'sound' : 'reindex', onlyWhenReadAgain: before !== undefined }
  }
  if (before?.trace !== found.trace) return { ...none, fate: 'unsteady' }
  const { index } = view.repository
  const copied = new Set(found.intact.map((entry) => index.firstOf(entry)))
  const lost: LostBlob[] = []
  let elsewhere = 0
  for (const entry of found.bad) {
    if (copied.has(index.firstOf(entry))) continue
    if (await hasSoundCopy(view, entry, deciding, options)) elsewhere++
    else lost.push({ type: index.typeOf(entry), id: idToHex(index.idOf(entry)) })
  }
  const fate = patient.size === undefined ? 'forget' : found.isWhole ? 'reindex' : 'salvage'
  return { ...none, fate, intact: found.intact, elsewhere, lost }
}

async function hasSoundCopy(
  { repository, sizes, marked }: IndexView,
  bad: number,
  { chosen, marks, undeleted }: Deciding,
  options: LookOptions,
): Promise<boolean> {
  const { index } = repository
  for (const entry of index.findAll(index.typeOf(bad), index.idOf(bad))) {
    const name = index.packName(index.packOf(entry)).toString('hex')
    const size = sizes.get(name)
    if (chosen.has(name) || size === undefined) continue
    for await (const { wrong } of readBlobs(repository, name, [entry], { ...options, size })) {
      if (wrong) continue
      const mark = index.packOf(entry) >= marks ? marked.get(name) : undefined
      if (mark) undeleted.set(name, mark)
      return true
    }
  }
  return false
}

function planSwap(
  view: IndexView,
  packs: readonly PlannedPackRepair[],
  looked: readonly Looked[],
  undeleted: ReadonlyMap<string, IndexedPack>,
): IndexSwap {
  const leaving = packs.filter(({ fate }) => fate !== 'sound' && fate !== 'unsteady').map(({ name }) => name)
  const reindexed = packs.flatMap(({ name, fate }): IndexedPack[] => {
    const header = looked.find(({ patient }) => patient.name === name)?.patient.header
    return fate === 'reindex' && header?.ok ? [{ id: idFromHex(name), blobs: header.found }] : []
  })
  return planIndexSwap(view, {
    leaving: new Set(leaving),
    fresh: [...reindexed, ...undeleted.values()],
    unmarked: new Set([...undeleted.keys(), ...leaving]),
  })
}
