import type { ParsedQuery, PointFilter } from './query.ts'
import type { RecoveryPoint, RecoveryPoints } from './recovery-points.ts'

/**
 * Which recovery points a query looks at, so that each row is judged by two look-ups. *Positions* number all slots, series by
 * series, in each in the order of time: rows of one series are compared by them.
 */
export interface Selection {
  /** For each slot: position of the first selected one of its series not before it; `none` without one. */
  readonly atOrAfter: Int32Array
  /** For each slot: position of the last selected one of its series not after it; -1 without one. */
  readonly atOrBefore: Int32Array
  /** For each position: the position of the next selected one after it that is whole; -1 without one. */
  readonly wholeAfter: Int32Array
  /** The same backwards. */
  readonly wholeBefore: Int32Array
  /** For each position: how many selected ones come before it, of all series. */
  readonly countBefore: Int32Array
  /** For each series: the position of the newest selected one, -1 without one. */
  readonly newest: Int32Array
  /** For each series: the position of what was the newest at the time that is asked for, -1 without one. */
  readonly atTime: Int32Array
  /** For each series: how late it goes on, or comes near the time that is asked for, compared with the others; -1 without a point. */
  readonly ranks: Int32Array
  /** By position: milliseconds since 1970, and the slot. */
  readonly times: Float64Array
  readonly slots: Int32Array
  readonly selected: number
}

/** Larger than every position. */
const none = 0x7fff_ffff

export function selectPoints(points: RecoveryPoints, { points: filter, at }: ParsedQuery): Selection {
  const size = points.size
  const selection = {
    atOrAfter: new Int32Array(size),
    atOrBefore: new Int32Array(size),
    wholeAfter: new Int32Array(size),
    wholeBefore: new Int32Array(size),
    countBefore: new Int32Array(size + 1),
    newest: new Int32Array(points.series.length).fill(-1),
    atTime: new Int32Array(points.series.length).fill(-1),
    ranks: new Int32Array(points.series.length).fill(-1),
    times: new Float64Array(size),
    slots: new Int32Array(size),
  }
  let first = 0
  let selected = 0
  points.series.forEach(({ order }, number) => {
    const isSelected = order.map((slot) => points.isLive[slot] === true && passes(points, slot, filter))
    selected = fillForward(selection, points, { order, isSelected, first, number, at, selected })
    fillBackward(selection, points, { order, isSelected, first })
    first += order.length
  })
  selection.countBefore[size] = selected
  rankSeries(selection, points, at === undefined ? selection.newest : selection.atTime)
  return { ...selection, selected }
}

interface SeriesWork {
  readonly order: readonly number[]
  readonly isSelected: readonly boolean[]
  /** Position of its first slot. */
  readonly first: number
}

function fillForward(
  selection: Omit<Selection, 'selected'>,
  points: RecoveryPoints,
  work: SeriesWork & { readonly number: number; readonly at: number | undefined; readonly selected: number },
): number {
  const { order, isSelected, first, number, at } = work
  let { selected } = work
  let [last, whole] = [-1, -1]
  order.forEach((slot, place) => {
    const position = first + place
    const time = points.timeOf(slot)
    selection.times[position] = time
    selection.slots[position] = slot
    selection.countBefore[position] = selected
    selection.wholeBefore[position] = whole
    if (isSelected[place]) {
      last = position
      selected++
      if (points.points[slot]?.isWhole) whole = position
      selection.newest[number] = position
      if (at !== undefined && time <= at) selection.atTime[number] = position
    }
    selection.atOrBefore[slot] = last
  })
  return selected
}

function fillBackward(
  selection: Omit<Selection, 'selected'>,
  points: RecoveryPoints,
  { order, isSelected, first }: SeriesWork,
): void {
  let [next, whole] = [none, -1]
  for (let place = order.length - 1; place >= 0; place--) {
    const slot = order[place] as number
    selection.wholeAfter[first + place] = whole
    if (isSelected[place]) {
      next = first + place
      if (points.points[slot]?.isWhole) whole = next
    }
    selection.atOrAfter[slot] = next
  }
}

/** By the time of what each ends with; of two at one moment by its id, so that the order does not depend on how the index came to be. */
function rankSeries(
  { ranks, times, slots }: Omit<Selection, 'selected'>,
  { points }: RecoveryPoints,
  ends: Int32Array,
): void {
  const idOf = (end: number) => points[slots[end] as number]?.id ?? ''
  const order = [...ends.keys()].filter((number) => (ends[number] as number) >= 0)
  order.sort((a, b) => {
    const [endA, endB] = [ends[a] as number, ends[b] as number]
    return (times[endA] as number) - (times[endB] as number) || (idOf(endA) < idOf(endB) ? -1 : 1)
  })
  order.forEach((number, rank) => {
    ranks[number] = rank
  })
}

function passes(points: RecoveryPoints, slot: number, { time, hosts, paths, tags }: PointFilter): boolean {
  const point = points.points[slot] as RecoveryPoint
  const when = points.timeOf(slot)
  return (
    when >= time.from &&
    when <= time.to &&
    (!hosts || hosts.includes(point.host)) &&
    paths.every((path) => point.paths.includes(path)) &&
    tags.every((tag) => point.tags.includes(tag))
  )
}
