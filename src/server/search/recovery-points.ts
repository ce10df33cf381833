/** A snapshot, as far as search needs it. */
export interface RecoveryPoint {
  /** Id of the snapshot. */
  readonly id: string
  /** RFC 3339. */
  readonly time: string
  /** The same in nanoseconds since 1970, as decimal digits. */
  readonly nanoseconds: string
  readonly host: string
  readonly paths: readonly string[]
  readonly tags: readonly string[]
  /** Id of the root tree, hexadecimal. */
  readonly tree: string
  /** False when a folder of it could not be read: then what is missing in it proves nothing. */
  readonly isWhole: boolean
}

/** Snapshots of the same paths of one host, in the order of time: each is compared with the one before it. */
export interface Series {
  readonly host: string
  /** Slots. */
  readonly order: number[]
}

/**
 * The recovery points of one repository. Each has a *slot*, a number that stays the same while others come and go, also when
 * it is forgotten: what the index says of files refers to slots, so that forgetting a snapshot changes one flag.
 */
export class RecoveryPoints {
  readonly points: RecoveryPoint[] = []
  readonly isLive: boolean[] = []
  /** Number of each slot's series. */
  readonly seriesOf: number[] = []
  readonly series: Series[] = []
  readonly #times: bigint[] = []
  readonly #seriesByKey = new Map<string, number>()
  readonly #liveById = new Map<string, number>()

  get size(): number {
    return this.points.length
  }

  get liveCount(): number {
    return this.#liveById.size
  }

  /** Milliseconds since 1970. */
  timeOf(slot: number): number {
    return Number((this.#times[slot] as bigint) / 1_000_000n)
  }

  liveIds(): IterableIterator<string> {
    return this.#liveById.keys()
  }

  slotOf(id: string): number | undefined {
    return this.#liveById.get(id)
  }

  /** Gives a recovery point its slot. */
  add(point: RecoveryPoint, isLive = true): number {
    const time = BigInt(point.nanoseconds)
    const slot = this.points.push(point) - 1
    this.#times.push(time)
    this.isLive.push(isLive)
    if (isLive) this.#liveById.set(point.id, slot)
    const number = this.#seriesNumber(point)
    this.seriesOf.push(number)
    const { order } = this.series[number] as Series
    let at = order.length
    while (at > 0 && this.#compare(order[at - 1] as number, slot) > 0) at--
    order.splice(at, 0, slot)
    return slot
  }

  remove(slot: number): void {
    this.isLive[slot] = false
    this.#liveById.delete((this.points[slot] as RecoveryPoint).id)
  }

  setWhole(slot: number, isWhole: boolean): void {
    this.points[slot] = { ...(this.points[slot] as RecoveryPoint), isWhole }
  }

  /**
   * A forgotten slot that this new snapshot can take over, because all that the index says of files there is true of it too:
   * what changing tags leaves behind. Undefined when there is none.
   */
  takenOverBy(point: RecoveryPoint): number | undefined {
    const number = this.#seriesByKey.get(keyOf(point))
    if (number === undefined) return undefined
    const time = BigInt(point.nanoseconds)
    const atThatTime = (this.series[number] as Series).order.filter((slot) => this.#times[slot] === time)
    const [slot] = atThatTime
    // Of several at one moment the order is that of their ids, which may now be another one.
    if (slot === undefined || atThatTime.length > 1 || this.isLive[slot]) return undefined
    return (this.points[slot] as RecoveryPoint).tree === point.tree ? slot : undefined
  }

  /** The point takes the slot over; it is as whole as what was there. */
  takeOver(slot: number, point: RecoveryPoint): void {
    const { isWhole } = this.points[slot] as RecoveryPoint
    this.points[slot] = { ...point, isWhole }
    this.isLive[slot] = true
    this.#liveById.set(point.id, slot)
  }

  #seriesNumber(point: RecoveryPoint): number {
    const key = keyOf(point)
    const known = this.#seriesByKey.get(key)
    if (known !== undefined) return known
    const number = this.series.push({ host: point.host, order: [] }) - 1
    this.#seriesByKey.set(key, number)
    return number
  }

  #compare(a: number, b: number): number {
    const [timeA, timeB] = [this.#times[a] as bigint, this.#times[b] as bigint]
    if (timeA !== timeB) return timeA < timeB ? -1 : 1
    return (this.points[a] as RecoveryPoint).id < (this.points[b] as RecoveryPoint).id ? -1 : 1
  }
}

function keyOf({ host, paths }: RecoveryPoint): string {
  return JSON.stringify([host, ...paths.toSorted()])
}
