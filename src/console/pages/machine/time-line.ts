import type { RecoveryPoint } from '#protocol'

/** A recovery point as a bar on a time line. */
export interface Bar {
  readonly id: string
  /** Milliseconds since 1970. */
  readonly at: number
  readonly x: number
  readonly length: number
  /** Bytes that were new in it. */
  readonly added: number
  readonly isSuspect: boolean
}

interface Room {
  readonly width: number
  readonly height: number
}

/** A bar is never so short that one does not see it. */
const shortest = 3
const thickness = 4

/**
 * Places recovery points by their time, oldest first, each as long as what was new in it. Lengths grow with the root of
 * the bytes: the first copy is so much larger than all others that they would else not be seen.
 */
export function placeOnTimeLine(points: readonly RecoveryPoint[], { width, height }: Room): readonly Bar[] {
  const known = points
    .flatMap(({ id, receivedAt, content, suspicions }) => {
      const time = receivedAt ?? content?.claimedAt
      if (time === undefined) return []
      return [{ id, at: Date.parse(time), added: content?.bytesAdded ?? 0, isSuspect: suspicions.length > 0 }]
    })
    .toSorted((a, b) => a.at - b.at)
  const [first, last] = [known[0]?.at ?? 0, known.at(-1)?.at ?? 0]
  const most = Math.max(1, ...known.map(({ added }) => added))
  return known.map((point) => ({
    ...point,
    x: last === first ? 0 : ((point.at - first) / (last - first)) * (width - thickness),
    length: Math.max(shortest, Math.sqrt(point.added / most) * height),
  }))
}
