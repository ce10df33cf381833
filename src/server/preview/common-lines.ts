/** A line that both have: its place in the older and in the newer text, from 0. */
export type Pair = readonly [number, number]

/**
 * Steps that the search for the shortest way may take, some tens of milliseconds: through texts that have little in common it
 * would take minutes.
 */
const mostSteps = 4_000_000

/** Edits on that way: what is remembered of the search grows with their square. */
const mostEdits = 1000

/**
 * The lines that both texts have, in order: those at the beginning and the end, and between them those on the shortest way
 * of edits from one to the other (E. Myers, An O(ND) Difference Algorithm and Its Variations, 1986). Where that is too far,
 * `isRough`, and nothing between them.
 */
export function commonLines(
  before: readonly string[],
  after: readonly string[],
): { readonly pairs: readonly Pair[]; readonly isRough: boolean } {
  const numbers = new Map<string, number>()
  const [a, b] = [numbered(before, numbers), numbered(after, numbers)]
  const shorter = Math.min(a.length, b.length)
  let start = 0
  while (start < shorter && a[start] === b[start]) start++
  let end = 0
  while (end < shorter - start && a.at(-1 - end) === b.at(-1 - end)) end++

  const between = shortestWay(a.subarray(start, a.length - end), b.subarray(start, b.length - end))
  const pairs: Pair[] = Array.from({ length: start }, (_, line) => [line, line] as const)
  for (const [line, other] of between ?? []) pairs.push([start + line, start + other])
  for (let left = end; left > 0; left--) pairs.push([a.length - left, b.length - left])
  return { pairs, isRough: between === undefined }
}

/** The same number for the same line. */
function numbered(lines: readonly string[], numbers: Map<string, number>): Int32Array {
  return Int32Array.from(lines, (line) => {
    const number = numbers.get(line) ?? numbers.size
    numbers.set(line, number)
    return number
  })
}

function shortestWay(a: Int32Array, b: Int32Array): Pair[] | undefined {
  const rounds = search(a, b)
  return rounds && backtrack(rounds, [a.length, b.length])
}

/**
 * How far into `a` one gets with 0, 1, 2 … edits, on each diagonal (place in `a` less place in `b`), until the end is
 * reached. With `d` edits one is on diagonals `-d` to `d`; diagonal `k` stands at `k + d`.
 */
function search(a: Int32Array, b: Int32Array): Int32Array[] | undefined {
  const rounds: Int32Array[] = []
  let steps = 0
  for (let edits = 0; edits <= mostEdits; edits++) {
    const round = new Int32Array(2 * edits + 1)
    for (let diagonal = -edits; diagonal <= edits; diagonal += 2) {
      let x = edits === 0 ? 0 : reached(rounds[edits - 1] as Int32Array, { edits, diagonal }).x
      let y = x - diagonal
      while (x < a.length && y < b.length && a[x] === b[y]) [x, y, steps] = [x + 1, y + 1, steps + 1]
      round[diagonal + edits] = x
      if (x >= a.length && y >= b.length) return [...rounds, round]
      if (++steps > mostSteps) return undefined
    }
    rounds.push(round)
  }
  return undefined
}

/** Where one edit more leads: from the diagonal below (a line of `b` added) or the one above (a line of `a` removed). */
function reached(
  before: Int32Array,
  { edits, diagonal }: { readonly edits: number; readonly diagonal: number },
): { readonly from: number; readonly x: number } {
  const at = (other: number) => before[other + edits - 1] as number
  const isAdded = diagonal === -edits || (diagonal !== edits && at(diagonal - 1) < at(diagonal + 1))
  return isAdded ? { from: diagonal + 1, x: at(diagonal + 1) } : { from: diagonal - 1, x: at(diagonal - 1) + 1 }
}

function backtrack(rounds: readonly Int32Array[], [endX, endY]: Pair): Pair[] {
  const pairs: Pair[] = []
  let [x, diagonal] = [endX, endX - endY]
  for (let edits = rounds.length - 1; edits >= 0; edits--) {
    const edit = edits === 0 ? { from: 0, x: 0 } : reached(rounds[edits - 1] as Int32Array, { edits, diagonal })
    while (x > edit.x) pairs.push([--x, x - diagonal])
    if (edits > 0) [x, diagonal] = [(rounds[edits - 1] as Int32Array)[edit.from + edits - 1] as number, edit.from]
  }
  return pairs.reverse()
}
